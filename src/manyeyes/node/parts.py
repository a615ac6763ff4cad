"""The parts of an agent after it is connected."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.broker.nodelink import NodeLink
from manyeyes.config import NodeSettings
from manyeyes.node.availability.desired_state import DesiredState
from manyeyes.node.commands.commands import Commands
from manyeyes.node.gallery.cache import GalleryCache
from manyeyes.node.gallery.follow import GalleryFollower
from manyeyes.node.membership.membership import Membership
from manyeyes.node.pack_workers import PackWorkers
from manyeyes.node.packs.provision import Provisioner
from manyeyes.node.tasks.intake import TaskIntake
from manyeyes.node.worker.pace import Pace
from manyeyes.node.worker.process import try_out


@dataclass(frozen=True)
class Parts:
    """The parts of a connected agent."""

    link: NodeLink
    desired_state: DesiredState
    galleries: GalleryCache
    gallery_follower: GalleryFollower
    commands: Commands
    provisioner: Provisioner
    intake: TaskIntake
    workers: PackWorkers

    async def hear_masters(self, name: str) -> None:
        """Receive calls, the masters' state and dispatches from now on."""
        await self.link.hear(contract.command_subject(name), self.commands.heard)
        await self.link.hear(contract.STATE_SUBJECT, self._on_state)
        await self.link.hear(contract.dispatch_subject(name), self.intake.on_dispatch)

    def _on_state(self, message: Incoming) -> None:
        told = contract.StateBroadcast.model_validate_json(message.data)
        self.intake.on_state(told, time.monotonic())
        self.provisioner.heard(told.pack)
        self.gallery_follower.heard(told.gallery_version)


def make_parts(
    link: NodeLink,
    settings: NodeSettings,
    membership: Membership,
    desired_state: DesiredState,
    heartbeat: Callable[[], None],
    spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
) -> Parts:
    """Make the parts and connect them with each other.

    Args:
        heartbeat: asks for a heartbeat to be sent soon.
        spawn: starts a named task that ends with the agent.
    """

    def changed() -> None:
        intake.changed()
        heartbeat()
        if any(slot.trouble for slot in workers.slots):
            provisioner.doubt()

    galleries = GalleryCache(link, settings.data / "gallery")
    provisioner = Provisioner(link, settings.data, membership.pack_public_key, heartbeat, try_out)
    pace = Pace()
    intake = TaskIntake(link, desired_state.session, pace, heartbeat, spawn)
    workers = PackWorkers(settings, desired_state.memory_bytes, galleries, pace, intake.ended, changed)
    return Parts(
        link=link,
        desired_state=desired_state,
        galleries=galleries,
        gallery_follower=GalleryFollower(galleries, spawn, heartbeat),
        commands=Commands(link, settings, membership.name),
        provisioner=provisioner,
        intake=intake,
        workers=workers,
    )
