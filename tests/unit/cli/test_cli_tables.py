"""Tables in narrow terminals and in pipes: fewer columns, whole words, one line for each row in a pipe."""

from __future__ import annotations

import pytest

from manyeyes.cli import output
from manyeyes.cli.output import print_fields, print_table
from manyeyes.cli.tables import lay_out

NAMES = ("node", "state", "reason", "speed", "address", "pack")
LONG = (
    "node-with-a-rather-long-name-3",
    "quarantined",
    "its worker crashed five times in a minute and it rests",
    "296 ms",
    "192.168.100.200",
    "faces@1.2.0",
)


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, 200, None])
def test_no_word_breaks_and_no_line_is_too_long(
    width: int | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "terminal_width", lambda: width)
    print_table(NAMES, [LONG], "", text=("reason",), drop=("pack", "address"))
    said, heard = capsys.readouterr()
    lines = said.splitlines()
    known = {word for cell in (*NAMES, *LONG) for word in cell.split()}
    assert set(said.split()) <= known, "every word is whole"
    assert "…" not in said
    assert all(len(line) <= max(width or 10_000, len(LONG[0])) for line in lines)
    if width in (None, 200):
        assert len(lines) == 2 and heard == ""
        assert all(cell in lines[1] for cell in LONG)
    if width == 80:
        assert "quarantined" in said and "296 ms" in said, "a figure and its unit stay together"
    if width is not None and width <= 60:
        assert "a wider terminal also shows" in heard and "pack" in heard


def test_a_line_end_in_a_name_is_no_new_row_and_nothing_reaches_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("name", "n"), [("a\nb\x1b[2J\udcff", 1), ("東京", 2)], "")
    first, second, third = capsys.readouterr().out.splitlines()
    assert r"a\nb\x1b[2J\xff" in second
    assert second.rindex("1") == first.rindex("n")
    assert third.startswith("東京") and third.endswith(" 2")


def test_columns_go_in_the_order_that_is_asked_for() -> None:
    cells = [("name", "value", "default", "what it does"), ("A" * 20, "1" * 20, "2" * 20, "word " * 20)]
    order = (2, 3)
    assert lay_out(cells, 300, [3], order).columns == (0, 1, 2, 3)
    assert lay_out(cells, 70, [3], order).columns == (0, 1, 3)
    assert lay_out(cells, 50, [3], order).columns == (0, 1)
    assert lay_out(cells, 10, [3], order).columns == (0,)


def test_text_gets_what_is_left() -> None:
    layout = lay_out([("a", "what it does"), ("xxxx", "word " * 50)], 60, [1])
    assert sum(layout.widths) + 2 == 60


def test_fields_go_on_below_their_beginning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "terminal_width", lambda: 48)
    print_fields([("node", "lab-1"), ("speed", "296 ms a picture on one worker recently, by the benchmark")])
    assert capsys.readouterr().out.splitlines() == [
        "node   lab-1",
        "speed  296 ms a picture on one worker recently,",
        "       by the benchmark",
    ]


def test_a_row_without_a_sentence_has_no_line_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "terminal_width", lambda: 30)
    rows = [("lab-1", "x" * 20, ""), ("lab-2", "x" * 20, "its clock is wrong by a day")]
    print_table(("node", "state", "reason"), rows, "", text=("reason",), below="reason")
    assert capsys.readouterr().out.splitlines()[1:] == [
        f"lab-1  {'x' * 20}",
        f"lab-2  {'x' * 20}",
        "    its clock is wrong by a",
        "    day",
    ]
