"""What a person at a terminal is shown of a log event: warnings and errors, one line each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manyeyes.log_sentences import last_line, sentence
from manyeyes.plain_text import harmless


def shown_whole(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with harmless texts; long texts keep their lines."""
    return {name: _harmless(value) if isinstance(value, str) else value for name, value in event.items()}


def _harmless(text: str) -> str:
    return "\n".join(map(harmless, text.split("\n")))


def for_people(event: Mapping[str, Any]) -> str | None:
    """One line for a warning or an error; None for what is less serious, which only the log file holds."""
    level = str(event.get("level", ""))
    if level not in ("warning", "error", "critical"):
        return None
    fields = {name: value for name, value in event.items() if name != "event"}
    why = last_line(fields)
    own = str(event.get("node", "")) if event.get("role") == "node" else ""
    return f"{level}: {sentence(str(event.get('event', '')), fields, machine=own)}{f': {why}' if why else ''}"
