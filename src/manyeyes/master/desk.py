"""The desk where pictures are taken in and answers handed out: bytes, waiters, idempotency keys.

It owns the bytes of open tasks in bounded memory and carries out what the `TaskBook` decides.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from manyeyes import contract
from manyeyes.broker.connection import BetterElsewhere, Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.broker.transfer import Assembly, chunk_at, unframe
from manyeyes.config import Limits
from manyeyes.contract import Claim, Directive, Operation, Outcome, Points, Task
from manyeyes.errors import (
    Busy,
    IdempotencyMismatch,
    ManyeyesError,
    TaskLost,
    Unavailable,
)
from manyeyes.master.meter import Meter
from manyeyes.master.outcomes import read_outcome
from manyeyes.master.placement import Pace, better_elsewhere, to_issue_again
from manyeyes.master.tasks import (
    Ack,
    Answer,
    Drop,
    InProgress,
    Instruction,
    Nak,
    Remove,
    RemoveOrphan,
    TaskBook,
    Verdict,
)
from manyeyes.master.way import Way
from manyeyes.telemetry import log

_LEAST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 2.0
_SMOOTHING = 0.05


@dataclass(frozen=True)
class Answered:
    """A task's end as its sender gets it."""

    outcome: Outcome
    picture: bytes
    trace_id: str = ""
    """The trace that it was worked on in: an earlier one's where the picture came again under one key."""


@dataclass
class _Open:
    task: Task
    data: bytes
    future: asyncio.Future[Answered]
    operation: Operation
    accepted_at: float
    way: Way


@dataclass
class _Remembered:
    fingerprint: str
    future: asyncio.Future[Answered]
    trace_id: str = ""
    expires_at: float = field(default=float("inf"))
    size: int = 0


