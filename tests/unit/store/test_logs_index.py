"""The index: found by each filter, bounded, fair to quiet machines, going on where it stopped."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from manyeyes import contract
from manyeyes.broker.logstream import Stored
from manyeyes.store.logs_index import STEP_LINES, Index, Question
from manyeyes.telemetry.batches import packed

LONG_S = 1e9


def stored(sequence: int, machine: str, *lines: dict[str, object], role: str = "node") -> Stored:
    raw = [json.dumps({"level": "info", "event": "e", **line}).encode() for line in lines]
    return Stored(sequence, contract.logs_subject(role, machine), packed(raw))


def opened(folder: Path, most_bytes: int = 10**8, age_s: float = LONG_S) -> Index:
    return Index(folder / "logs.db", most_bytes, age_s)


def test_each_filter(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.place("made")
    index.add(
        [
            stored(
                1, "lab-1", {"at": 1.0, "text": "One_%"}, {"at": 2.0, "level": "error", "trace": "a" * 32}
            ),
            stored(2, "master", {"at": 3.0, "level": "warning", "event": "cut off"}, role="master"),
        ]
    )

    def numbers(**wanted: object) -> list[int]:
        return [line.number for line in index.lines(Question(**wanted))]  # type: ignore[arg-type]

    assert numbers() == [1, 2, 3]
    assert numbers(machine="lab-1") == [1, 2]
    assert numbers(level="warning") == [2, 3]
    assert numbers(text="one_%") == [1] and numbers(text="n__%") == []
    assert numbers(text="CUT OFF") == [3]
    assert numbers(trace_id="a" * 32) == [2]
    assert numbers(since=2.0) == [2, 3] and numbers(before=2.0) == [1]
    first = index.lines(Question())[0]
    assert (first.machine, first.role, first.level, first.event, first.fields) == (
        "lab-1", "node", "info", "e", {"text": "One_%"},
    )  # fmt: skip
    assert [line.number for line in index.trace("a" * 32)] == [2]


def test_a_picture_is_one_line_where_that_is_asked_for(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.place("made")
    attempts = [{"at": 1.0, "event": "attempt"}, {"at": 2.0, "event": "attempt", "level": "warning"}]
    index.add(
        [stored(1, "lab-1", *attempts), stored(2, "master", {"at": 3.0, "event": "picture"}, role="master")]
    )

    def numbers(**wanted: object) -> list[int]:
        return [line.number for line in index.lines(Question(**wanted))]  # type: ignore[arg-type]

    assert numbers() == [1, 2, 3]
    assert numbers(brief=True) == [2, 3], "an attempt that crashed stays"
    assert numbers(brief=True, machine="lab-1") == numbers(brief=True, text="attempt") == [1, 2]
    assert index.has_lines_of("lab-1") and not index.has_lines_of("lab-9")


def test_pages_go_both_ways(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.place("made")
    index.add([stored(1, "m", *({"at": float(number)} for number in range(10)))])

    def numbers(**where: int) -> list[int]:
        return [line.number for line in index.lines(Question(), limit=4, **where)]

    assert numbers() == [7, 8, 9, 10]
    assert numbers(until=7) == [3, 4, 5, 6]
    assert numbers(after=4) == [5, 6, 7, 8]
    assert numbers(after=-1) == [1, 2, 3, 4]
    assert numbers(after=8, until=10) == [9]
    assert numbers(after=10) == []


def test_it_goes_on_where_it_stopped_and_begins_anew_with_another_stream(tmp_path: Path) -> None:
    index = opened(tmp_path)
    assert index.place("made") == 0
    index.add([stored(41, "m", {"at": 1.0})])
    index.close()
    index = opened(tmp_path)
    assert index.place("made") == 41
    assert index.place("made later") == 0
    assert len(index.lines(Question())) == 1, "what was read stays"


def test_lines_and_place_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.place("made")
    index.add([stored(1, "m", {"at": 1.0})])
    index._db.execute(
        "CREATE TRIGGER full BEFORE UPDATE ON place BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    with pytest.raises(sqlite3.Error, match="disk full"):
        index.add([stored(2, "m", {"at": 2.0})])
    assert len(index.lines(Question())) == 1 and index.place("made") == 1


def test_the_machine_with_most_lines_loses_its_oldest(tmp_path: Path) -> None:
    index = opened(tmp_path, most_bytes=1_500_000)
    index.place("made")
    index.add([stored(1, "quiet", *({"at": 1.0, "text": f"q{number}"} for number in range(50)))])
    for sequence in range(2, 30):
        index.add([stored(sequence, "chatty", *({"at": 9.0, "text": "x" * 300} for _ in range(400)))])
        while index.tidy(10.0):
            pass
    assert index.used_bytes() < 1_500_000
    assert (tmp_path / "logs.db").stat().st_size < 2_500_000
    assert len(index.lines(Question(machine="quiet"))) == 50
    left = index.lines(Question(machine="chatty"), after=-1, limit=1)
    assert left[0].number > 5000


def test_old_lines_go_in_small_steps(tmp_path: Path) -> None:
    index = opened(tmp_path, age_s=100.0)
    index.place("made")
    index.add([stored(1, "m", *({"at": 1.0} for _ in range(STEP_LINES + 7)), {"at": 950.0})])
    assert index.tidy(1000.0) == STEP_LINES
    assert index.tidy(1000.0) == 7
    assert index.tidy(1000.0) == 0
    assert len(index.lines(Question())) == 1


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "logs.db").write_bytes(b"no database at all" * 1000)
    index = opened(tmp_path)
    assert index.place("made") == 0
    assert index.add([stored(1, "m", {"at": 1.0})]) == 1


def test_a_batch_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    index = opened(tmp_path)
    index.place("made")
    assert index.add([Stored(1, "me.logs.node.m", b"nonsense"), stored(2, "m", {"at": 1.0}, {"no": 1})]) == 1
    assert index.place("made") == 2
