"""What a picture is answered with, by the `Accept` header of its request."""

from __future__ import annotations

import re

import mimeparse

from manyeyes.errors import BadRequest, NotAcceptable

JSON, MIXED = "application/json", "multipart/mixed"
_WEIGHT = re.compile(r";\s*q\s*=([^;,]*)", re.IGNORECASE)
_IS_WEIGHT = re.compile(r"\s*(?:0(?:\.\d*)?|1(?:\.0*)?)\s*")
"""A quality, from 0 to 1."""
PICTURES = ("image/webp", "image/png", "image/jpeg")
"""In what a predicted picture may come back, beside the format of the original."""


def chosen(accept: str, original: str) -> str:
    """The media type to answer with: `JSON`, `MIXED`, or one that begins with `image/`.

    Args:
        accept: the header; empty: anything will do.
        original: the media type of the picture that came.

    Raises:
        BadRequest: the header cannot be read.
        NotAcceptable: nothing that there is fits.
    """
    if not accept.strip():
        return JSON
    for weight in _WEIGHT.findall(accept):
        if not _IS_WEIGHT.fullmatch(weight):
            raise BadRequest(
                f"header.accept: q is {weight[:20].strip()!r}; a number from 0 to 1 is needed, as q=0.5"
            )
    try:
        # the last is the first choice of who leaves it open
        found: str = mimeparse.best_match([original, *PICTURES, MIXED, JSON], accept.lower())
    except mimeparse.MimeTypeParseException as error:
        raise BadRequest(
            f"header.accept: {accept[:100]!r} is no list of media types; write {JSON}, {MIXED} or image/*"
        ) from error
    if not found:
        raise _nothing_fits(accept, f"a picture is answered with {JSON}, {MIXED} or image/*")
    return found


def check_fits(accept: str, media_type: str) -> None:
    """Look whether a predicted picture has a media type that was asked for.

    Raises:
        NotAcceptable: it has not.
    """
    if not mimeparse.quality(media_type.lower(), accept.lower()):
        raise _nothing_fits(accept, f"this predicted picture is {media_type}; ask for image/*")


def _nothing_fits(accept: str, there_is: str) -> NotAcceptable:
    return NotAcceptable(f"the request accepts {accept[:100]!r} only, and {there_is}")
