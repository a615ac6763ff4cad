"""Ends the work of a node that leaves: no new tasks, running ones finish, every outcome is confirmed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any

from manyeyes import contract
from manyeyes.broker.nodelink import NodeLink
from manyeyes.contract import Leave
from manyeyes.node.log_shipping import ship_once
from manyeyes.node.node_state import NodeLife
from manyeyes.node.tasks.intake import TaskIntake
from manyeyes.node.worker.pool import WorkerPool
from manyeyes.telemetry import log

LEAVE_AWAY_S = 3.0
"""How long a leaving node waits for a broken connection. After that it ends, and what it holds goes to others."""
LEAVE_CONFIRMED_S = 3.0
"""How long a leaving node waits for gateways to confirm its outcomes. The rest goes to other nodes."""


async def end_work(link: NodeLink, intake: TaskIntake, pool: WorkerPool) -> None:
    """Return when no work is left, or when nothing can be sent because the master is away."""
    log().info("draining", holding=intake.in_hand)
    finished = asyncio.ensure_future(_finish(intake, pool))
    away = asyncio.ensure_future(link.broken_for(LEAVE_AWAY_S))
    try:
        await asyncio.wait([finished, away], return_when=asyncio.FIRST_COMPLETED)
        if away.done():
            log().warning(
                "the master is away: what this node holds is left to others", holding=intake.in_hand
            )
    finally:
        finished.cancel()
        away.cancel()
        await asyncio.wait([finished, away])


async def send_leave(link: NodeLink, life: NodeLife, reason: str, *, logs: bool) -> None:
    """Send `Leave` if there is a reason to send, and close the connection.

    Args:
        logs: whether the last log lines are sent before.
    """
    if reason:
        link.tell("leave", contract.ALL, Leave(session=life.session, reason=reason).wire())
    if logs:
        await ship_once(link, life.name, last=True)
    await link.close()


async def _finish(intake: TaskIntake, pool: WorkerPool) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_at_most(intake.drain(), LEAVE_CONFIRMED_S), name="drain")
        group.create_task(pool.empty(), name="empty")
    await _at_most(intake.outbox.emptied(), LEAVE_CONFIRMED_S)


async def _at_most(waiting: Coroutine[Any, Any, None], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiting
