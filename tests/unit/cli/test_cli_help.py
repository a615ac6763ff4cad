"""Every command's help: plain names for values, and whole sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from manyeyes.cli.app import app
from manyeyes.cli.metavars import limits


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
