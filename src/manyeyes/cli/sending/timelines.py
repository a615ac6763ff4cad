"""`timeline.json`: who is seen from when to when, in each video and each burst of the results. Made anew by each run."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any

from manyeyes.api.videos import Seen, TimeSpan
from manyeyes.cli.sending.found import is_too_small
from manyeyes.cli.sending.record import RESULTS_NAME, read_lines, replace_with
from manyeyes.errors import FileTrouble
from manyeyes.results import UNKNOWN
from manyeyes.spans import GAP_STILLS, Sighting, Who, span_text, timeline
from manyeyes.wording import listed, several

TIMELINE_NAME = "timeline.json"
BURST_GAP_S = 5.0
"""Pictures of one folder are a burst while each is taken so soon after the one before."""
LEAST_IN_A_BURST = 3
_MARK = "manyeyes_timeline"
_VERSION = 1
_MOST_SPANS = 8

_Dated = tuple[datetime, tuple[Who, ...]]


@dataclass
class VideoTimes:
    """One video of the results."""

    video: str
    source: str
    every_s: float = 0.0
    stills: dict[float, Sighting] = field(default_factory=dict)
    failed: set[float] = field(default_factory=set)

    def add(self, line: dict[str, Any]) -> None:
        """Add the line of a still; of two lines for one time the later one counts."""
        time_s = float(line["time_s"])
        self.every_s = max(self.every_s, float(line["every_s"]))
        self.stills.pop(time_s, None)
        self.failed.discard(time_s)
        if "faces" in line:
            self.stills[time_s] = time_s, _people(line)
        else:
            self.failed.add(time_s)

    def people(self) -> tuple[Seen, ...]:
        """Everybody's spans, in seconds of the video."""
        return timeline(self.stills.values(), self.every_s)

    def sentence(self) -> str:
        """What the table below it is about."""
        failed = f", {len(self.failed)} failed" if self.failed else ""
        return f"{self.video}: {several(len(self.stills), 'still')}, one every {self.every_s:g} s{failed}"

    def rows(self) -> list[tuple[str, str, int]]:
        """(who, from when to when, stills) of everybody."""
        exact = self.every_s % 1 != 0
        return [
            (
                seen.name or UNKNOWN,
                listed([span_text(span, exact=exact) for span in seen.spans], _MOST_SPANS),
                seen.stills,
            )
            for seen in self.people()
        ]


@dataclass(frozen=True)
class Burst:
    """Pictures of a folder that were taken within seconds of each other, in this order."""

    folder: str
    files: Sequence[str]
    taken: Sequence[datetime]
    people: tuple[Seen, ...]
    """Their spans are numbers of pictures, from 0."""

    def at(self, number: float) -> datetime:
        """When a picture was taken."""
        return self.taken[int(number)]

    def sentence(self) -> str:
        """What the table below it is about."""
        where = "" if self.folder == "." else f" in {self.folder}"
        return f"burst{where}: {len(self.files)} pictures taken from {self.taken[0]:%Y-%m-%d %H:%M:%S} on"

    def rows(self) -> list[tuple[str, str, int]]:
        """(who, from when to when, pictures) of everybody."""
        return [
            (
                seen.name or UNKNOWN,
                listed([self._text(span) for span in seen.spans], _MOST_SPANS),
                seen.stills,
            )
            for seen in self.people
        ]

    def _text(self, span: TimeSpan) -> str:
        first, last = f"{self.at(span.from_s):%H:%M:%S}", f"{self.at(span.to_s):%H:%M:%S}"
        return first if first == last else f"{first}–{last}"


def read_timelines(lines: Iterable[dict[str, Any]]) -> tuple[list[VideoTimes], list[Burst]]:
    """The videos and the bursts that the lines of results are of, by name."""
    videos: dict[str, VideoTimes] = {}
    dated: dict[str, _Dated] = {}
    for line in lines:
        source = str(line.get("source", ""))
        if "time_s" in line:
            videos.setdefault(source, VideoTimes(str(line["video"]), source)).add(line)
        dated.pop(line["file"], None)
        if "faces" in line and (taken := _taken(line)) is not None:
            dated[line["file"]] = taken, _people(line)
    return sorted(videos.values(), key=lambda one: (one.video, one.source)), list(_bursts(dated))


def _people(line: dict[str, Any]) -> tuple[Who, ...]:
    faces = (face for face in line["faces"] if not is_too_small(face))
    return tuple(dict.fromkeys((face.get("person_id"), face["name"]) for face in faces))


def _taken(line: dict[str, Any]) -> datetime | None:
    try:
        return datetime.fromisoformat(line["taken"])
    except (KeyError, TypeError, ValueError):
        return None


def _bursts(dated: dict[str, _Dated]) -> Iterator[Burst]:
    folders: dict[str, list[str]] = defaultdict(list)
    for file in dated:
        folders[str(PurePosixPath(file).parent)].append(file)
    for folder in sorted(folders):
        for run in _runs(sorted(folders[folder], key=lambda file: (dated[file][0], file)), dated):
            if len(run) >= LEAST_IN_A_BURST:
                numbered = [(float(number), dated[file][1]) for number, file in enumerate(run)]
                yield Burst(folder, run, [dated[file][0] for file in run], timeline(numbered, 1.0))


def _runs(files: Sequence[str], dated: dict[str, _Dated]) -> Iterator[list[str]]:
    """The files, in runs without a long gap between two."""
    run: list[str] = []
    for file in files:
        if run and dated[file][0] - dated[run[-1]][0] > timedelta(seconds=BURST_GAP_S):
            yield run
            run = []
        run.append(file)
    yield run


def as_document(videos: Sequence[VideoTimes], bursts: Sequence[Burst]) -> dict[str, Any]:
    """What `timeline.json` holds."""
    return {
        _MARK: _VERSION,
        "gap_stills": GAP_STILLS,
        "videos": [
            {
                "video": one.video,
                "source": one.source,
                "every_s": one.every_s,
                "stills": len(one.stills),
                "failed": len(one.failed),
                "people": [seen.model_dump() for seen in one.people()],
            }
            for one in videos
        ],
        "bursts": [
            {
                "folder": burst.folder,
                "from": burst.taken[0].isoformat(),
                "to": burst.taken[-1].isoformat(),
                "files": list(burst.files),
                "people": [
                    {
                        "name": seen.name,
                        "person_id": seen.person_id,
                        "pictures": seen.stills,
                        "spans": [
                            {"from": burst.at(span.from_s).isoformat(), "to": burst.at(span.to_s).isoformat()}
                            for span in seen.spans
                        ],
                    }
                    for seen in burst.people
                ],
            }
            for burst in bursts
        ],
    }


def write_timelines(out: Path) -> None:
    """Write `timeline.json` of the results in OUT; nothing if no video and no burst is among them.

    Raises:
        FileTrouble: there is a file of this name that is not one of these.
        OSError: the results cannot be read, or it cannot be written.
    """
    videos, bursts = read_timelines(read_lines(out / RESULTS_NAME))
    path = out / TIMELINE_NAME
    if not _is_ours(path):
        if videos or bursts:
            raise FileTrouble(
                f"{path} is no timeline of manyeyes and stays as it is; move it, and run the same command again"
            )
        return
    if videos or bursts:
        text = json.dumps(as_document(videos, bursts), ensure_ascii=False, indent=1)
        replace_with(path, [text.encode("utf-8", "surrogateescape"), b"\n"])


def _is_ours(path: Path) -> bool:
    if not path.exists():
        return True
    try:
        with path.open("rb") as file:
            return _MARK.encode() in file.read(100)
    except OSError:
        return False
