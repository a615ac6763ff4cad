"""Takes pictures in, sends them to nodes, gives answers out: the thin shell around the task table.

It owns the bytes of open tasks in bounded memory and carries out what the table decides. A picture's whole walk is
here: `submit` adds it, `_pump` sends it, `on_result` ends it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.broker.transfer import frame_head
from manyeyes.config import Limits
from manyeyes.contract import ChunkQuery, Credit, Dispatch, DrainAnswer, Grant, Heartbeat, Outcome, Task
from manyeyes.dispatch.idempotency import Memory
from manyeyes.dispatch.placement import Pace
from manyeyes.dispatch.results import Arrived, Chunks, plain, read
from manyeyes.dispatch.task_table import Answer, Instruction, Lost, Send, Settle, Sync, TaskTable, task_of
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import Busy, ManyeyesError, TaskLost, Unavailable
from manyeyes.telemetry import log

SETTLE_S = 0.05
"""How long a confirmation waits for a dispatch that takes it along."""
MOST_SETTLED = 256
"""Confirmations in one message."""
HASHED_IN_THREAD_BYTES = 1024 * 1024
READ_IN_THREAD_BYTES = 64 * 1024
"""What is larger is hashed, or read, off the event loop."""
ENTRY_BYTES = 2048
"""What a remembered answer takes beside its bytes."""
MOST_FETCHED = 3
"""How many times over a node may fetch a picture that it was sent once: an answer is far larger than its question."""
_SMOOTHING = 0.05


@dataclass(frozen=True)
class Order:
    """What is wanted of a picture; see `contract.Task`."""

    kind: str
    pack: str
    options: Mapping[str, Any] | None = None
    wants: tuple[str, ...] = ()
    state: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Answered:
    """A task's end as its caller gets it."""

    content: Any
    """What `Reader` made of the outcome."""
    task_id: str
    trace_id: str = ""
    """The trace that it was worked on in: an earlier one's where the picture came again under one key."""
    size_bytes: int = 0


class Reader(Protocol):
    """Makes of an outcome what its caller gets, and refuses what a node may not say."""

    def content(self, task: Task, arrived: Arrived) -> Any:
        """What the caller gets of an outcome that is `done`.

        Raises:
            ValueError: the outcome cannot be believed; it counts as a crashed attempt.
        """

    def error(self, outcome: Outcome) -> ManyeyesError:
        """The error that an outcome tells of, as far as a node may tell it."""


class Recorder(Protocol):
    """Is told what happens to pictures."""

    def accepted(self, kind: str) -> None:
        """A picture was taken in."""

    def refused(self, error: ManyeyesError) -> None:
        """A picture was not taken in."""

    def attempt_ended(self, node: str, status: str, error: ManyeyesError | None) -> None:
        """A node ended an attempt, whatever became of the picture."""

    def answered(
        self, kind: str, node: str, error: ManyeyesError | None, content: Any, trace: PictureTrace, now: float
    ) -> None:
        """A picture has its end."""


@dataclass
class _Open:
    task: Task
    data: bytes
    future: asyncio.Future[Answered] | None
    """None for a probe."""
    accepted_at: float
    trace: PictureTrace
    fetched: dict[str, int] = field(default_factory=dict)
    """Bytes that each node asked for since it was sent the task."""


