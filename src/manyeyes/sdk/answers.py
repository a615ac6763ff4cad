"""Types that the client builds from the master's answers; the answers themselves are models in `manyeyes.api`."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.api.model import Answer
from manyeyes.results import Result


@dataclass(frozen=True)
class Prediction:
    """The answer for one picture: the faces, and the predicted picture if it was requested."""

    result: Result
    picture: bytes | None = None
    """The encoded picture with its boxes drawn."""
    media_type: str | None = None
    """The type of `picture`, such as `image/jpeg`. It is the type of the original, but PNG for GIF, TIFF and BMP, and
    JPEG for AVIF and HEIC."""


class SignInLink(Answer):
    """A link that signs in to the console; it works once."""

    url: str
    expires_s: float
