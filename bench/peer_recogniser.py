"""What stands behind both serving frameworks: manyeyes' recogniser, and the same answer that its gateway gives."""

from __future__ import annotations

from pathlib import Path

from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.recognizer import load

BOUNDARY = "manyeyes-peer"
MEDIA_TYPE = f"multipart/mixed; boundary={BOUNDARY}"


class PeerRecogniser:
    """The recogniser with nobody enrolled; not to be shared between threads."""

    def __init__(self, pack: str) -> None:
        self._recognizer = load(Path(pack))
        self._nobody = Gallery.empty()
        self._recognizer.warm_up()

    def answer(self, picture: bytes) -> bytes:
        """JSON and predicted picture, in one multipart/mixed body."""
        result, predicted = self._recognizer.recognize(picture, self._nobody)
        head = result.model_dump_json().encode()
        between = f"\r\n--{BOUNDARY}\r\nContent-Type: {result.predicted_media_type}\r\n\r\n".encode()
        start = f"--{BOUNDARY}\r\nContent-Type: application/json\r\n\r\n".encode()
        return b"".join((start, head, between, predicted or b"", f"\r\n--{BOUNDARY}--\r\n".encode()))
