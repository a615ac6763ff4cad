"""What `send` says of faces that are too small to name, and of files with harmless faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from manyeyes.cli.sending.batch import Tally
from manyeyes.cli.sending.found import found_in
from manyeyes.cli.sending.record import done_line, error_line
from manyeyes.cli.sending.refresh import drawn_from_original
from manyeyes.cli.sending.report import MOST_SENTENCES, faults_text, picture_sentence, print_report
from manyeyes.cli.sending.source import Source
from manyeyes.error_codes import from_code
from manyeyes.recognition.pictures.draw import TOO_SMALL_BGR
from manyeyes.results import Caution, Face, Result, TooSmall


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


def crowd(named: int, unknown: int, small: int) -> Result:
    def face(name: str | None, too_small: TooSmall | None = None) -> Face:
        return Face(
            box_xyxy_px=(1, 2, 30, 40),
            landmarks_px=(),
            score=1,
            name=name,
            distance=None,
            threshold=0.5,
            confidence=0.995,
            too_small=too_small,
        )

    faces = [face("Ann")] * named + [face(None)] * unknown
    faces += [face(None, TooSmall(size_px=9, least_px=24))] * small
    return result().model_copy(update={"faces": tuple(faces)})


@pytest.mark.parametrize(
    ("faces", "said"),
    [
        ((1, 1, 200), "a.jpg: Ann (99 %), 1 unknown, 200 too small to name"),
        ((0, 0, 1), "a.jpg: 1 face too small to name"),
        ((0, 0, 66), "a.jpg: 66 faces too small to name"),
        ((0, 2, 0), "a.jpg: 2 unknown"),
        ((0, 0, 0), "a.jpg: no face found"),
    ],
)
def test_faces_too_small_to_name_are_not_called_unknown(
    tmp_path: Path, faces: tuple[int, int, int], said: str
) -> None:
    assert picture_sentence("a.jpg", done_line(source(tmp_path), crowd(*faces), None)) == said


def test_faces_too_small_to_name_have_a_row_of_their_own(tmp_path: Path) -> None:
    made = [done_line(source(tmp_path), crowd(*faces), "out") for faces in ((1, 1, 3), (0, 0, 66), (0, 0, 0))]
    of_before = done_line(source(tmp_path), crowd(0, 2, 0), "out")
    for face in of_before["faces"]:
        del face["too_small"]
    found = found_in([*made, of_before])
    assert found.rows() == [("Ann", 1, 1), ("unknown", 3, 2), ("too small to name", 69, 2), ("no face", 0, 1)]
    assert made[0]["faces"][-1]["too_small"] == {"size_px": 9, "least_px": 24}
    assert made[0]["faces"][0]["too_small"] is None


def test_a_picture_drawn_anew_shows_the_same_faces_as_too_small(tmp_path: Path) -> None:
    """`send --refresh` reads what `send` wrote."""
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((60, 60, 3), np.uint8))
    facts = path.stat()
    at = Source(path, "a.png", facts.st_size, facts.st_mtime_ns)
    drawn = drawn_from_original(tmp_path, {**done_line(at, crowd(0, 0, 1), None), "source": str(path)})
    image = cv2.imdecode(np.frombuffer(drawn, np.uint8), cv2.IMREAD_COLOR_BGR)
    assert image[2, 1:30].tolist() == [list(TOO_SMALL_BGR)] * 29
