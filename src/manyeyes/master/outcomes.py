"""What nodes say of themselves and of pictures, as far as a master passes it on: nothing is taken on trust."""

from __future__ import annotations

from manyeyes.contract import Beat, HostFacts, Outcome
from manyeyes.errors import EnrolmentError, ManyeyesError, PackError, PictureError, from_code
from manyeyes.recognition.pictures.formats import BY_MEDIA_TYPE

MAX_HEAD_BYTES = 16 * 1024 * 1024
"""Of an outcome without its picture: some 5,000 faces with their embeddings."""
MAX_TEXT_CHARACTERS = 500
_MAY_SAY = (PictureError, EnrolmentError, PackError)
"""A node tells what is wrong with a picture or with its pack. It may not tell a user that a key is refused, or that
the master is busy, which would have the picture sent again for ever."""


def plain(text: str, most: int = MAX_TEXT_CHARACTERS) -> str:
    """A text without what moves a terminal's cursor or breaks a line, cut to a length."""
    return "".join(character if character.isprintable() else " " for character in text[:most])


def plain_host(host: HostFacts) -> HostFacts:
    """A machine's facts, fit to be shown."""
    told = {name: plain(getattr(host, name), 100) for name in ("hostname", "system", "cpu", "python")}
    return host.model_copy(update=told)


def plain_beat(beat: Beat) -> Beat:
    """A heartbeat whose texts are fit to be shown."""
    told = {"reason": plain(beat.reason), "pack": plain(beat.pack, 100), "host": plain_host(beat.host)}
    return beat.model_copy(update=told)


def read_outcome(head: bytes, task_id: str) -> Outcome:
    """An outcome as it may be believed; one that cannot be, counts as an attempt that crashed."""
    try:
        if len(head) > MAX_HEAD_BYTES:
            raise ValueError(f"it has {len(head)} bytes without its picture, the limit is {MAX_HEAD_BYTES}")
        outcome = Outcome.model_validate_json(head)
        _check(outcome)
    except ValueError as error:
        detail = f"the node's answer cannot be used: {plain(str(error), 200)}"
        return Outcome(task_id=task_id, kind="crashed", detail=detail)
    return outcome.model_copy(update={"code": _code(outcome.code), "detail": plain(outcome.detail)})


def _check(outcome: Outcome) -> None:
    texts: list[str] = []
    if outcome.result is not None:
        for kind in (outcome.result.media_type, outcome.result.predicted_media_type):
            if kind is not None and kind not in BY_MEDIA_TYPE:
                raise ValueError(f"{kind[:40]!r} is no type of picture")
        texts += [outcome.result.pack, *outcome.result.timings_ms]
        texts += [face.name for face in outcome.result.faces if face.name]
    if outcome.enrolled is not None:
        texts += [caution.sentence for caution in outcome.enrolled.warnings]
    for unknown in outcome.unknown:
        texts += [text for caution in unknown.warnings for text in (caution.kind, caution.sentence)]
        texts += [text for caution in unknown.warnings for text in (caution.photo, *caution.people)]
    for text in texts:
        if len(text) > MAX_TEXT_CHARACTERS or not text.isprintable():
            raise ValueError(f"{text[:40]!r} is no text to be shown")


def _code(code: str) -> str:
    return code if isinstance(from_code(code, ""), _MAY_SAY) else ManyeyesError.code if code else ""
