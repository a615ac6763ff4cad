"""Work that one node asked for: it ends with the master, and whatever fails there does not end the master."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from manyeyes.telemetry import log

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]
"""Starts a named task."""


def spawning(group: asyncio.TaskGroup) -> Spawn:
    """A `Spawn` whose tasks belong to the group and fail only in the log."""

    async def contained(work: Coroutine[Any, Any, None], name: str) -> None:
        try:
            await work
        except Exception:
            log().exception("work for a node failed", work=name)

    return lambda work, name: group.create_task(contained(work, name), name=name)
