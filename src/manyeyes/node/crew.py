"""The seats of a node: filled, closed for a while, or emptied, as its stance says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from manyeyes.node.availability import Mode
from manyeyes.node.slot import Slot

_CANCEL_S = 3.0


class Crew:
    """All seats of a node.

    Args:
        make_slot: makes the seat of a number.
        holding: the node's claimed task ids, shared by its seats.
        drain_s: how long an emptied node may finish what it has in hand.
    """

    def __init__(
        self,
        make_slot: Callable[[int], Slot],
        count: int,
        holding: set[str],
        drain_s: float,
        on_change: Callable[[], Awaitable[None]],
    ) -> None:
        self._make_slot = make_slot
        self._count = count
        self._holding = holding
        self._drain_s = drain_s
        self._on_change = on_change
        self._mode: Mode = "empty"
        self._turned = asyncio.Event()
        self._emptied = asyncio.Event()
        self._seats: list[asyncio.Task[None]] = []
        self.slots: list[Slot] = []
        self.filled = asyncio.Event()
        """Set when the seats are filled for the first time."""

    def turn(self, mode: Mode) -> None:
        """From now on `mode` is wanted."""
        if mode != self._mode:
            self._mode = mode
            self._emptied.clear()
            self._turned.set()

    async def run(self) -> None:
        """Follow what is wanted until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._turned.clear()
                if self._mode == "empty":
                    await self._empty()
                else:
                    self._fill(group)
                    for slot in self.slots:
                        slot.open(self._mode == "work")
                await self._on_change()
                await self._turned.wait()

    def ask_anew(self) -> None:
        """Have all open seats break off how they ask for pictures, give back what they fetched, and begin again."""
        if self._mode == "work":
            for slot in self.slots:
                slot.open(False)
            self._turned.set()

    async def empty(self) -> None:
        """Have all seats emptied, and wait for it."""
        self.turn("empty")
        if self.slots:
            await self._emptied.wait()

    def _fill(self, group: asyncio.TaskGroup) -> None:
        if self.slots:
            return
        self.slots = [self._make_slot(index) for index in range(self._count)]
        self._seats = [
            group.create_task(slot.run(), name=f"seat-{index}") for index, slot in enumerate(self.slots)
        ]
        if self.slots:
            self.filled.set()

    async def _empty(self) -> None:
        """What is in hand is finished; what takes longer than `drain_s` is forgotten, and goes to another node."""
        for slot in self.slots:
            slot.drain()
        if self._seats:
            _, late = await asyncio.wait(self._seats, timeout=self._drain_s)
            for seat in late:
                seat.cancel()
            if late:
                await asyncio.wait(late, timeout=_CANCEL_S)
            for slot in self.slots:
                slot.kill()
            self._holding.clear()
        self.slots, self._seats = [], []
        self._emptied.set()
