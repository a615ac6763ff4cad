"""Picture in, result out: no network, no asyncio, one thread.

    from manyeyes.recognition import Gallery, load

The names load at first use: a gateway that only reads headers imports neither OpenCV nor ONNX Runtime.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manyeyes.recognition.matching.gallery import Gallery, Match
    from manyeyes.recognition.recognizer import Enrolment, Recognizer, load

__all__ = ["Enrolment", "Gallery", "Match", "Recognizer", "load"]

_AT_FIRST_USE = {
    "Enrolment": "manyeyes.recognition.recognizer",
    "Gallery": "manyeyes.recognition.matching.gallery",
    "Match": "manyeyes.recognition.matching.gallery",
    "Recognizer": "manyeyes.recognition.recognizer",
    "load": "manyeyes.recognition.recognizer",
}


def __getattr__(name: str) -> Any:
    if name in _AT_FIRST_USE:
        return getattr(import_module(_AT_FIRST_USE[name]), name)
    raise AttributeError(f"module 'manyeyes.recognition' has no attribute {name!r}")
