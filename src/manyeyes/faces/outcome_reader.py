"""Reads what nodes report of faces. Nothing in it is trusted."""

from __future__ import annotations

from manyeyes.contract import PICTURE, Outcome, Task
from manyeyes.dispatch.arrived import Arrived
from manyeyes.error_codes import from_code
from manyeyes.errors import EnrolmentError, ManyeyesError, PackError, PictureError
from manyeyes.face_results import (
    EMBEDDINGS,
    MAX_CROP_BYTES,
    MOST_UNKNOWN,
    THUMBNAIL,
    UNKNOWN,
    Enrolled,
    FaceOutcome,
    UnknownFaces,
)
from manyeyes.plain_text import MAX_TEXT_CHARACTERS, plain, seen_only
from manyeyes.recognition.pictures.formats import BY_MEDIA_TYPE
from manyeyes.results import Caution, Result

MAX_UNKNOWN_BYTES = MOST_UNKNOWN * 2 * MAX_CROP_BYTES
MAX_EMBEDDING_BYTES = 16 * 1024
"""The most bytes of one face."""
_MAY_SAY = (PictureError, EnrolmentError, PackError)
"""A node tells what is wrong with a picture or with its pack. It may not tell a user that a key is refused, or that
the master is busy, which would have the picture sent again for ever."""


class FaceReader:
    """Reads the outcomes of the face pack; a `Reader` of the dispatcher."""

    def content(self, task: Task, arrived: Arrived) -> FaceOutcome:
        """Check an outcome and return its content.

        Raises:
            ValueError: it does not belong to this kind of task, or holds values that must not be shown.
        """
        attached = arrived.attachments
        picture = attached.get(PICTURE, b"")
        if task.kind != "recognize":
            enrolled = Enrolled.model_validate_json(arrived.result_json)
            _check_cautions(enrolled.warnings)
            return FaceOutcome(task.id, enrolled=enrolled, picture=picture)
        result = Result.model_validate_json(arrived.result_json)
        _check(result)
        unknown = UnknownFaces()
        if UNKNOWN in task.wants and UNKNOWN in attached:
            _check_size(UNKNOWN, attached[UNKNOWN], MAX_UNKNOWN_BYTES)
            unknown = UnknownFaces.model_validate_json(attached[UNKNOWN])
            for face in unknown.faces:
                _check_cautions(face.warnings)
        embeddings = attached.get(EMBEDDINGS, b"")
        _check_size(EMBEDDINGS, embeddings, MAX_EMBEDDING_BYTES * len(result.faces))
        return FaceOutcome(
            task_id=task.id,
            result=result,
            result_json=arrived.result_json,
            picture=picture,
            embeddings=embeddings,
            unknown=unknown.faces,
            thumbnail=attached.get(THUMBNAIL, b"") if THUMBNAIL in task.wants else b"",
        )

    def error(self, outcome: Outcome) -> ManyeyesError:
        """The error that a node reports, if it may report it; else a general one."""
        error = from_code(outcome.code, plain(outcome.detail))
        return error if isinstance(error, _MAY_SAY) else from_code(ManyeyesError.code, plain(outcome.detail))


def _check_size(what: str, content: bytes, most_bytes: int) -> None:
    if len(content) > most_bytes:
        raise ValueError(f"its part {what!r} has {len(content)} bytes, the limit is {most_bytes}")


def _check(result: Result) -> None:
    for kind in (result.media_type, result.predicted_media_type):
        if kind is not None and kind not in BY_MEDIA_TYPE:
            raise ValueError(f"{kind[:40]!r} is no type of picture")
    for face in result.faces:
        if face.too_small and (face.name is not None or face.distance is not None):
            raise ValueError(f"a face of {face.too_small.size_px} px is too small to name, and was compared")
    _check_cautions(result.warnings)
    _check_texts([result.pack, *result.timings_ms, *(face.name for face in result.faces if face.name)])


def _check_cautions(cautions: tuple[Caution, ...]) -> None:
    for caution in cautions:
        _check_texts([caution.kind, caution.sentence, caution.photo, *caution.people])


def _check_texts(texts: list[str]) -> None:
    for text in texts:
        if len(text) > MAX_TEXT_CHARACTERS or seen_only(text) != text:
            raise ValueError(f"{text[:40]!r} is no text to be shown")
