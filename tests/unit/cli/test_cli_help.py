"""Every command's help: plain names for values, and whole sentences."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from manyeyes.cli.app import app
from manyeyes.cli.help_text import unwrapped
from manyeyes.cli.metavars import limits, refusal


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    if hasattr(command, "list_commands"):
        for name in command.list_commands(None):
            yield from walk(command.get_command(None, name), (*path, name))


COMMANDS = list(walk(get_command(app)))


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_help_names_values_plainly(path: tuple[str, ...], command: Any) -> None:
    shown = CliRunner().invoke(app, [*path, "--help"], prog_name="manyeyes", env={"COLUMNS": "300"})
    assert shown.exit_code == 0, shown.output
    assert not re.search(r"<[a-z]|list\[|\{|x[<>]=|<=x", shown.output), "a type of Python, or a formula"
    usage = next(line for line in shown.output.splitlines() if "Usage:" in line)
    for param in command.params:
        if param.param_type_name == "argument":
            assert f" {param.metavar}" in usage or f"[{param.metavar}]" in usage
            assert param.metavar.endswith("...") == (param.nargs == -1)
        assert param.help is None or re.fullmatch(r"[^\n]*[.;:]", param.help), f"{param.name}: no sentence"


def test_all_commands_are_walked() -> None:
    paths = {" ".join(path) for path, _ in COMMANDS}
    assert {"", "send", "nodes", "nodes list", "packs build", "people threshold"} <= paths
    assert len(paths) == len(COMMANDS) > 50


@pytest.mark.parametrize(
    ("least", "most", "said"),
    [(None, None, None), (1, None, "1 or more"), (None, 9, "at most 9"), (1, 256, "1 to 256")],
)
def test_limits_in_words(least: float | None, most: float | None, said: str | None) -> None:
    assert limits(least, most) == said


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_paragraphs_of_the_help_are_not_broken_as_in_the_source(path: tuple[str, ...], command: Any) -> None:
    for paragraph in (command.help or "").split("\n\n"):
        first, *others = paragraph.split("\n")
        assert all(line.startswith(("Example:", "- ")) for line in others), f"{first}: {others}"


def test_the_lines_of_a_help_are_as_long_as_the_terminal() -> None:
    assert unwrapped("One.\n\nTwo\n  words.\nExample: a\nExample: b\n\n- x\n  y\n- z") == (
        "One.\n\nTwo words.\nExample: a\nExample: b\n\n- x y\n- z"
    )
    shown = CliRunner().invoke(app, ["send", "--help"], prog_name="manyeyes", env={"COLUMNS": "80"}).output
    text = [line.strip() for line in shown.partition("Arguments")[0].splitlines()]
    for line, following in itertools.pairwise(text):
        if line and following and not following.startswith("Example:"):
            assert len(f"{line} {following.split()[0]}") > 78, "the next word has room in this line"


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (
            "Input should be a valid number, unable to parse string as a number",
            "it is no number; write it as 0.01",
        ),
        ("Input should be a valid integer, unable to parse string as an integer", "it is no whole number"),
        ("Input should be greater than or equal to 1", "it is too small; expected is 1 or more"),
        ("Input should be less than or equal to 256", "it is too large; expected is 256 or less"),
        ("Value error, 'x' is not one of 'here', 'there'.", "'x' is not one of 'here', 'there'."),
        ("File 'x' is not readable.", "File 'x' is not readable."),
    ],
)
def test_why_a_value_is_refused_in_plain_words(theirs: str, ours: str) -> None:
    assert refusal(theirs) == ours