class Dispatcher:
    """One per gateway.

    Args:
        paces: what each node can take, kept up to date by the fleet.
        spawn: starts a named task that ends with its owner.
        on_probe: told of each probe that a node answered.
    """

    def __init__(
        self,
        link: MasterLink,
        gateway: str,
        limits: Limits,
        paces: Mapping[str, Pace],
        reader: Reader,
        recorder: Recorder,
        spawn: Callable[[Coroutine[Any, Any, None], str], object],
    ) -> None:
        self._link = link
        self._limits = limits
        self._paces = paces
        self._reader = reader
        self._recorder = recorder
        self._spawn = spawn
        self._table = TaskTable(limits.max_attempts)
        self._open: dict[str, _Open] = {}
        self._held_bytes = 0
        self._chunks = Chunks(limits.max_result_bytes)
        self._memory: Memory[Answered] = Memory(limits.answers_kept_s, limits.max_answers_bytes)
        self._settled: defaultdict[str, list[str]] = defaultdict(list)
        """Confirmations that wait, by node."""
        self._settling: asyncio.TimerHandle | None = None
        self._sessions: dict[str, str] = {}
        self._reading: set[tuple[str, str]] = set()
        """(node, task) whose outcome is being read off the loop."""
        self._usual_bytes = 0.0
        self._closing = False
        self.gateway = gateway
        self.on_answer: Callable[[str, float], None] = lambda node, now: None
        """Told of each node that answers a picture or a probe."""
        self.done = 0
        self.failed = 0
        self.by_node: dict[str, tuple[int, int]] = {}

    @property
    def running(self) -> int:
        """Pictures that a node works on."""
        return self._table.running

    @property
    def waiting(self) -> int:
        """Pictures that no node works on yet."""
        return self._table.waiting

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
        first = self._table.first_waiting
        return now - self._open[first].accepted_at if first else 0.0

    def held(self, node: str) -> int:
        """How many pictures a node holds."""
        return self._table.held(node)

    def line_s(self, node: str) -> float:
        """How long the line of a node needs for all that it holds; see `TaskTable.line_s`."""
        return self._table.line_s(node)

    def grants(self, node: str) -> bool:
        """Whether a node grants credit that is not used."""
        return self._table.free(node) > 0

    # pictures in

    async def submit(
        self, data: bytes, order: Order, *, key: str | None = None, trace: PictureTrace | None = None
    ) -> Answered:
        """Have a picture worked on and wait for its end.

        Args:
            key: the sender's idempotency key; the same key with the same picture is worked on once.
            trace: is told what happens to the picture.

        Raises:
            Busy: no room.
            IdempotencyMismatch: the key came with another picture before.
            ManyeyesError: the picture's own error.
        """
        trace = trace or PictureTrace(time.monotonic(), operation=order.kind)
        fingerprint = ""
        if key is not None:
            fingerprint = f"{await _digest(data)}:{order.kind}:{contract.PICTURE in order.wants}"
            if known := self._memory.recall(key, fingerprint):
                trace.answered_as = known.trace_id
                return await asyncio.shield(known.future)
        self._check_room(len(data))
        task = Task(
            id=os.urandom(16).hex(),
            kind=order.kind,
            pack=order.pack,
            size_bytes=len(data),
            options=dict(order.options or {}),
            wants=order.wants,
            state=dict(order.state or {}),
            traceparent=trace.trace.traceparent,
        )
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        now = time.monotonic()
        self._open[task.id] = _Open(task, data, future, now, trace)
        self._held_bytes += len(data)
        self._recorder.accepted(order.kind)
        if key is not None:
            entry = self._memory.remember(key, fingerprint, future, trace.trace.trace_id)
            future.add_done_callback(lambda ended: self._memory.ended(entry, _size(ended)))
        self._table.add(task.id, len(data))
        self._pump(now)
        return await (future if key is None else asyncio.shield(future))

    def _check_room(self, size: int) -> None:
        error: ManyeyesError | None = None
        full = self._held_bytes + size > self._limits.max_held_bytes and self._open
        if self._closing:
            error = Unavailable("this master is stopping; send the picture again", retry_after_s=2)
        elif full or len(self._open) >= self._limits.max_waiting:
            error = Busy(
                f"{len(self._open)} pictures ({self._held_bytes >> 20} MiB) wait already, the limits are "
                f"{self._limits.max_waiting} and {self._limits.max_held_bytes >> 20} MiB; send it again later",
                retry_after_s=1,
            )
        if error is not None:
            self._recorder.refused(error)
            raise error

    def send_probe(self, node: str, data: bytes, order: Order, now: float) -> str | None:
        """Have a node work on a picture that nobody waits for; its task's id, None where its grant has no room."""
        task = Task(
            id=os.urandom(16).hex(),
            kind=order.kind,
            pack=order.pack,
            size_bytes=len(data),
            wants=order.wants,
        )
        sends = self._table.probe(task.id, node, len(data), now)
        if not sends:
            return None
        self._open[task.id] = _Open(task, data, None, now, PictureTrace(now))
        self._carry_out(sends)
        return task.id if task.id in self._open else None

    # what nodes say

    def on_heartbeat(self, node: str, heartbeat: Heartbeat, now: float) -> None:
        """A node says what it holds, and what it grants."""
        if self._sessions.get(node) != heartbeat.session:
            self._sessions[node] = heartbeat.session
            self._chunks.forget(node)
            self._carry_out(self._table.session(node, heartbeat.session))
        grant = heartbeat.grants.get(self.gateway, Grant())
        reading = {task_id for owner, task_id in self._reading if owner == node}
        holding = frozenset(heartbeat.holding) | reading
        self._carry_out(self._table.reported(node, heartbeat.session, grant.received, holding, now))
        self._table.grant(node, heartbeat.session, grant)
        self._pump(now)

    def on_credit(self, node: str, credit: Credit, now: float) -> None:
        """A node grants anew."""
        if grant := credit.grants.get(self.gateway):
            self._table.grant(node, credit.session, grant)
            self._pump(now)

    def on_chunk(self, node: str, query: ChunkQuery, reply: str) -> None:
        """A node asks for more of a picture that it holds."""
        if not self._table.holds(node, query.task_id):
            self._link.answer_error(reply, TaskLost("the picture was answered or given up already"))
            return
        entry = self._open[task_of(query.task_id)]
        most = min(query.most_bytes, contract.LARGEST_CHUNK_BYTES)
        chunk, size = entry.data[query.offset : query.offset + most], len(entry.data)
        fetched = entry.fetched[node] = entry.fetched.get(node, 0) + len(chunk)
        if fetched > MOST_FETCHED * max(size, contract.CHUNK_BYTES):
            self._link.answer_error(reply, TaskLost(f"the picture was fetched {MOST_FETCHED} times already"))
            return
        self._link.answer_chunk(reply, chunk, size)

    def on_drain(self, node: str, session: str) -> DrainAnswer:
        """A node takes nothing more."""
        return DrainAnswer(last=self._table.close(node) if self._sessions.get(node) == session else 0)

    def on_result(self, node: str, message: Incoming, now: float) -> None:
        """An outcome arrived, or a chunk of one.

        Raises:
            ValueError: it cannot be read; the node is held to the picture as if it had said nothing.
        """
        content = message.data
        if task_id := message.headers.get(contract.HEADER_TASK, ""):
            offset = int(message.headers.get(contract.HEADER_OFFSET, 0))
            size = int(message.headers.get(contract.HEADER_SIZE, len(message.data)))
            try:
                if not self._table.holds(node, task_id):
                    self._chunks.forget(node, task_id)
                    raise TaskLost("the picture was answered already or went to another node")
                whole = self._chunks.add(node, task_id, offset, size, message.data)
            except ManyeyesError as error:
                self._link.answer_error(message.reply, error)
                return
            self._link.answer_empty(message.reply)
            if whole is None:
                return
            content = whole
        arrived = read(content)
        outcome = arrived.outcome
        if outcome.session != self._sessions.get(node):
            return
        counts = self._table.counts(node, outcome.task_id, outcome.status)
        if not counts or (node, outcome.task_id) in self._reading:
            self._settle(node, outcome.task_id)
        elif outcome.status == "done" and _to_read(arrived) > READ_IN_THREAD_BYTES:
            self._reading.add((node, outcome.task_id))
            self._spawn(self._read_apart(node, arrived), f"read-{outcome.task_id}")
        else:
            self._end(node, arrived, self._content(arrived), now)
        if outcome.grant is not None:
            self._table.grant(node, outcome.session, outcome.grant)
        self._pump(now)

    async def _read_apart(self, node: str, arrived: Arrived) -> None:
        task_id = arrived.outcome.task_id
        try:
            content = await asyncio.to_thread(self._content, arrived)
        finally:
            self._reading.discard((node, task_id))
        if self._table.counts(node, task_id, arrived.outcome.status):
            self._end(node, arrived, content, time.monotonic())
        else:
            self._settle(node, task_id)
        self._pump(time.monotonic())

    def _content(self, arrived: Arrived) -> Any:
        """What the caller gets; a ValueError where the outcome cannot be believed."""
        outcome = arrived.outcome
        entry = self._open.get(task_of(outcome.task_id))
        if outcome.status != "done" or entry is None or entry.future is None:
            return None
        try:
            return self._reader.content(entry.task, arrived)
        except ValueError as error:
            return error
        except Exception as error:
            log().exception("an outcome could not be read", node_said=outcome.status, task=outcome.task_id)
            return ValueError(repr(error))

    def _end(self, node: str, arrived: Arrived, content: Any, now: float) -> None:
        """An attempt ended."""
        outcome = arrived.outcome
        task_id = task_of(outcome.task_id)
        entry = self._open[task_id]
        status, detail = outcome.status, plain(outcome.detail)
        error = self._reader.error(outcome) if status == "error" else None
        if isinstance(content, ValueError):
            status, detail = "crashed", f"the node's answer cannot be used: {plain(str(content), 200)}"
        entry.trace.ended(node, status, now)
        self._recorder.attempt_ended(node, status, error)
        self._settle(node, outcome.task_id)
        if status in ("done", "error"):
            self.on_answer(node, now)
        instructions = self._table.ended(node, outcome.task_id, status, error, detail, now)
        size = sum(outcome.parts.values())
        self._carry_out(instructions, Answered(content, task_id, entry.trace.trace.trace_id, size))
        if entry.future is None:
            self._open.pop(task_id, None)

    def on_absent(self, node: str, number: int) -> None:
        """The engine says that nobody took a dispatch: what the node holds goes to others, its own answers count."""
        self._carry_out(self._table.undelivered(node, number))
        self.node_unresponsive(node)

    def look_for(self, node: str) -> None:
        """A node that holds pictures has been silent for a moment: the engine says at once if it is gone."""
        if self._table.held(node):
            word = Dispatch(gateway=self.gateway, session=self._sessions.get(node, ""))
            self._link.dispatch(node, frame_head(word.wire()), number=0)

    def engine_lost(self) -> None:
        """The connection to the engine broke: nothing is sent before nodes grant anew."""
        self._table.close_all()

    # nodes that fail

    def rebalance(self, now: float) -> None:
        """Hedge pictures that a free worker would end sooner than the node that holds them."""
        if not self._link.connected:
            return
        sends = self._table.hedge(now, self._paces, self._usual_bytes) if self._table.running else []
        if sends:
            traces = [self._open[send.task_id].trace.trace.trace_id for send in sends]
            log().info("hedged", traces=traces, nodes=[send.node for send in sends])
        self._carry_out(sends)
        self._pump(now)

    def node_unresponsive(self, node: str) -> None:
        """A node lives and answers nothing: others get what it holds, its own answers still count."""
        self._table.issue_again(self._table.held_by(node))
        self._pump(time.monotonic())

    def node_gone(self, node: str) -> None:
        """A node is lost or left: what it held goes to others."""
        self._chunks.forget(node)
        self._settled.pop(node, None)
        self._carry_out(self._table.node_gone(node))
        self._pump(time.monotonic())

    def forget(self, node: str) -> None:
        """A node was removed."""
        self.node_gone(node)
        self._sessions.pop(node, None)
        self._table.forget(node)
        self.by_node.pop(node, None)

    async def close(self, patience_s: float) -> None:
        """Take nothing more in; wait a while for what is open; end the rest with `TaskLost`."""
        self._closing = True
        waiting = [entry.future for entry in self._open.values() if entry.future is not None]
        if waiting:
            await asyncio.wait(waiting, timeout=patience_s)
        error = TaskLost("the master stopped before the picture was answered; send it again")
        self._carry_out(self._table.fail_all(error))
        self._flush()

    # carrying out

    def _pump(self, now: float) -> None:
        """Send all that waits and for which there is credit."""
        if self._table.to_send and self._link.connected:
            self._carry_out(self._table.place(now, self._paces))

    def _carry_out(self, instructions: Iterable[Instruction], answered: Answered | None = None) -> None:
        for instruction in instructions:
            match instruction:
                case Send():
                    self._dispatch(instruction)
                case Answer():
                    self._answer(instruction, answered)
                case Settle(node, attempt_id):
                    self._settle(node, attempt_id)
                case Lost(node, task_id, how):
                    self._lost(node, task_id, how)
                case Sync(node, session, number, sent_bytes):
                    word = Dispatch(
                        gateway=self.gateway, session=session, number=number, sent_bytes=sent_bytes
                    )
                    self._link.dispatch(node, frame_head(word.wire()))

    def _dispatch(self, send: Send) -> None:
        entry = self._open[send.task_id]
        now, task = time.monotonic(), entry.task
        if send.attempt_id != task.id:
            task = task.model_copy(update={"id": send.attempt_id})
        settled = self._settled.pop(send.node, [])
        head = Dispatch(
            gateway=self.gateway,
            session=send.session,
            number=send.number,
            sent_bytes=send.sent_bytes,
            task=task,
            sent_s=now,
            settled=tuple(settled[:MOST_SETTLED]),
        )
        if len(settled) > MOST_SETTLED:
            self._settled[send.node] = settled[MOST_SETTLED:]
        piece = entry.data if send.piece_bytes == len(entry.data) else entry.data[: send.piece_bytes]
        if self._link.dispatch(send.node, frame_head(head.wire()), piece, number=send.number):
            entry.trace.dispatched(send.node, now)
            entry.fetched[send.node] = 0
        else:
            self._settled[send.node] = settled
            self._table.unsent(send)
            if entry.future is None:
                del self._open[send.task_id]

    def _answer(self, answer: Answer, answered: Answered | None) -> None:
        entry = self._open.pop(answer.task_id)
        now, size, trace = time.monotonic(), len(entry.data), entry.trace
        self._held_bytes -= size
        self._usual_bytes += (size - self._usual_bytes) * (_SMOOTHING if self._usual_bytes else 1.0)
        error = answer.error
        ok = error is None
        self.done += ok
        self.failed += not ok
        if answer.node:
            done, failed = self.by_node.get(answer.node, (0, 0))
            self.by_node[answer.node] = (done + ok, failed + (not ok))
        future = entry.future
        if future is not None and not future.done():
            if error is not None:
                future.set_exception(error)
            elif answered is not None:
                future.set_result(answered)
        content = answered.content if ok and answered else None
        asyncio.get_running_loop().call_soon(
            self._recorder.answered, entry.task.kind, answer.node, error, content, trace, now
        )  # after the answer, which its sender waits for

    def _lost(self, node: str, task_id: str, how: str) -> None:
        """An attempt ended without a word from its node."""
        self._chunks.forget(node, task_id)
        entry = self._open.get(task_id)
        if entry is None:
            return
        trace = entry.trace
        trace.ended(node, how, time.monotonic())
        if entry.future is None:
            del self._open[task_id]
            return
        log().warning(
            "attempt lost",
            trace=trace.trace.trace_id,
            span=trace.trace.span_id,
            by=trace.sender.key_id,
            node=node,
            how=how,
            then="goes to another node",
        )

    # confirmations

    def _settle(self, node: str, attempt_id: str) -> None:
        self._chunks.forget(node, attempt_id)
        waiting = self._settled[node]
        waiting.append(attempt_id)
        if self._settling is None:
            self._settling = asyncio.get_running_loop().call_later(SETTLE_S, self._flush)

    def _flush(self) -> None:
        """Send the confirmations that no dispatch took along."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        settled, self._settled = self._settled, defaultdict(list)
        for node, task_ids in settled.items():
            session = self._sessions.get(node, "")
            for begin in range(0, len(task_ids), MOST_SETTLED):
                part: Sequence[str] = task_ids[begin : begin + MOST_SETTLED]
                word = Dispatch(gateway=self.gateway, session=session, settled=tuple(part))
                self._link.dispatch(node, frame_head(word.wire()))


def _to_read(arrived: Arrived) -> int:
    """Bytes that are looked into, and not only passed on."""
    attached = sum(len(part) for name, part in arrived.attachments.items() if name != contract.PICTURE)
    return len(arrived.result_json) + attached


def _size(ended: asyncio.Future[Answered]) -> int:
    failed = ended.cancelled() or ended.exception() is not None
    return 0 if failed else ended.result().size_bytes + ENTRY_BYTES


async def _digest(data: bytes) -> str:
    if len(data) < HASHED_IN_THREAD_BYTES:
        return hashlib.sha256(data).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
