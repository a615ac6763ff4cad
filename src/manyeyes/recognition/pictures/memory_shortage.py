"""Turns a shortage of memory into an error of one picture, so that the worker goes on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from manyeyes.errors import TooManyPixels

_IN_WORDS = ("insufficient memory", "out of memory", "bad alloc", "bad_alloc", "failed to allocate memory")
"""Error texts of libraries that have no exception class for it."""


def is_shortage(error: BaseException) -> bool:
    """Whether an exception of any library means that there is too little memory."""
    if isinstance(error, MemoryError):
        return True
    # a pack's environment may lack cv2; if it is not loaded, the error is not from it
    cv2 = sys.modules.get("cv2")
    if cv2 and isinstance(error, cv2.error) and getattr(error, "code", None) == cv2.Error.StsNoMem:
        return True
    told = str(error).lower()
    return any(words in told for words in _IN_WORDS)


@contextmanager
def shortage_named(width_px: int, height_px: int) -> Iterator[None]:
    """Turn any library's shortage of memory into `TooManyPixels`; other exceptions pass through."""
    try:
        yield
    except Exception as error:
        if is_shortage(error):
            raise TooManyPixels(
                f"a picture of {width_px}×{height_px} px needs more memory than this process may have; "
                "shrink it, or give the node more memory"
            ) from error
        raise
