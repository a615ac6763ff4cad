"""What `send` says of files with harmless faults."""

from __future__ import annotations

from pathlib import Path

from manyeyes.cli.sending.batch import Tally
from manyeyes.cli.sending.record import done_line
from manyeyes.cli.sending.report import faults_text
from manyeyes.cli.sending.source import Source
from manyeyes.results import Caution, Result


def result(*sentences: str) -> Result:
    warnings = tuple(Caution(kind="no-end-marker", sentence=one) for one in sentences)
    return Result(
        width_px=1,
        height_px=1,
        media_type="image/jpeg",
        faces=(),
        pack="p@1",
        timings_ms={},
        warnings=warnings,
    )


def source(folder: Path) -> Source:
    path = folder / "a.jpg"
    path.write_bytes(b"x")
    return Source(path, "a.jpg", 1, 1)


def test_faults_that_do_no_harm_are_counted_in_one_line(tmp_path: Path) -> None:
    tally, one = Tally(), source(tmp_path)
    tally.add(done_line(one, result(), None))
    assert faults_text(tally) == ""
    tally.add(done_line(one, result("the end marker is missing"), None))
    assert faults_text(tally) == (
        "1 file has faults that do no harm to its pixels; 'warnings' in results.jsonl says which"
    )
    tally.add(done_line(one, result("this", "and that"), None))
    assert faults_text(tally).startswith("2 files have faults")


def test_the_line_of_a_picture_has_its_warnings() -> None:
    line = done_line(Source(Path("a.jpg"), "a.jpg", 1, 1), result("the end marker is missing"), None)
    assert line["warnings"] == [{"kind": "no-end-marker", "sentence": "the end marker is missing"}]
