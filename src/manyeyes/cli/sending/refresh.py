"""`send --refresh`: gives earlier results the names of today, by the people's ids, without recognising again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from manyeyes.api.people import PersonNow
from manyeyes.cli.sending.record import RESULTS_NAME, decode, encode, lock, read_lines, replace_with
from manyeyes.cli.sending.timelines import write_timelines
from manyeyes.cli.sending.videos import StillReader
from manyeyes.config import Limits
from manyeyes.errors import DamagedPicture, FileTrouble, ManyeyesError, NoSuchFile
from manyeyes.local_files import MOST_PICTURE_BYTES, read_whole
from manyeyes.results import Face, Result
from manyeyes.spans import clock
from manyeyes.wording import listed, several

Now = Mapping[str, PersonNow | None]
Redraw = Callable[[Path, dict[str, Any]], bytes]
OUTDATED = "picture_outdated"
"""In a line whose predicted picture shows earlier names, and could not be drawn anew."""
_MOST_LISTED = 5


class AsksNames(Protocol):
    """What a refresh needs from a client."""

    def names(self, person_ids: list[str], /) -> Now:
        """Who people of earlier results are now."""
        ...


@dataclass
class Refreshed:
    """What a refresh changed."""

    pictures: int = 0
    faces: int = 0
    removed: int = 0
    """Faces without a name now, because the person was removed."""
    without_id: int = 0
    """Named faces of results that have no id, as earlier versions wrote them: they stay."""
    drawn: int = 0
    old: list[str] = field(default_factory=list)
    """Predicted pictures that still show the earlier name."""

    def sentences(self, out: Path) -> list[str]:
        """For people."""
        if self.faces:
            gone = f" ({self.removed} of a person who was removed)" if self.removed else ""
            said = [
                f"names renewed: {several(self.faces, 'face')}{gone} in {several(self.pictures, 'picture')}, "
                f"{several(self.drawn, 'predicted picture')} drawn anew"
            ]
        else:
            drawn = f"; {several(self.drawn, 'predicted picture')} drawn anew" if self.drawn else ""
            said = [f"all names in {out / RESULTS_NAME} are those of today{drawn}"]
        if self.old:
            names = listed(self.old, _MOST_LISTED)
            said.append(f"these show earlier names, because their originals are gone or changed: {names}")
        if self.without_id:
            said.append(
                f"without an id, because an earlier version wrote them, and so not renewed: "
                f"{several(self.without_id, 'name')}; --again sends their pictures anew"
            )
        return said


def person_ids(out: Path) -> list[str]:
    """The ids of all people in the results of OUT, each once. Raises OSError."""
    found: dict[str, None] = {}
    for line in read_lines(out / RESULTS_NAME):
        for face in line.get("faces", ()):
            if isinstance(person_id := face.get("person_id"), str):
                found[person_id] = None
    return list(found)


def renamed(out: Path, now: Now) -> dict[str, str | None]:
    """The names in the results of OUT that are other ones today; None: the person was removed. Raises OSError."""
    found: dict[str, str | None] = {}
    for line in read_lines(out / RESULTS_NAME):
        for face in line.get("faces", ()):
            person_id, name = face.get("person_id"), face.get("name")
            if name is None or not isinstance(person_id, str) or person_id not in now:
                continue
            person = now[person_id]
            if person is None or person.name != name:
                found[name] = person.name if person else None
    return found


def names_changed(out: Path, client: AsksNames) -> str:
    """What is said after a run that went on with earlier results whose names are not those of today; empty if they are."""
    try:
        ids = person_ids(out)
        others = renamed(out, client.names(ids)) if ids else {}
    except (OSError, ManyeyesError):
        # a hint that a finished run can do without; a master of before knows no ids
        return ""
    if not others:
        return ""
    told = [f"{before} is {after if after else 'nobody'} now" for before, after in others.items()]
    return (
        f"names have changed since earlier pictures were sent ({listed(told, _MOST_LISTED)}); the same command "
        "with --refresh renews them, without sending a picture"
    )


def with_names(line: dict[str, Any], now: Now) -> dict[str, Any]:
    """A line with the names of today; the same object if nothing changes."""
    faces = [_with_name(face, now) for face in line.get("faces", ())]
    return line if faces == line.get("faces", []) else {**line, "faces": faces}


def _with_name(face: dict[str, Any], now: Now) -> dict[str, Any]:
    person_id = face.get("person_id")
    if not isinstance(person_id, str) or person_id not in now:
        return face
    person = now[person_id]
    return {**face, "name": person.name if person else None, "person_id": person.id if person else None}


def renew_names(out: Path, client: AsksNames, redraw: Redraw) -> Refreshed:
    """Renew the names in `results.jsonl` of OUT, and the predicted pictures whose originals are there.

    The pictures come first and the results last, each replaced as a whole: after a kill, the same command does the rest.

    Raises:
        FileTrouble: there are no results, another run is at work, or something cannot be written.
        ManyeyesError: the master does not say the names.
    """
    path = out / RESULTS_NAME
    try:
        with _alone(path):
            ids = person_ids(out)
            now = client.names(ids) if ids else {}
            done = Refreshed()
            changed = sum(_renew(out, line, now, redraw, done) for line in read_lines(path))
            if changed:
                replace_with(path, _renewed(path, now, set(done.old)))
            write_timelines(out)
    except OSError as error:
        raise FileTrouble(f"{path} cannot be renewed: {error.strerror or error}") from error
    return done


def _renew(out: Path, line: dict[str, Any], now: Now, redraw: Redraw, done: Refreshed) -> bool:
    """Draw the picture of one line anew if its names change, and count it; returns whether they do."""
    faces = line.get("faces", [])
    done.without_id += sum(face.get("name") is not None and not face.get("person_id") for face in faces)
    new = with_names(line, now)
    outdated = OUTDATED in line
    if new is line and not outdated:
        return False
    pairs = [(before, after) for before, after in zip(faces, new["faces"], strict=True) if before != after]
    done.pictures += bool(pairs)
    done.faces += len(pairs)
    done.removed += sum(after["name"] is None for _, after in pairs)
    output = line.get("output")
    others = outdated or any(before["name"] != after["name"] for before, after in pairs)
    if others and output is not None and (out / output).is_file():
        try:
            replace_with(out / str(output), [redraw(out, new)])
            done.drawn += 1
        except ManyeyesError:
            done.old.append(str(output))
    return True


def _renewed(path: Path, now: Now, old: set[str]) -> Iterator[bytes]:
    """The lines with the names of today. One whose picture still shows earlier names says so, for the next refresh."""
    with path.open("rb") as file:
        for raw in file:
            line = decode(raw)
            if line is None:
                yield raw
                continue
            new = {name: value for name, value in with_names(line, now).items() if name != OUTDATED}
            if new.get("output") in old:
                new[OUTDATED] = True
            yield raw if new == line else encode(new)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    if not path.is_file():
        raise NoSuchFile(f"there is no {path}; --refresh renews the results of an earlier 'manyeyes send'")
    with path.open("ab") as file:
        try:
            lock(file)
        except BlockingIOError as error:
            raise FileTrouble(
                f"another 'manyeyes send' is writing to {path.parent}; wait for it to end"
            ) from error
        yield


def drawn_from_original(out: Path, line: dict[str, Any], stills: StillReader | None = None) -> bytes:
    """The predicted picture of a line, drawn on this machine from the original.

    Args:
        stills: decodes the original if it is a still of a video; None: one for this still alone.

    Raises:
        ManyeyesError: the original is gone, was changed, or cannot be drawn here.
    """
    from manyeyes.recognition.pictures.predicted import draw
    from manyeyes.recognition.pictures.probe import probe

    source = Path(str(line.get("source", "")))
    try:
        facts = source.stat()
        original = b"" if "time_s" in line else read_whole(source, MOST_PICTURE_BYTES)
    except OSError as error:
        raise FileTrouble(f"{source} cannot be read: {error.strerror or error}") from error
    if (facts.st_size, facts.st_mtime_ns) != (line.get("size"), line.get("mtime_ns")):
        raise FileTrouble(f"{source} was changed since it was sent")
    if "time_s" in line:
        original = _still(stills or StillReader(), source, float(line["time_s"]))
    limits = Limits()
    info = probe(original, max_bytes=limits.max_picture_bytes, max_megapixels=limits.max_megapixels)
    faces = tuple(
        Face(
            box_xyxy_px=tuple(face["box"]),
            landmarks_px=(),
            score=1.0,
            name=face["name"],
            distance=face["distance"],
            threshold=face["threshold"],
            confidence=face["confidence"],
            too_small=face.get("too_small"),
        )
        for face in line["faces"]
    )
    result = Result(
        width_px=info.width_px,
        height_px=info.height_px,
        media_type=info.media_type,
        faces=faces,
        pack=str(line.get("pack", "")),
        timings_ms={},
    )
    return draw(original, result).content


def _still(stills: StillReader, video: Path, time_s: float) -> bytes:
    still = stills.opened(video).still(time_s)
    if still is None:
        raise DamagedPicture(f"{video} ends before {clock(time_s, exact=True)}")
    return still
