"""How many pictures are under way at once: enough for all workers there are, and for those that come while it runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from manyeyes.errors import ManyeyesError
from manyeyes.sdk.client import AsyncClient

FIRST = 8
"""Before the master has told how many workers there are, and at the least."""
MOST = 256
A_WORKER = 3
"""One on its way to a worker, one in hand, one on its way back."""
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
