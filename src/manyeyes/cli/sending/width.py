"""How many pictures are in flight at once: enough for all workers, also for those that join while it runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from manyeyes.errors import ManyeyesError
from manyeyes.sdk.client import AsyncClient

FIRST = 8
"""The number until the master has reported how many workers there are; also the minimum."""
MOST = 256
A_WORKER = 3
"""For each worker: one picture on its way to it, one in work, one on its way back."""
_LOOK_EVERY_S = 2.0


def width_for(workers: int) -> int:
    """How many pictures in flight keep `workers` workers busy."""
    return min(max(FIRST, A_WORKER * workers), MOST)


async def widths(client: AsyncClient) -> AsyncIterator[int]:
    """Yield, without end, how many pictures in flight the fleet can use now."""
    while True:
        with contextlib.suppress(ManyeyesError):
            yield width_for((await client.status()).workers)
        await asyncio.sleep(_LOOK_EVERY_S)
