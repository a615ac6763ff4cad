"""What `send` says of files with harmless faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from manyeyes.cli.sending.batch import Tally
from manyeyes.cli.sending.record import done_line, error_line
from manyeyes.cli.sending.report import MOST_SENTENCES, faults_text, picture_sentence, print_report
from manyeyes.cli.sending.source import Source
from manyeyes.error_codes import from_code
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
    tally.add(one, done_line(one, result(), None))
    assert faults_text(tally) == ""
    tally.add(one, done_line(one, result("the end marker is missing"), None))
    assert faults_text(tally) == (
        "1 file has faults that do no harm to its pixels; 'warnings' in results.jsonl says which"
    )
    tally.add(one, done_line(one, result("this", "and that"), None))
    assert faults_text(tally).startswith("2 files have faults")


def failure(code: str, number: int = 0, trace_id: str = "ab" * 16) -> tuple[Source, dict[str, Any]]:
    source = Source(Path(f"in/{number}.jpg"), f"{number}.jpg", 1, 1)
    error = from_code(code, "why")
    error.trace_id = trace_id
    return source, error_line(source, error)


@pytest.mark.parametrize(
    ("code", "trace_id", "more"),
    [
        ("internal", "ab" * 16, True),
        ("picture-kills-workers", "ab" * 16, True),
        ("internal", "", False),
        ("not-a-picture", "ab" * 16, False),
        ("too-many-bytes", "ab" * 16, False),
        ("unavailable", "ab" * 16, False),
    ],
)
def test_the_trace_is_named_only_where_it_says_more(code: str, trace_id: str, more: bool) -> None:
    source, line = failure(code, trace_id=trace_id)
    said = picture_sentence(str(source.path), line)
    assert said == "in/0.jpg: failed: why" + (
        f"; 'manyeyes logs --trace {trace_id}' says more" if more else ""
    )


def test_many_failures_are_a_table_without_traces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    for number in range(MOST_SENTENCES + 1):
        tally.add(*failure("internal" if number == 0 else "not-a-picture", number))
    (tmp_path / "results.jsonl").touch()
    print_report(tally, 1.0, tmp_path)
    said = capsys.readouterr().out
    assert said.startswith("failed     why\nin/0.jpg   why\n") and "abab" not in said
    assert (
        f"what happened to 1 picture on the way: 'manyeyes logs --trace ID', with the trace_id of {tmp_path}"
        in said
    )


def test_the_line_of_a_picture_has_its_warnings() -> None:
    line = done_line(Source(Path("a.jpg"), "a.jpg", 1, 1), result("the end marker is missing"), None)
    assert line["warnings"] == [{"kind": "no-end-marker", "sentence": "the end marker is missing"}]
