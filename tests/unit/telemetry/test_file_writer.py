"""Lines in files: bounded, whole, counted where they are lost; nobody waits for a disk."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from manyeyes.config import LogSettings
from manyeyes.telemetry import events, file_writer
from manyeyes.telemetry.file_writer import Writer
from manyeyes.telemetry.files import NAME, Files
from manyeyes.telemetry.queue import Waiting


def lines_in(folder: Path) -> list[bytes]:
    files = sorted(folder.iterdir(), key=lambda path: int(path.suffix[1:]) if path.suffix != ".log" else 0)
    return [line for path in reversed(files) for line in path.read_bytes().splitlines()]


def test_files_are_bounded_and_the_oldest_goes(tmp_path: Path) -> None:
    files = Files(tmp_path, file_bytes=1000, files=3)
    for number in range(200):
        files.write([b"%04d" % number + b"x" * 45])
    assert sorted(path.name for path in tmp_path.iterdir()) == [NAME, f"{NAME}.1", f"{NAME}.2"]
    assert all(path.stat().st_size <= 1000 for path in tmp_path.iterdir())
    kept = [int(line[:4]) for line in lines_in(tmp_path)]
    assert kept == list(range(kept[0], 200)), "the newest, in their order, without a gap"
    assert len(kept) >= 40


def test_one_file_only_and_lines_larger_than_it(tmp_path: Path) -> None:
    files = Files(tmp_path, file_bytes=100, files=1)
    for number in range(5):
        files.write([b"%d" % number + b"y" * 150])
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert lines_in(tmp_path) == [b"4" + b"y" * 150]


def test_a_torn_line_is_ended_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b'{"whole":1}\n{"torn":')
    files = Files(tmp_path, 1000, 2)
    files.write([b'{"next":1}'])
    assert lines_in(tmp_path) == [b'{"whole":1}', b'{"torn":', b'{"next":1}']


def test_waiting_lines_are_bounded_and_the_dropped_counted() -> None:
    waiting = Waiting(100)
    for number in range(30):
        waiting.add(b"%010d" % number)
    assert len(waiting) == 10
    assert waiting.take(35) == [b"%010d" % number for number in (20, 21, 22)]
    assert waiting.dropped() == 20
    assert waiting.dropped() == 0
    assert waiting.take(1) == [b"%010d" % 23], "one at least"


def test_what_cannot_be_written_is_counted_and_told_when_it_can_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, object]] = []

    class Log:
        def warning(self, event: str, **facts: object) -> None:
            told.append({"event": event, **facts})

    monkeypatch.setattr(events, "log", Log)
    (tmp_path / "logs").write_text("a file where the folder should be")
    waiting = Waiting(1000)
    writer = Writer(waiting, Files(tmp_path / "logs", 1000, 2))
    waiting.add(b"1")
    waiting.add(b"2")
    writer.step()
    assert told == []
    (tmp_path / "logs").unlink()
    waiting.add(b"3")
    writer.step()
    assert lines_in(tmp_path / "logs") == [b"3"]
    assert told == [{"event": "lines of the log were not written", "lines": 2}]


def test_a_disk_that_hangs_holds_nobody_up() -> None:
    hanging = threading.Event()

    class Hanging(Files):
        def write(self, lines: Sequence[bytes]) -> None:
            hanging.wait(20)

    waiting = Waiting(1000)
    writer = Writer(waiting, Hanging(Path(), 1, 1))
    writer.start()
    time.sleep(0.3)
    began = time.monotonic()
    for _ in range(10_000):
        waiting.add(b"x" * 100)
    assert time.monotonic() - began < 2
    assert len(waiting) == 10
    hanging.set()
    writer.stop()


def test_events_of_a_role_are_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    events.set_up("node")
    events.to_write.take(10**9)
    with file_writer.kept(tmp_path, LogSettings(file_bytes=100_000, files=2)):
        events.bind(node="lab-1")
        events.log().warning("something", api_key="mek_" + "a" * 40)
        events.note("picture", outcome="done")
    kept = [json.loads(line) for line in lines_in(tmp_path / "logs")]
    assert [(line["event"], line["role"], line["node"], line["level"]) for line in kept] == [
        ("something", "node", "lab-1", "warning"),
        ("picture", "node", "lab-1", "info"),
    ]
    said = capfd.readouterr().err
    assert "something" in said and "picture" not in said, "there is one for each picture"
    assert "mek_" not in said + str(kept)
    assert oct((tmp_path / "logs" / NAME).stat().st_mode)[-3:] == "600"