class Desk:
    """Takes pictures in, gives answers out; one per gateway.

    Args:
        paces: what each node can take, kept up to date by the fleet.
        meter: told what becomes of pictures.
    """

    def __init__(
        self, link: MasterLink, gateway: str, limits: Limits, paces: Mapping[str, Pace], meter: Meter
    ) -> None:
        self._link = link
        self._meter = meter
        self._paces = paces
        self._usual_bytes = 0.0
        self._limits = limits
        self._book = TaskBook(limits.max_attempts)
        self._open: dict[str, _Open] = {}
        self._held_bytes = 0
        self._incoming: dict[str, tuple[str, Assembly]] = {}
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._remembered_bytes = 0
        self._closing = False
        self.aside: Callable[[Outcome], None] = lambda outcome: None
        """Given each outcome that brings what was asked for beside the result; nobody else keeps that."""
        self.gateway = gateway
        self.done = 0
        self.failed = 0
        self.by_node: dict[str, tuple[int, int]] = {}

    @property
    def running(self) -> int:
        """Tasks that a node works on."""
        return self._book.running

    @property
    def waiting(self) -> int:
        """Tasks that nobody works on yet."""
        return self._book.waiting

    @property
    def held_bytes(self) -> int:
        """Pictures in memory until they are answered."""
        return self._held_bytes

    @property
    def closing(self) -> bool:
        """Whether nothing more is taken in."""
        return self._closing

    def oldest_waiting_s(self, now: float) -> float:
        """How long the oldest picture has waited that nobody works on; 0 where none waits."""
        if not self.waiting:
            return 0.0
        return next(
            (now - entry.accepted_at for task, entry in self._open.items() if not self._book.worked_on(task)),
            0.0,
        )

    @property
    def held(self) -> Mapping[str, int]:
        """How many pictures each node holds."""
        return self._book.held

    async def submit(
        self,
        data: bytes,
        *,
        operation: Operation,
        pack: str,
        gallery_version: int,
        draw: bool,
        key: str | None = None,
        landmarks_px: Points = (),
        keep_unknown: bool = False,
        thumbnail: bool = False,
        way: Way | None = None,
    ) -> Answered:
        """Have a picture worked on and wait for its end.

        Args:
            key: the sender's idempotency key; the same key with the same picture is worked on once.
            way: is told what happens to the picture.

        Raises:
            Busy: no room.
            IdempotencyMismatch: the key came with another picture before.
            ManyeyesError: the picture's own error.
        """
        digest = hashlib.sha256(data).hexdigest()
        fingerprint = f"{digest}:{operation}:{draw}"
        way = way or Way(time.monotonic(), operation=operation)
        if key is not None and (known := self._recall(key)):
            if known.fingerprint != fingerprint:
                raise IdempotencyMismatch(
                    f"the key {key!r} came with another picture before; use a new key for each picture"
                )
            way.answered_as = known.trace_id
            return await asyncio.shield(known.future)
        with self._meter.refusals():
            self._check_room(len(data))
        task = Task(
            id=secrets.token_hex(16),
            operation=operation,
            gateway=self.gateway,
            pack=pack,
            size_bytes=len(data),
            sha256=digest,
            draw=draw,
            gallery_version=gallery_version,
            landmarks_px=landmarks_px,
            keep_unknown=keep_unknown,
            thumbnail=thumbnail,
            traceparent=way.trace.traceparent,
        )
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda f: f.cancelled() or f.exception())
        self._open[task.id] = _Open(task, data, future, operation, time.monotonic(), way)
        self._meter.accepted(operation)
        self._held_bytes += len(data)
        if key is not None:
            self._remember(key, fingerprint, future, way.trace.trace_id)
        self._book.add(task)
        try:
            sequence = await asyncio.shield(self._link.publish_task(task))
        except BaseException as error:
            if task.id in self._open:
                self._meter.never_queued(operation, error)
            self._book.not_queued(task.id)
            self._forget(task.id)
            if not future.done():
                future.set_exception(
                    error if isinstance(error, ManyeyesError) else TaskLost("the sender left")
                )
            raise
        way.queued(time.monotonic())
        await self._carry_out(self._book.queued(task.id, sequence))
        return await asyncio.shield(future)

    def _check_room(self, size: int) -> None:
        if self._closing:
            raise Unavailable("this master is stopping; send the picture again", retry_after_s=2)
        full = self._held_bytes + size > self._limits.max_held_bytes and self._open
        if full or len(self._open) >= self._limits.max_waiting:
            raise Busy(
                f"{len(self._open)} pictures ({self._held_bytes >> 20} MiB) wait already, the limits are "
                f"{self._limits.max_waiting} and {self._limits.max_held_bytes >> 20} MiB; send it again later",
                retry_after_s=1,
            )

    # idempotency keys

    def _recall(self, key: str) -> _Remembered | None:
        now = time.monotonic()
        known = self._remembered.get(key)
        if known is None:
            return None
        failed = known.future.done() and known.future.exception() is not None
        error = known.future.exception() if failed else None
        if known.expires_at < now or (isinstance(error, ManyeyesError) and error.retryable):
            self._drop(key)
            return None
        return known

    def _remember(self, key: str, fingerprint: str, future: asyncio.Future[Answered], trace_id: str) -> None:
        entry = _Remembered(fingerprint, future, trace_id)
        self._remembered[key] = entry

        def ended(done: asyncio.Future[Answered]) -> None:
            entry.expires_at = time.monotonic() + self._limits.answers_kept_s
            if not done.cancelled() and done.exception() is None:
                entry.size = len(done.result().picture) + 2048
                self._remembered_bytes += entry.size
            self._trim()

        future.add_done_callback(ended)

    def _trim(self) -> None:
        for key, entry in list(self._remembered.items()):
            if self._remembered_bytes <= self._limits.max_answers_bytes and len(self._remembered) < 20_000:
                return
            if entry.future.done():
                self._drop(key)

    def _drop(self, key: str) -> None:
        entry = self._remembered.pop(key, None)
        if entry is not None:
            self._remembered_bytes -= entry.size

    # what nodes say

    async def on_claim(self, node: str, claim: Claim, message: Incoming, now: float) -> None:
        """A node asks for a task's bytes."""
        if claim.offset:
            verdict: Verdict = "granted" if self._book.holds(node, claim.task_id) else "gone"
        else:
            elsewhere = self._book.last_waiting(claim.task_id) and better_elsewhere(
                node, self._paces, self._book.held
            )
            verdict, instructions = self._book.claim(node, claim, now, better_elsewhere=elsewhere)
            await self._carry_out(instructions)
            if verdict == "granted":
                self._open[claim.task_id].way.claimed(node, now)
        if verdict == "granted":
            data = self._open[claim.task_id].data
            await self._link.reply_chunk(message.reply, chunk_at(data, claim.offset), len(data))
        elif verdict == "wait":
            pause_s = min(max(self._paces.get(node, Pace()).picture_s / 2, _LEAST_PAUSE_S), _LONGEST_PAUSE_S)
            refusal = BetterElsewhere("another node has the picture done sooner", retry_after_s=pause_s)
            await self._link.reply_error(message.reply, refusal)
        else:
            await self._link.reply_error(
                message.reply, TaskLost("the picture was answered or given up already")
            )

    async def turn_away(self, claim: Claim) -> None:
        """A node that may have nothing claims a task."""
        await self._carry_out(self._book.turn_away(claim))

    async def on_result(self, node: str, message: Incoming) -> bool:
        """A chunk of an outcome arrived; the last one ends the attempt.

        Returns:
            Whether the node has answered a picture with it.
        """
        task_id = message.headers.get(contract.HEADER_TASK, "")
        offset = int(message.headers.get(contract.HEADER_OFFSET, 0))
        size = int(message.headers.get(contract.HEADER_SIZE, len(message.data)))
        slot = f"{node}/{task_id}"
        refusal = self._refusal(node, task_id, size)
        if refusal is not None:
            self._incoming.pop(slot, None)
            if message.reply:
                await self._link.reply_error(message.reply, refusal)
            return False
        if offset == 0:
            self._incoming[slot] = (node, Assembly(size))
        _, assembly = self._incoming.get(slot, (node, Assembly(size)))
        if not assembly.add(offset, message.data):
            self._incoming.pop(slot, None)
            if message.reply:
                await self._link.reply_error(
                    message.reply, Unavailable("a chunk went astray; send it all again")
                )
            return False
        if not assembly.complete:
            if message.reply:
                await self._link.reply_empty(message.reply)
            return False
        self._incoming.pop(slot, None)
        content = assembly.content()
        try:
            head, picture = unframe(content)
        except ValueError:
            head, picture = b"", b""
        outcome = read_outcome(head, task_id)
        if outcome.task_id != task_id:
            await self._link.reply_error(message.reply, TaskLost("the result is for another picture"))
            return False
        self._open[task_id].way.ended(node, outcome.kind, time.monotonic())
        taken, instructions = self._book.finish(node, outcome)
        if taken:
            self._meter.attempt_ended(node, outcome)
        await self._carry_out(instructions, picture)
        if taken:
            await self._link.reply_empty(message.reply)
        else:
            await self._link.reply_error(message.reply, TaskLost("the picture was answered already"))
        return taken and outcome.kind in ("done", "error")

    def _refusal(self, node: str, task_id: str, size: int) -> ManyeyesError | None:
        if not self._book.holds(node, task_id):
            return TaskLost("the picture was answered already or went to another node")
        limit = self._limits.max_result_bytes
        if size > limit:
            return TaskLost(f"a result of {size} bytes is over the limit of {limit}")
        if sum(assembly.received for owner, assembly in self._incoming.values() if owner == node) > limit:
            return Unavailable(
                f"unfinished results of this node have {limit} bytes already; finish those first"
            )
        return None

    async def on_beat(self, node: str, holding: Sequence[str], now: float) -> None:
        """A heartbeat names what its node holds."""
        named = frozenset(holding)
        before = set(self._book.held_by(node)) - named if self._book.held.get(node) else ()
        instructions = self._book.beat(node, named, now)
        self._lost_by(
            node, [task_id for task_id in before if not self._book.holds(node, task_id)], "forgotten"
        )
        await self._carry_out(instructions)

    async def rebalance(self, now: float) -> None:
        """Issue pictures again that a free worker would end sooner than the node that holds them."""
        if not self._book.running:
            return
        again = to_issue_again(
            self._book.held_once(),
            self._paces,
            self._book.held,
            now,
            waiting=self._book.waiting,
            usual_bytes=self._usual_bytes,
        )
        if again:
            traces = [self._open[task_id].way.trace.trace_id for task_id in again]
            log().info("issued again", traces=traces)
            await self._carry_out(self._book.issue_again(again))

    async def node_deaf(self, node: str) -> None:
        """A node says that it lives and answers nothing: others get what it holds, its own answers still count."""
        await self._carry_out(self._book.issue_again(self._book.held_by(node)))

    async def node_gone(self, node: str) -> None:
        """A node is lost or left: what it held goes to others."""
        for slot in [slot for slot, (owner, _) in self._incoming.items() if owner == node]:
            del self._incoming[slot]
        self._lost_by(node, self._book.held_by(node), "node lost")
        await self._carry_out(self._book.node_gone(node))

    def _lost_by(self, node: str, task_ids: Sequence[str], how: str) -> None:
        """Attempts of a node ended without a word from it."""
        for task_id in task_ids:
            way = self._open[task_id].way
            way.ended(node, how, time.monotonic())
            log().warning(
                "attempt lost",
                trace=way.trace.trace_id,
                span=way.trace.span_id,
                by=way.asker.key_id,
                node=node,
                how=how,
                then="goes to another node",
            )

    async def close(self, patience_s: float) -> None:
        """Take nothing more in; wait a while for what is open; end the rest with `TaskLost`."""
        self._closing = True
        waiting = [entry.future for entry in self._open.values()]
        if waiting:
            await asyncio.wait(waiting, timeout=patience_s)
        error = TaskLost("the master stopped before the picture was answered; send it again")
        await self._carry_out(self._book.fail_all(error))

    # carrying out

    async def _carry_out(self, instructions: Sequence[Instruction], picture: bytes = b"") -> None:
        for instruction in instructions:
            match instruction:
                case Answer():
                    self._answer(instruction, picture)
                case Ack(subject):
                    await self._link.ack(subject)
                case Nak(subject):
                    await self._link.nak(subject)
                case InProgress(subject):
                    await self._link.in_progress(subject)
                case Remove(sequence):
                    await self._link.remove_task(sequence)
                case Drop(node, task_id):
                    directive = Directive(kind="drop", task_id=task_id)
                    await self._link.publish(contract.directive_subject(node), directive.wire())
                case RemoveOrphan(sequence, task_id):
                    await self._link.remove_orphan(sequence, task_id)

    def _answer(self, answer: Answer, picture: bytes) -> None:
        entry = self._open[answer.task_id]
        task, future, way, size = entry.task, entry.future, entry.way, len(entry.data)
        self._usual_bytes += (size - self._usual_bytes) * (_SMOOTHING if self._usual_bytes else 1.0)
        self._forget(answer.task_id)
        self._meter.answered(
            entry.operation, answer.node, answer.error, answer.outcome, entry.accepted_at,
            way.first_claimed_s, way.last_claimed_s(answer.node),
        )  # fmt: skip
        ok = answer.error is None
        self.done += ok
        self.failed += not ok
        done, failed = self.by_node.get(answer.node, (0, 0))
        self.by_node[answer.node] = (done + ok, failed + (not ok))
        outcome = (
            self._set_aside(task, answer.outcome, way.trace.trace_id) if answer.outcome is not None else None
        )
        if future.done():
            return
        if answer.error is not None:
            future.set_exception(answer.error)
        elif outcome is not None:
            if outcome.result is not None:
                way.faces, way.media_type = len(outcome.result.faces), outcome.result.media_type
            future.set_result(Answered(outcome, picture, way.trace.trace_id))

    def _set_aside(self, task: Task, outcome: Outcome, trace_id: str) -> Outcome:
        """The outcome without what stands beside the result, which is passed on where it was asked for."""
        if outcome.result is not None:
            named = outcome.result.model_copy(update={"trace_id": trace_id})
            outcome = outcome.model_copy(update={"result": named})
        asked = outcome.model_copy(
            update={
                "unknown": outcome.unknown if task.keep_unknown else (),
                "thumbnail": outcome.thumbnail if task.thumbnail else "",
            }
        )
        if outcome.kind == "done" and (asked.unknown or asked.thumbnail):
            self.aside(asked)
        return outcome.model_copy(update={"unknown": (), "thumbnail": ""})

    def _forget(self, task_id: str) -> None:
        entry = self._open.pop(task_id, None)
        if entry is not None:
            self._held_bytes -= len(entry.data)
