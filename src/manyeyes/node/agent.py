"""The agent: passes events to `node_state` and carries out its instructions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from manyeyes import contract, identity
from manyeyes.broker.connection import Incoming
from manyeyes.config import NodeSettings
from manyeyes.contract import Directive
from manyeyes.errors import ManyeyesError
from manyeyes.node.availability.desired_state import DesiredState
from manyeyes.node.force_end import END_S, end_within
from manyeyes.node.heartbeats import Heartbeats
from manyeyes.node.leaving import end_work, send_leave
from manyeyes.node.log_shipping import ship
from manyeyes.node.membership.connecting import Connector
from manyeyes.node.membership.membership import Membership
from manyeyes.node.node_state import (
    Approved,
    AwaitApproval,
    Begin,
    BeginSending,
    Connect,
    Connected,
    Emptied,
    Empty,
    End,
    Event,
    FetchPack,
    ForceEnd,
    Instruction,
    JoinFailed,
    ModeChanged,
    NodeLife,
    PackHere,
    Reconnected,
    RefreshGallery,
    Refused,
    Removed,
    ReturnWaiting,
    SayHello,
    SendHeartbeat,
    Shutdown,
    StartWorkers,
    StillUnapproved,
    Stop,
    TurnPool,
    Unresponsive,
    Welcomed,
)
from manyeyes.node.packs.launch import Launch
from manyeyes.node.parts import Parts, make_parts
from manyeyes.node.worker.pool import WorkerPool
from manyeyes.telemetry import log


class Agent:
    """A running node.

    Raises:
        BadRequest: a limit of the settings cannot be read.
    """

    def __init__(self, settings: NodeSettings, membership: Membership, key: identity.NKey) -> None:
        self._settings = settings
        self._connector = Connector(settings, membership, key)
        self._heartbeats = Heartbeats(settings)
        self._desired_state = DesiredState(settings, self._heartbeats.soon)
        self._life = NodeLife(membership.name, self._desired_state.session)
        self._parts: Parts | None = None
        self._group: asyncio.TaskGroup | None = None
        self._hello: asyncio.Task[None] | None = None
        """Says hello, or waits for the approval before it is said again."""
        self._on_ready: Callable[[str, int, str], None] = lambda name, workers, pack: None
        self._on_state: Callable[[str, str], None] = lambda state, reason: None
        self._end = End()
        self._ended = asyncio.Event()

    def drain(self) -> None:
        """Finish running pictures, return the rest, leave."""
        self._feed(Stop())

    async def run(
        self, on_ready: Callable[[str, int, str], None], on_state: Callable[[str, str], None] | None = None
    ) -> None:
        """Work until drained.

        Args:
            on_ready: called once with the node's name, its number of workers, and the pack.
            on_state: called with the state and the reason of each heartbeat.

        Raises:
            NodeRemoved: the master cut this node off.
            IdentityInUse: another process or machine is this node.
            ManyeyesError: the master does not let this node in.
        """
        self._on_ready = on_ready
        self._on_state = on_state or self._on_state
        async with asyncio.TaskGroup() as group:
            working = group.create_task(self._work(), name="work")
            await self._ended.wait()
            if self._parts is not None:
                self._parts.intake.close()
            working.cancel()
        if self._parts is not None:
            logs = self._end.send_logs and self._settings.logs.send
            await send_leave(self._parts.link, self._life, self._end.leave_reason, logs=logs)
        if self._end.error is not None:
            raise self._end.error
        if self._parts is not None and self._end.leave_reason:
            log().info("left", done=self._parts.intake.tally.done, failed=self._parts.intake.tally.failed)
        else:
            log().info("stopped before the master answered")

    async def _work(self) -> None:
        """Run all tasks of the agent until cancelled."""
        async with asyncio.TaskGroup() as self._group:
            self._feed(Begin())
            await asyncio.Event().wait()

    # events and instructions

    def _feed(self, event: Event) -> None:
        for instruction in self._life.handle(event):
            self._carry_out(instruction)

    def _carry_out(self, instruction: Instruction) -> None:
        match instruction:
            case Connect():
                self._spawn(self._connect(), "connect")
            case SayHello():
                if self._hello is not None:
                    self._hello.cancel()
                self._hello = self._spawn(self._say_hello(self._there), "hello")
            case AwaitApproval(seconds):
                log().warning(
                    "waiting for approval",
                    what_to_do=f"'manyeyes nodes approve {self._life.name}' on the master lets it in",
                )
                self._hello = self._spawn(self._await_approval(seconds), "approval")
            case BeginSending():
                self._begin_sending(self._there)
            case FetchPack():
                self._spawn(self._fetch_pack(self._there), "fetch-pack")
            case StartWorkers(launch):
                self._start_workers(self._there, launch)
            case TurnPool(mode):
                self._pool.turn(mode)
            case RefreshGallery():
                self._spawn(self._there.gallery_follower.refresh(), "refresh-gallery")
            case SendHeartbeat():
                self._heartbeats.soon()
            case ReturnWaiting(detail):
                log().error("the master hears this node and gets no answers from it", detail=detail)
                if self._life.has_workers:
                    self._pool.give_back_all()
            case Empty():
                self._spawn(self._empty(self._there), "empty")
            case ForceEnd(error):
                end_within(END_S, error)
            case End():
                self._end = instruction
                self._ended.set()

    @property
    def _there(self) -> Parts:
        assert self._parts is not None
        return self._parts

    @property
    def _pool(self) -> WorkerPool:
        pool = self._there.workers.pool
        assert pool is not None
        return pool

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        assert self._group is not None
        return self._group.create_task(work, name=name)

    # joining

    async def _connect(self) -> None:
        try:
            link = await self._connector.connect(
                on_closed=lambda: self._feed(Removed()), on_reconnected=lambda: self._feed(Reconnected())
            )
            self._parts = make_parts(
                link,
                self._settings,
                self._connector.membership,
                self._desired_state,
                self._heartbeats.soon,
                self._spawn,
            )
            await link.hear(contract.directive_subject(self._life.name), self._on_directive)
        except ManyeyesError as error:
            self._feed(JoinFailed(error))
        else:
            self._feed(Connected())

    async def _await_approval(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        self._hello = None
        self._feed(StillUnapproved())

    async def _say_hello(self, parts: Parts) -> None:
        try:
            welcome = await self._connector.hello(parts.link, self._life.session)
        except ManyeyesError as error:
            self._feed(JoinFailed(error))
            return
        self._desired_state.welcomed(welcome)
        parts.intake.heard(welcome.gateway, time.monotonic())
        self._hello = None
        self._feed(Welcomed(welcome.approved))

    def _on_directive(self, message: Incoming) -> None:
        directive = Directive.model_validate_json(message.data)
        match directive.kind:
            case "shutdown":
                self._feed(Shutdown())
            case "unresponsive":
                self._feed(Unresponsive(directive.detail))
            case "refused":
                self._feed(Refused(directive.session, directive.detail))
            case kind:
                self._desired_state.told(directive)
                if kind == "approved":
                    self._feed(Approved())

    # work

    def _begin_sending(self, parts: Parts) -> None:
        link, intake = parts.link, parts.intake

        def send() -> None:
            heartbeat = self._heartbeats.made(self._life, parts)
            link.tell("heartbeat", contract.ALL, heartbeat.wire())
            self._on_state(heartbeat.state, heartbeat.reason)

        self._spawn(self._heartbeats.run(send), "heartbeat")
        self._spawn(intake.outbox.run(), "outbox")
        self._spawn(intake.follow(), "credit")
        self._spawn(self._connector.follow(link), "find")
        self._spawn(parts.commands.run(), "commands")
        if self._settings.logs.send:
            self._spawn(ship(link, self._life.name, lambda: self._life.approved), "ship-logs")

    async def _fetch_pack(self, parts: Parts) -> None:
        await parts.hear_masters(self._life.name)
        launch = await parts.provisioner.obtain()
        await parts.gallery_follower.refresh()
        self._feed(PackHere(launch))

    def _start_workers(self, parts: Parts, launch: Launch) -> None:
        pool = parts.intake.pool = parts.workers.make_pool(launch)
        self._spawn(parts.galleries.keep_folded(lambda: parts.workers.interpreter), "fold")
        self._spawn(pool.run(), "worker-pool")
        self._spawn(self._desired_state.follow(lambda mode: self._feed(ModeChanged(mode))), "desired-state")
        self._spawn(self._tell_ready(parts), "ready")
        self._spawn(parts.provisioner.follow(parts.workers.switch), "provision")

    async def _tell_ready(self, parts: Parts) -> None:
        workers, launch = await parts.workers.ready(), parts.provisioner.launch
        self._on_ready(self._life.name, workers, launch.pack if launch else "")

    async def _empty(self, parts: Parts) -> None:
        await end_work(parts.link, parts.intake, self._pool)
        self._feed(Emptied())
