"""Texts from outside: nothing that a terminal obeys is printed, JSON is exact, and every name has its place in a table."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

import manyeyes.cli
from manyeyes import errors
from manyeyes.cli import output
from manyeyes.cli.output import print_json, print_table, say
from manyeyes.log_sentences import sentence
from manyeyes.plain_text import harmless, plain, utf8
from manyeyes.sdk.context import Context
from manyeyes.telemetry.terminal import for_people
from tests.unit.cli.test_cli_commands import Fleet, Run, fleet, run  # noqa: F401

WHOLE = ("علی\u200cرضا", "👨\u200d👩\u200d👧", "José", "Jose\u0301", "東京", "हिन्दी", "O'Neill")
OBEYED = (
    "\x1b[31m",
    "\n",
    "\r",
    "\x07",
    "\x9b2J",
    "\u202e",
    "\u2066",
    "\u2028",
    "\x7f",
    "\udce9",
    "\ud800",
    "\u200f",
)


@pytest.mark.parametrize("text", WHOLE)
def test_names_of_all_scripts_stay_as_they_are(text: str) -> None:
    assert harmless(text) == plain(text) == utf8(text) == text


@pytest.mark.parametrize("text", OBEYED)
def test_what_a_terminal_obeys_is_an_escape(text: str) -> None:
    shown = harmless(f"a{text}b")
    assert shown.isprintable() and shown.startswith("a\\") and shown.endswith("b")
    assert plain(f"a{text}b").isprintable()
    utf8(text).encode()


def test_a_space_of_any_kind_is_a_space_and_a_byte_is_shown_as_it_is() -> None:
    assert harmless("at 9.41\u202fPM\xa0x") == "at 9.41 PM x"
    assert harmless(os.fsdecode(b"Jos\xe9")) == utf8(os.fsdecode(b"Jos\xe9")) == r"Jos\xe9"


@given(st.text(st.characters()))
def test_any_text_is_harmless_and_any_json_exact(text: str) -> None:
    assert harmless(harmless(text)) == harmless(text)
    told = output._exact(json.dumps({"a": text}, ensure_ascii=False))
    assert harmless(told) == told and json.loads(told) == {"a": text}


def test_all_that_people_see_goes_through_one_place() -> None:
    """No command calls `print` by itself: else its text reaches the terminal as it came."""
    here = Path(str(manyeyes.cli.__file__)).parent
    allowed = {"output.py", "remote_installer.py"}  # the second runs on another machine, and speaks JSON
    found = [
        f"{path.relative_to(here)}:{node.lineno}"
        for path in here.rglob("*.py")
        if path.name not in allowed
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("print", "typer.echo", "sys.stdout.write")
    ]
    assert found == []


def test_the_table_of_send(fleet: Fleet, run: Run, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "in"
    folder.mkdir()
    for name in (b"esc\x1b[31m.jpg", b"new\nline.jpg", b"bidi\xe2\x80\xae.jpg", b"latin\xe9.jpg"):
        (folder / os.fsdecode(name)).write_bytes(b"bad")
    code, said, heard = run("send", folder, "-o", tmp_path / "out")
    assert code == 3
    for name in (r"esc\x1b[31m.jpg", r"new\nline.jpg", r"bidi\u202e.jpg", r"latin\xe9.jpg"):
        assert f"{name}: failed: damaged" in said
    assert all(harmless(line) == line for line in (said + heard).split("\n"))


def test_errors_of_the_master_and_of_arguments(fleet: Fleet, run: Run) -> None:  # noqa: F811
    error = errors.BadRequest("no \x1b[2J\u202e of\nthat")
    fleet.answers["GET /v1/people/x"] = httpx.Response(400, json=error.as_problem())
    assert run("people", "show", "x")[2] == "error: no \\x1b[2J\\u202e of that\n"
    for odd in (["--\u202e\x9b2J"], ["\u202e\x9b2J"]):
        code, _, heard = run("people", "list", *odd)
        assert code == 2 and r"\u202e\x9b2J" in heard
        assert all(harmless(line) == line for line in heard.split("\n"))


def test_lines_for_people_of_log_events() -> None:
    event = {"level": "error", "event": "odd \x1b[2J", "file": "\u202egpj", "exception": "E\n\x07end"}
    shown = for_people(event)
    assert shown is not None and shown.isprintable() and r"\x1b[2J" in shown
    assert sentence("odd", {"file": "a\x1bb"}) == r"odd: file a\x1bb"


@pytest.mark.parametrize("width", [40, 80, 120, None])
def test_a_long_name_does_not_pad_every_row(
    width: int | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "terminal_width", lambda: width)
    rows = [("b" * 120 + "a" * 131 + ".jpg", "why"), ("東京.jpg", "why"), ("e\u0301.jpg", "why")]
    print_table(("file", "reason"), rows, "", text=("reason",))
    first, *others = capsys.readouterr().out.splitlines()[-3:]
    if width is None:
        assert first == f"{rows[0][0]}  why", "in a pipe every cell is whole"
        assert all(len(line) < 80 for line in others)
    else:
        assert cell_len(first) <= max(width, 45) and "..." in first and "aaa.jpg" in first
    assert width == 40 or len({cell_len(line) for line in others}) == 1, (
        "wide and combining letters are aligned"
    )


def test_a_key_that_no_key_can_be_is_refused_at_once() -> None:
    for key in ("mek_ü", "mek_a\nb", "mek_\udce9", "mek a"):
        with pytest.raises(errors.NotSignedIn, match="character"):
            Context("https://10.0.0.4:8443", "", key)


def test_names_that_are_not_utf8(fleet: Fleet, run: Run, tmp_path: Path) -> None:  # noqa: F811
    name, photo = os.fsdecode(b"Jos\xe9"), tmp_path / os.fsdecode(b"ph\xe9.jpg")
    photo.write_bytes(b"1")
    for command in (
        ["show", name],
        ["rename", name, "Bob"],
        ["rename", "Bob", name],
        ["add", name, photo],
        ["remove", name, "-y"],
    ):
        code, _, heard = run("people", *command)
        assert (code, heard) == (
            2,
            "error: 'Jos\\xe9' is not UTF-8, as names and other texts must be; write it in UTF-8\n",
        )
    fleet.answers["POST /v1/people"] = httpx.Response(
        200, json={"name": "Ann", "photos": 1, "added_at": "2025-01-01T00:00:00Z"}
    )
    assert run("people", "add", "Ann", photo)[0] == 0
    assert rb"ph\\xe9.jpg" in fleet.asked[-1].content, "a backslash in a form's file name is doubled"


def test_json_on_a_stream_of_utf8_has_escapes_for_what_a_terminal_obeys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_json({"name": "東京\x9b2J\u202e\udce9"})
    said = capsys.readouterr().out
    assert r"東京\u009b2J\u202e\udce9" in said


def test_what_is_said_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\nb\x1b")
    assert capsys.readouterr().err == "a\\nb\\x1b\n"
