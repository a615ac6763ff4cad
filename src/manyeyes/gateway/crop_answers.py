"""Answers with small pictures of people: only for the caller, and only to be displayed."""

from __future__ import annotations

import hashlib

from fastapi import Response

from manyeyes.recognition.pictures.probe import read_header

_PRIVATE = {
    "Cache-Control": "private, no-cache",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}
"""A browser may keep it and must ask each time, so that what was deleted is shown no more."""


def small_picture(content: bytes, if_none_match: str | None = None) -> Response:
    """A picture with its ETag; 304 without it for a caller who has it."""
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {**_PRIVATE, "ETag": etag}
    if if_none_match and etag in {one.strip().removeprefix("W/") for one in if_none_match.split(",")}:
        return Response(status_code=304, headers=headers)
    return Response(content, media_type=read_header(content).media_type, headers=headers)
