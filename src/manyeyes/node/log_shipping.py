"""Sends this node's log lines to the masters: in batches, when nothing else waits to be sent, and without waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from manyeyes import contract
from manyeyes.broker.nodelink import NodeLink
from manyeyes.broker.transfer import frame
from manyeyes.telemetry import log
from manyeyes.telemetry.batches import MAX_BATCH_BYTES, packed
from manyeyes.telemetry.events import to_send
from manyeyes.telemetry.queue import Waiting

EVERY_S = 0.5
_TELL_EVERY_S = 10.0


async def ship(link: NodeLink, node: str, may: Callable[[], bool], waiting: Waiting = to_send) -> None:
    """Send lines until cancelled: at most a batch each `EVERY_S`, none while the line is busy or the master is away.

    Lines that wait too long are dropped, the oldest first; a later line says how many. A batch that is under way
    when the connection breaks is lost.

    Args:
        may: whether the master accepts lines, which it does after this node is approved.
    """
    told_at = time.monotonic()
    while True:
        await asyncio.sleep(EVERY_S)
        if time.monotonic() - told_at > _TELL_EVERY_S:
            told_at = time.monotonic()
            if dropped := waiting.dropped():
                log().warning("lines of the log were not sent", lines=dropped)
        if may():
            await ship_once(link, node, waiting)


async def ship_once(link: NodeLink, node: str, waiting: Waiting = to_send, *, last: bool = False) -> None:
    """Send one batch, if there is anything to send and the line is free, or it is the `last` one."""
    if not len(waiting) or not (link.idle or (last and link.connected)):
        return
    batch = packed(waiting.take(MAX_BATCH_BYTES))
    link.tell("log", contract.ANY, frame(contract.LogBatch(sent_at=time.time()).wire(), batch))
