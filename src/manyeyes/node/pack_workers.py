"""The workers of the pack in use: how many the memory allows, their pool, and how they switch to another pack."""

from __future__ import annotations

import os
from collections.abc import Callable

from manyeyes.cgroups import read_machine
from manyeyes.config import MEBIBYTE, NodeSettings
from manyeyes.contract import Outcome
from manyeyes.node.availability.decision import PICTURE_BYTES, Share, divide_memory, memory_left, within_limit
from manyeyes.node.gallery.cache import GalleryCache
from manyeyes.node.packs.environment import OWN, Interpreter
from manyeyes.node.packs.launch import Launch
from manyeyes.node.worker.pace import Pace
from manyeyes.node.worker.picture import Picture
from manyeyes.node.worker.pool import WorkerPool
from manyeyes.node.worker.slot import Slot
from manyeyes.packs import manifest
from manyeyes.telemetry import log


class PackWorkers:
    """Makes the worker pool for the pack in use, and switches the workers to another pack.

    Args:
        memory_bytes: for all workers together; None: no limit.
        ended: called with each outcome and its body.
        changed: called when the grants or the heartbeat may have changed.
    """

    def __init__(
        self,
        settings: NodeSettings,
        memory_bytes: int | None,
        galleries: GalleryCache,
        pace: Pace,
        ended: Callable[[Picture, Outcome, bytes], None],
        changed: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._memory_bytes = memory_bytes
        self._galleries = galleries
        self._ended = ended
        self._changed = changed
        self._launch: Launch | None = None
        self.pace = pace
        self.pool: WorkerPool | None = None
        self.too_little = ""
        """An error text if the memory is too little for one worker; empty if it is enough."""

    @property
    def slots(self) -> tuple[Slot, ...]:
        """All slots; none before there is a pool."""
        return tuple(self.pool.slots) if self.pool else ()

    @property
    def interpreter(self) -> Interpreter:
        """The Python environment that runs the pack."""
        return self._launch.interpreter if self._launch else OWN

    def make_pool(self, launch: Launch) -> WorkerPool:
        """Make the pool, still without workers, for a pack."""
        self._launch = launch
        share = self._share(launch)
        self.pool = WorkerPool(
            self._slot, share.workers, self.pace, self._ended, self._settings.drain_s, self._changed
        )
        return self.pool

    async def ready(self) -> int:
        """Wait until each slot's first worker takes pictures. Returns the number of slots."""
        assert self.pool is not None
        await self.pool.filled.wait()
        slots = self.slots
        for slot in slots:
            await slot.ready.wait()
        return len(slots)

    def _slot(self, index: int, pool: WorkerPool) -> Slot:
        assert self._launch is not None
        return Slot(index, pool, self._launch, self._galleries, self.pace, self._settings.task_deadline_s)

    def _share(self, launch: Launch) -> Share:
        wanted, memory = self._settings.workers, self._memory_bytes
        need = manifest.read(launch.folder).memory_mb * MEBIBYTE
        share = divide_memory(memory, wanted, need, self._settings.worker_growth_bytes)
        machine = read_machine()
        left = memory_left(machine.memory_limit_bytes, machine.memory_used_bytes)
        if left is not None and left < need + PICTURE_BYTES:
            log().warning(
                "the memory limit leaves little for a worker",
                limit_bytes=machine.memory_limit_bytes,
                left_bytes=left,
                wanted_bytes=need + PICTURE_BYTES,
            )
        share = within_limit(share, left, need)
        if memory is not None or left is not None:
            os.environ["MANYEYES_NODE_WORKER_GROWTH_BYTES"] = str(share.growth_bytes)
            log().info("memory", workers=share.workers, wanted=wanted, growth_bytes=share.growth_bytes)
        if share.workers == 0:
            self.too_little = (
                f"--memory {self._settings.memory} is too little for one worker of {launch.pack}, which needs "
                f"{(need + PICTURE_BYTES) >> 20}M"
            )
            log().warning("this node takes no pictures", why=self.too_little)
        return share

    async def switch(self, launch: Launch) -> None:
        """Switch to another pack, one slot after the other: the others go on, and at most one extra worker runs."""
        self._launch = launch  # slots that are filled from now on begin with it
        for slot in self.slots:
            await slot.switch(launch)
