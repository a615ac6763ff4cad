"""Log events as JSON lines on standard error, or for people when it is a terminal."""

from __future__ import annotations

import logging
import sys
from typing import cast

import structlog


def set_up(role: str, *, level: str = "info") -> None:
    """Send log events to standard error; every event names its role."""
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer() if sys.stderr.isatty() else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    structlog.contextvars.bind_contextvars(role=role)
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def log() -> structlog.stdlib.BoundLogger:
    """The logger of the process."""
    return cast(structlog.stdlib.BoundLogger, structlog.get_logger())


def bind(**facts: str) -> None:
    """Add facts to every later event of the process."""
    structlog.contextvars.bind_contextvars(**facts)
