"""The last resort for an agent that was removed and does not end: logs what it waits for, and ends it.

Its key is refused by then and its pictures are with others, so nothing is lost by it. Workers end with their agent.
"""

from __future__ import annotations

import asyncio
import os
import sys

from manyeyes.errors import ManyeyesError
from manyeyes.plain_text import harmless
from manyeyes.telemetry import log

END_S = 15.0
"""Seconds after the removal. An orderly end takes at most 6 s."""


def end_within(seconds: float, error: ManyeyesError) -> asyncio.TimerHandle:
    """End this process with `error` after a delay, unless it has ended by then. Call it on the event loop."""
    return asyncio.get_running_loop().call_later(seconds, _end, error)


def _end(error: ManyeyesError) -> None:
    log().error("did not end by itself", waiting=[_told(task) for task in asyncio.all_tasks()])
    print(f"error: {harmless(' '.join(error.detail.split()))}", file=sys.stderr, flush=True)
    os._exit(error.exit_code)


def _told(task: asyncio.Task[object]) -> str:
    frames = task.get_stack(limit=1)
    where = f" in {frames[0].f_code.co_qualname}, line {frames[0].f_lineno}" if frames else ""
    return f"{task.get_name()}{where}"
