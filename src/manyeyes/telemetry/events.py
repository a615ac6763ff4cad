"""Log events of this process: without secrets, written to standard error, and queued for log files and masters."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, cast

import structlog
from pydantic_core import to_json

from manyeyes.telemetry.guard import MAX_LINE_BYTES, guarded, shortened
from manyeyes.telemetry.queue import Waiting
from manyeyes.telemetry.terminal import for_people, shown_whole

Level = Literal["debug", "info", "warning", "error", "critical"]
LEVELS: dict[str, int] = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
_EARLY_BYTES = 1024 * 1024
"""The most bytes of lines that wait for the log file, and of those that wait for a master."""
_CUT_CHARACTERS = 300
"""The length to which each text is cut in a line that is too long."""

_facts: dict[str, str] = {}
"""Facts that are added to every event of the process."""
to_write = Waiting(_EARLY_BYTES)
to_send = Waiting(_EARLY_BYTES)


class _State:
    on = False
    """Whether this process is a role, whose lines are kept and sent."""


def set_up(role: str, *, level: Level = "info", verbose: bool = False) -> None:
    """Send log events to standard error as JSON; every event names its role. At a terminal only warnings and errors are
    shown, in a sentence, or with `verbose` all events.

    From now on lines wait to be kept and sent, at most 1 MiB for each; beyond that the oldest are dropped. See `kept`.
    """
    _facts.clear()
    bind(role=role)
    _State.on = True
    terminal = sys.stderr.isatty()
    every = structlog.dev.ConsoleRenderer()

    def say(_: Any, __: str, event: MutableMapping[str, Any]) -> str:
        line = _encoded(event)
        to_write.add(line)
        to_send.add(line)
        if not terminal:
            return line.decode()
        shown = str(every(None, "", shown_whole(event))) if verbose else for_people(event)
        if shown is None:
            raise structlog.DropEvent
        return shown

    structlog.configure(
        processors=[
            _add_facts,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _guard,
            say,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def log() -> structlog.stdlib.BoundLogger:
    """The logger of the process."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger())


def bind(**facts: str) -> None:
    """Add facts to every later event of the process."""
    _facts.update(facts)


def note(event: str, *, level: Level = "info", **facts: Any) -> None:
    """Log an event to the file and the masters, but not to standard error: each picture has one or more such events."""
    if not _State.on:
        return
    own = {"event": event, "level": level, "timestamp": _now()}
    line = _encoded({**guarded(_facts), **own, **guarded(facts)})
    to_write.add(line)
    to_send.add(line)


def _now() -> str:
    now = time.time()
    return f"{_second(int(now))}.{int(now % 1 * 1e6):06d}Z"


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")


def _add_facts(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {**_facts, **event}


def _guard(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return guarded(event)


_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=str)


def _encoded(event: MutableMapping[str, Any]) -> bytes:
    try:
        line = to_json(event, inf_nan_mode="constants", fallback=str)
    except ValueError:  # a lone surrogate, as in a file name that is not UTF-8
        line = _encoder.encode(event).encode(errors="replace")
    if len(line) > MAX_LINE_BYTES:
        line = _encoder.encode(shortened(event, _CUT_CHARACTERS)).encode(errors="replace")
    if len(line) > MAX_LINE_BYTES:
        few = {name: event[name] for name in ("level", "timestamp", "trace") if name in event}
        line = _encoder.encode({"event": "a line too long to be kept", **few}).encode(errors="replace")
    return line
