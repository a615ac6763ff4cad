"""How many pictures are in flight at once: enough for all workers, also for those that join while it runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from manyeyes.errors import ManyeyesError
from manyeyes.sdk.client import AsyncClient

FIRST = 8
"""Until the master has reported how many workers there are; also the minimum."""
MOST = 256
A_WORKER = 3
"""One being sent to a worker, one in work, one being returned."""
_LOOK_EVERY_S = 2.0


def width_for(workers: int) -> int:
    """How many pictures keep so many workers busy."""
    return min(max(FIRST, A_WORKER * workers), MOST)


async def widths(client: AsyncClient) -> AsyncIterator[int]:
    """What the fleet can take, as it changes; for ever."""
    while True:
        with contextlib.suppress(ManyeyesError):
            yield width_for((await client.status()).workers)
        await asyncio.sleep(_LOOK_EVERY_S)
