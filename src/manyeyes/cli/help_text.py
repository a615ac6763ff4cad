"""The text of `--help`: its lines are as long as the terminal is wide, not as in the source."""

from __future__ import annotations

from typing import Any

_OWN_LINE = ("Example:", "- ")
"""What begins a line of its own."""


def unwrap(command: Any) -> None:
    """Join the lines of each paragraph in the help of a command and of all its subcommands."""
    command.help = unwrapped(command.help or "") or None
    for one in getattr(command, "commands", {}).values():
        unwrap(one)


def unwrapped(text: str) -> str:
    """The text with each paragraph on one line; examples and points of a list stay on lines of their own."""
    return "\n\n".join(_joined(paragraph) for paragraph in text.split("\n\n"))


def _joined(paragraph: str) -> str:
    lines: list[str] = []
    for line in paragraph.split("\n"):
        if lines and not line.strip().startswith(_OWN_LINE):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return "\n".join(lines)
