"""Sends this node's heartbeats: regularly, and soon after each change."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import psutil

from manyeyes.config import NodeSettings
from manyeyes.contract import Heartbeat
from manyeyes.node.availability.disk import DiskWatch
from manyeyes.node.membership.host import host_facts
from manyeyes.node.membership.load import LoadWatch
from manyeyes.node.node_state import Doing, NodeLife, told_state
from manyeyes.node.parts import Parts


class Heartbeats:
    """Builds the heartbeats of one node and has them sent: regularly, and soon after each change."""

    def __init__(self, settings: NodeSettings) -> None:
        self._settings = settings
        self._host = host_facts()
        self._disk = DiskWatch(settings.data)
        self._load = LoadWatch(time.monotonic())
        self._process = psutil.Process()
        self._soon = asyncio.Event()

    def soon(self) -> None:
        """Something changed: send a heartbeat soon."""
        self._soon.set()

    async def run(self, send: Callable[[], None]) -> None:
        """Call `send` regularly and after each change, until cancelled."""
        while True:
            send()
            self._soon.clear()
            try:
                async with asyncio.timeout(self._settings.heartbeat_s):
                    await self._soon.wait()
            except TimeoutError:
                continue

    def made(self, life: NodeLife, parts: Parts) -> Heartbeat:
        """Build the heartbeat for this moment."""
        now = time.monotonic()
        desired_state, intake, provisioner = parts.desired_state, parts.intake, parts.provisioner
        slots, pace = parts.workers.slots, parts.workers.pace
        reports = tuple(slot.report(now) for slot in slots)
        doing = Doing(
            in_hand=intake.in_hand,
            provisioning=provisioner.doing,
            mode_reason=desired_state.effective_mode.reason,
            too_little=parts.workers.too_little,
            any_ready=any(slot.ready.is_set() for slot in slots),
            troubles=tuple(slot.trouble for slot in slots),
            reports=reports,
        )
        state, reason = told_state(life.phase, life.name, doing)
        disk_free_bytes, disk_bytes = self._disk.told(now)
        intake.refresh(now)
        return Heartbeat(
            state=state,
            reason=reason or parts.galleries.trouble,
            session=life.session,
            desired=desired_state.desired,
            workers=reports,
            holding=intake.holding,
            grants=intake.grants.all(now),
            done=intake.tally.done,
            failed=intake.tally.failed,
            gallery_version=max(parts.galleries.version, 0),
            pack=provisioner.launch.pack if provisioner.launch else "",
            agent_rss_bytes=self._process.memory_info().rss,
            allow_exec=self._settings.allow_exec,
            benchmark_s=round(pace.benchmark_s, 5),
            picture_s=round(pace.picture_s, 5),
            disk_free_bytes=disk_free_bytes,
            disk_bytes=disk_bytes,
            pack_failures=provisioner.failures,
            host=self._host.model_copy(update=vars(self._load.told(now))),
        )
