"""Real terminals of several widths: tables take the room that there is, and lines come in their order."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping

import pytest

_TABLE = """
from manyeyes.cli import streams
streams.prepare()
from manyeyes.cli.output import print_table, terminal_width
print_table(
    ("name", "why", "second", "third"),
    [("n" * 20, "a sentence of several words, which may go over several lines", "s" * 20, "t" * 40)],
    "",
    text=("why",),
)
print(terminal_width())
"""


def in_terminal(columns: int, *command: str, variables: Mapping[str, str] | None = None) -> list[str]:
    """The lines that a command shows in a terminal of this width, on standard output and error."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    unset = ("COLUMNS", "LINES", "PYTHONUNBUFFERED")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {"TERM": "xterm", "NO_COLOR": "1", **(variables or {})}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as running:
        os.close(theirs)
        shown = b""
        try:
            while data := os.read(ours, 65536):
                shown += data
        except OSError:  # how Linux says that the other end is closed
            pass
        finally:
            os.close(ours)
        assert running.wait(60) == 0, shown
    return shown.decode().splitlines()


@pytest.mark.parametrize("columns", [60, 100, 160])
def test_a_table_is_as_wide_as_the_terminal(columns: int) -> None:
    *lines, width = in_terminal(columns, sys.executable, "-c", _TABLE)
    assert width == str(columns)
    hidden = {60: "a wider terminal also shows second, third", 100: "a wider terminal also shows third"}
    assert (lines[-1] if "wider" in lines[-1] else None) == hidden.get(columns)
    table = [line for line in lines if "wider" not in line]
    assert columns - 21 <= max(map(len, table)) <= columns, table
    assert any("t" * 40 in line for line in table) is (columns == 160)


@pytest.mark.parametrize(
    ("variables", "width"),
    [
        ({"PYTHONUNBUFFERED": "1"}, "60"),
        ({"COLUMNS": "100"}, "100"),
        ({"COLUMNS": "wide"}, "60"),
        ({"COLUMNS": "99999"}, "60"),
    ],
)
def test_what_the_environment_changes(variables: dict[str, str], width: str) -> None:
    *lines, said = in_terminal(60, sys.executable, "-c", _TABLE, variables=variables)
    assert said == width
    assert "a wider terminal" in lines[-1], "the line comes after its table"
