"""The agent: brings the pack, keeps the workers running, sends heartbeats, drains."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import psutil

from manyeyes import contract, identity
from manyeyes.broker.connection import Incoming
from manyeyes.broker.nodelink import NodeLink
from manyeyes.config import MEBIBYTE, NodeSettings
from manyeyes.contract import (
    Directive,
    Heartbeat,
    Hello,
    Leave,
    NodeState,
    StateBroadcast,
    Welcome,
    WorkerReport,
)
from manyeyes.errors import (
    IdentityInUse,
    ManyeyesError,
    NodeRemoved,
    OtherMaster,
    Unavailable,
)
from manyeyes.node.availability.decision import PICTURE_BYTES, Share, divide_memory
from manyeyes.node.availability.desired_state import DesiredState
from manyeyes.node.availability.disk import DiskWatch
from manyeyes.node.commands.commands import Orders
from manyeyes.node.gallery.cache import GalleryCache
from manyeyes.node.log_shipping import ship, ship_once
from manyeyes.node.membership.discovery import MasterFinder
from manyeyes.node.membership.host import host_facts, host_fingerprint
from manyeyes.node.membership.membership import Membership
from manyeyes.node.overdue import END_S, end_within
from manyeyes.node.packs.environment import OWN, Interpreter
from manyeyes.node.packs.launch import Launch
from manyeyes.node.packs.provision import Provisioner
from manyeyes.node.tasks.intake import TaskIntake
from manyeyes.node.worker.pace import Pace
from manyeyes.node.worker.pool import WorkerPool
from manyeyes.node.worker.process import try_out
from manyeyes.node.worker.slot import Slot
from manyeyes.packs import manifest
from manyeyes.telemetry import log

T = TypeVar("T")
LEAVE_AWAY_S = 3.0
"""How long a node that leaves waits for a connection that broke; then what it holds goes to others by its silence."""
LEAVE_CONFIRMED_S = 3.0
"""How long a node that leaves waits for gateways to confirm its outcomes; what is not confirmed goes to others."""
_SLOT_GONE_S = 0.5
"""How often a switch looks whether the slot that it waits for is still there."""


async def _at_most(waiting: Coroutine[Any, Any, None], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiting


def _starter(group: asyncio.TaskGroup) -> Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]:
    return lambda work, name: group.create_task(work, name=name)


class Agent:
    """A running node.

    Raises:
        BadRequest: a limit of the settings cannot be read.
    """

    def __init__(self, settings: NodeSettings, membership: Membership, key: identity.NKey) -> None:
        self._settings = settings
        self._membership = membership
        self._key = key
        self._finder = MasterFinder(membership, settings.data / "membership.json", allowed=settings.find)
        self._host = host_facts()
        self._disk = DiskWatch(settings.data)
        self._pace = Pace()
        self._intake: TaskIntake | None = None
        self._pool: WorkerPool | None = None
        self._too_little = ""
        self._draining = asyncio.Event()
        self._end: ManyeyesError | None = None
        self._ended = asyncio.Event()
        self._farewell = "stopped on the machine itself"
        self._heartbeat_now = asyncio.Event()
        self._reconnected = asyncio.Event()
        self._desired_state = DesiredState(settings, self._heartbeat_now.set)
        self._provisioner: Provisioner | None = None
        self._launch: Launch | None = None
        self._process = psutil.Process()

    def drain(self) -> None:
        """Finish what is in hand, give the rest back, leave."""
        self._draining.set()

    async def run(self, on_ready: Callable[[str, int], None]) -> None:
        """Work until drained.

        Args:
            on_ready: called once with the node's name and its number of workers.

        Raises:
            NodeRemoved: the master cut this node off.
            IdentityInUse: another process or machine is this node.
            ManyeyesError: the pack cannot be had.
        """
        link = await self._connect()
        if link is None:
            if self._end is not None:
                raise self._end
            log().info("stopped before the master answered")
            return
        await link.hear(contract.directive_subject(self._membership.name), self._on_directive)
        try:
            welcome = await self._greet(link)
        except ManyeyesError:
            await link.close()
            raise
        galleries = GalleryCache(link, self._settings.data / "gallery")
        orders = Orders(link, self._settings, self._membership.name)
        self._provisioner = Provisioner(
            link, self._settings.data, self._membership.pack_public_key, self._heartbeat_now.set, try_out
        )
        async with asyncio.TaskGroup() as group:
            intake = self._intake = TaskIntake(
                link, self._desired_state.session, self._pace, self._heartbeat_now.set, _starter(group)
            )
            if welcome is not None:
                intake.heard(welcome.gateway, time.monotonic())
            tasks = [
                group.create_task(self._send_heartbeats(link, galleries), name="heartbeat"),
                group.create_task(intake.outbox.run(), name="outbox"),
                group.create_task(intake.follow(), name="credit"),
                group.create_task(self._catch_up(link, galleries), name="catch-up"),
                group.create_task(self._finder.follow(link), name="find"),
                group.create_task(orders.run(), name="orders"),
                group.create_task(self._ship(link), name="ship-logs"),
                group.create_task(self._live(link, galleries, orders, on_ready), name="life"),
            ]
            await self._draining.wait()
            self._heartbeat_now.set()
            await self._empty(link, intake)
            intake.close()
            for task in tasks:
                task.cancel()
        if self._end is None:
            leave = Leave(session=self._desired_state.session, reason=self._farewell)
            link.tell("leave", contract.ALL, leave.wire())
        if self._end is None and self._settings.logs.send and self._desired_state.approved.is_set():
            await ship_once(link, self._membership.name, last=True)
        await link.close()
        if self._end is not None:
            raise self._end
        log().info("left", done=intake.tally.done, failed=intake.tally.failed)

    async def _connect(self) -> NodeLink | None:
        """A connection, None where this node was stopped before the master answered."""
        member = self._membership

        def closed() -> None:
            if not self._draining.is_set():
                self._cut_off(
                    NodeRemoved(
                        f"the master no longer knows node {member.name!r}: it was removed there; to come back, join "
                        "with a new token and a new data folder: 'manyeyes node --join TOKEN --data FOLDER'"
                    )
                )

        while not self._draining.is_set():
            try:
                return await self._unless_leaving(
                    NodeLink.connect(
                        self._finder.addresses,
                        member.ca_pem,
                        self._key.seed,
                        member.name,
                        on_closed=closed,
                        on_reconnected=self._on_reconnected,
                    )
                )
            except (Unavailable, OtherMaster) as error:
                log().warning("waiting for the master", error=error.detail)
                if await self._unless_leaving(self._finder.look()) is not None:
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(2):
                        await self._draining.wait()
        return None

    async def _unless_leaving(self, waiting: Coroutine[Any, Any, T]) -> T | None:
        """What is waited for, None where this node is stopped first."""
        task = asyncio.ensure_future(waiting)
        leaving = asyncio.ensure_future(self._draining.wait())
        try:
            await asyncio.wait([task, leaving], return_when=asyncio.FIRST_COMPLETED)
            return task.result() if task.done() else None
        finally:
            task.cancel()
            leaving.cancel()

    def _cut_off(self, error: ManyeyesError) -> None:
        """End at once: what is in hand is no longer this process's."""
        if self._end is None:
            self._end = error
            end_within(END_S, error)
        self._ended.set()
        self._draining.set()

    # standing

    async def _greet(self, link: NodeLink) -> Welcome | None:
        """Say who this is until the master answers; None where this node leaves before.

        Raises:
            IdentityInUse: another process is this node.
            VersionMismatch: the master speaks no version of the contract that this node speaks.
        """
        fingerprint = host_fingerprint(self._settings.machine_id_file, self._membership.ca_pem)
        hello = Hello(session=self._desired_state.session, fingerprint=fingerprint)
        while not self._draining.is_set():
            try:
                answer = await self._unless_leaving(link.ask("hello", hello.wire(), timeout_s=5))
            except Unavailable as error:
                log().warning("not welcomed yet", error=error.detail)
                await self._unless_leaving(asyncio.sleep(1))
            else:
                if answer is None:
                    return None
                welcome = Welcome.model_validate_json(answer)
                self._desired_state.welcomed(welcome)
                return welcome
        return None

    def _on_directive(self, message: Incoming) -> None:
        directive = Directive.model_validate_json(message.data)
        if directive.kind == "shutdown":
            self._farewell = "shut down by an operator"
            self._draining.set()
        elif directive.kind == "unresponsive":
            log().error("the master hears this node and gets no answers from it", detail=directive.detail)
            if self._pool is not None:
                self._pool.give_back_all()
            self._heartbeat_now.set()
        elif directive.kind == "refused":
            if directive.session == self._desired_state.session:
                self._cut_off(
                    IdentityInUse(f"{directive.detail}; start it with a token and a data folder of its own")
                )
        else:
            self._desired_state.told(directive)

    async def _approval(self, link: NodeLink) -> None:
        while not self._desired_state.approved.is_set():
            log().warning("waiting for approval", how=f"manyeyes nodes approve {self._membership.name}")
            try:
                async with asyncio.timeout(30):
                    await self._desired_state.approved.wait()
            except TimeoutError:
                await self._greet(link)

    # work

    async def _live(
        self, link: NodeLink, galleries: GalleryCache, orders: Orders, on_ready: Callable[[str, int], None]
    ) -> None:
        """All that comes after the welcome, until cancelled."""
        await self._approval(link)
        await link.hear(contract.command_subject(self._membership.name), orders.heard)
        provisioner, intake = self._provisioner, self._intake
        assert provisioner is not None and intake is not None
        async with asyncio.TaskGroup() as group:

            def state(message: Incoming) -> None:
                told = StateBroadcast.model_validate_json(message.data)
                intake.on_state(told, time.monotonic())
                provisioner.heard(told.pack)
                if told.gallery_version > galleries.version:
                    refresh = self._refresh(galleries, told.gallery_version)
                    group.create_task(refresh, name="refresh-gallery")

            await link.hear(contract.STATE_SUBJECT, state)
            await link.hear(contract.dispatch_subject(self._membership.name), intake.on_dispatch)
            self._launch = await provisioner.obtain()
            await self._refresh(galleries, 0)
            pool = self._pool = intake.pool = self._make_pool(galleries, intake)
            group.create_task(galleries.keep_folded(self._interpreter), name="fold")
            group.create_task(pool.run(), name="worker-pool")
            group.create_task(self._desired_state.follow(pool.turn), name="desired-state")
            group.create_task(self._tell_ready(pool, on_ready), name="ready")
            group.create_task(provisioner.follow(self._switch), name="provision")

    def _make_pool(self, galleries: GalleryCache, intake: TaskIntake) -> WorkerPool:
        assert self._launch is not None

        def slot(index: int, pool: WorkerPool) -> Slot:
            assert self._launch is not None
            deadline_s = self._settings.task_deadline_s
            return Slot(index, pool, self._launch, galleries, self._pace, deadline_s)

        def changed() -> None:
            intake.changed()
            self._changed()

        share = self._share(self._launch)
        return WorkerPool(slot, share.workers, self._pace, intake.ended, self._settings.drain_s, changed)

    def _interpreter(self) -> Interpreter:
        return self._launch.interpreter if self._launch else OWN

    async def _switch(self, launch: Launch) -> None:
        """Slot after slot, so that the others work and no more than one worker is there twice."""
        assert self._pool is not None
        self._launch = launch  # slots that are filled from now on begin with it
        for slot in tuple(self._pool.slots):
            await self._switch_slot(slot, launch)

    async def _switch_slot(self, slot: Slot, launch: Launch) -> None:
        """Return when the slot has gone over, or is no longer there."""
        assert self._pool is not None
        going = asyncio.ensure_future(slot.switch(launch))
        try:
            while slot in self._pool.slots:
                await asyncio.wait([going], timeout=_SLOT_GONE_S)
                if going.done():
                    return going.result()
        finally:
            going.cancel()

    def _share(self, launch: Launch) -> Share:
        wanted, memory = self._settings.workers, self._desired_state.memory_bytes
        need = manifest.read(launch.folder).memory_mb * MEBIBYTE
        share = divide_memory(memory, wanted, need, self._settings.worker_growth_bytes)
        if memory is not None:
            os.environ["MANYEYES_NODE_WORKER_GROWTH_BYTES"] = str(share.growth_bytes)
            log().info("memory", workers=share.workers, wanted=wanted, growth_bytes=share.growth_bytes)
        if share.workers == 0:
            self._too_little = (
                f"--memory {self._settings.memory} is too little for one worker of {launch.pack}, which needs "
                f"{(need + PICTURE_BYTES) >> 20}M"
            )
        return share

    async def _empty(self, link: NodeLink, intake: TaskIntake) -> None:
        """Finish what is in hand, unless this node was cut off, or is: then nobody can be given anything."""
        if self._pool is None or self._end is not None:
            return
        log().info("draining", holding=intake.in_hand)
        emptied = asyncio.ensure_future(self._finish(self._pool, intake))
        ended = asyncio.ensure_future(self._ended.wait())
        away = asyncio.ensure_future(link.broken_for(LEAVE_AWAY_S))
        await asyncio.wait([emptied, ended, away], return_when=asyncio.FIRST_COMPLETED)
        if away.done():
            log().warning(
                "the master is away: what this node holds is left to others", holding=intake.in_hand
            )
        for waiting in (emptied, ended, away):
            waiting.cancel()
        await asyncio.wait([emptied, ended, away])

    async def _finish(self, pool: WorkerPool, intake: TaskIntake) -> None:
        """Have nothing more sent, end what is in hand, and have every outcome confirmed."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_at_most(intake.drain(), LEAVE_CONFIRMED_S), name="drain")
            group.create_task(pool.empty(), name="empty")
        await _at_most(intake.outbox.emptied(), LEAVE_CONFIRMED_S)

    async def _ship(self, link: NodeLink) -> None:
        if self._settings.logs.send:
            await ship(link, self._membership.name, self._desired_state.approved.is_set)

    def _on_reconnected(self) -> None:
        self._heartbeat_now.set()
        self._reconnected.set()

    async def _catch_up(self, link: NodeLink, galleries: GalleryCache) -> None:
        """After each break: news may have been missed, and the master may have been given another registry."""
        while True:
            await self._reconnected.wait()
            self._reconnected.clear()
            welcome = await self._greet(link)
            if welcome is not None and self._intake is not None:
                self._intake.heard(welcome.gateway, time.monotonic())
                self._heartbeat_now.set()
            if self._pool is not None:
                await self._refresh(galleries, 0)

    async def _refresh(self, galleries: GalleryCache, least: int) -> None:
        try:
            await galleries.refresh(least)
            self._heartbeat_now.set()
        except ManyeyesError as error:
            log().warning("gallery not refreshed", error=error.detail)

    async def _tell_ready(self, pool: WorkerPool, on_ready: Callable[[str, int], None]) -> None:
        await pool.filled.wait()
        for slot in pool.slots:
            await slot.ready.wait()
        on_ready(self._membership.name, len(pool.slots))

    def _changed(self) -> None:
        self._heartbeat_now.set()
        if self._provisioner and self._pool and any(slot.trouble for slot in self._pool.slots):
            self._provisioner.doubt()

    async def _send_heartbeats(self, link: NodeLink, galleries: GalleryCache) -> None:
        """Say what this node is and holds, regularly and at each change."""
        while True:
            link.tell("heartbeat", contract.ALL, self._heartbeat(galleries).wire())
            self._heartbeat_now.clear()
            try:
                async with asyncio.timeout(self._settings.heartbeat_s):
                    await self._heartbeat_now.wait()
            except TimeoutError:
                continue

    def _state(self, reports: tuple[WorkerReport, ...]) -> tuple[NodeState, str]:
        holding = self._intake.in_hand if self._intake else 0
        in_hand = f"{holding} pictures in hand"
        effective_mode = self._desired_state.effective_mode
        if not self._desired_state.approved.is_set():
            return "waiting for approval", f"'manyeyes nodes approve {self._membership.name}' lets it in"
        if self._draining.is_set():
            return "draining", in_hand
        doing = self._provisioner.doing if self._provisioner else ""
        if self._pool is None:
            return "provisioning", doing or "starting workers"
        if effective_mode.mode != "work":
            return (
                ("draining", f"{in_hand}; {effective_mode.reason}")
                if holding
                else ("paused", effective_mode.reason)
            )
        if not any(slot.ready.is_set() for slot in self._pool.slots):
            trouble = next((slot.trouble for slot in self._pool.slots if slot.trouble), "starting workers")
            return "provisioning", self._too_little or doing or trouble
        if any(report.state == "busy" for report in reports):
            return "working", doing
        if resting := [
            slot for slot, told in zip(self._pool.slots, reports, strict=True) if told.state == "resting"
        ]:
            return "ready", f"{len(resting)} of {len(reports)} workers rest: {resting[0].trouble}"
        return "ready", doing

    def _heartbeat(self, galleries: GalleryCache) -> Heartbeat:
        now = time.monotonic()
        reports = tuple(slot.report(now) for slot in self._pool.slots) if self._pool else ()
        state, reason = self._state(reports)
        provisioner = self._provisioner
        disk_free_bytes, disk_bytes = self._disk.told(now)
        intake = self._intake
        assert intake is not None
        intake.refresh(now)
        return Heartbeat(
            state=state,
            reason=reason or galleries.trouble,
            session=self._desired_state.session,
            desired=self._desired_state.desired,
            workers=reports,
            holding=intake.holding,
            grants=intake.grants.all(now),
            done=intake.tally.done,
            failed=intake.tally.failed,
            gallery_version=max(galleries.version, 0),
            pack=provisioner.launch.pack if provisioner and provisioner.launch else "",
            agent_rss_bytes=self._process.memory_info().rss,
            allow_exec=self._settings.allow_exec,
            benchmark_s=round(self._pace.benchmark_s, 5),
            picture_s=round(self._pace.picture_s, 5),
            disk_free_bytes=disk_free_bytes,
            disk_bytes=disk_bytes,
            pack_failures=provisioner.failures if provisioner else 0,
            host=self._host,
        )
