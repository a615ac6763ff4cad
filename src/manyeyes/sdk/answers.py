"""What the client makes of answers; the answers themselves are models of `manyeyes.api`."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.api.model import Answer
from manyeyes.results import Result


@dataclass(frozen=True)
class Prediction:
    """One picture's answer: the faces, and the predicted picture when it was asked for."""

    result: Result
    picture: bytes | None = None
    """The encoded picture with its boxes drawn."""
    media_type: str | None = None
    """Of `picture`, as `image/jpeg`; the original's, but for GIF, TIFF and BMP (PNG), AVIF and HEIC (JPEG)."""


class SignInLink(Answer):
    """A link into the console that works once."""

    url: str
    expires_s: float
