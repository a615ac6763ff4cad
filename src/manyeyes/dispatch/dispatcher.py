"""Takes pictures in, sends them to nodes and returns the answers: the thin shell around the task table.

It keeps the bytes of open tasks in bounded memory and carries out what the table decides. A picture's path:
`submit` adds it, `_pump` sends it, `on_result` ends it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Protocol

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.broker.transfer import frame_head
from manyeyes.config import Limits
from manyeyes.contract import ChunkQuery, Credit, Dispatch, DrainAnswer, Grant, Heartbeat
from manyeyes.dispatch.arrived import Arrived, read
from manyeyes.dispatch.confirmations import Confirmations
from manyeyes.dispatch.idempotency import KeptAnswers
from manyeyes.dispatch.instructions import Answer, Instruction, Lost, Send, Settle, Sync
from manyeyes.dispatch.open_pictures import OpenPictures
from manyeyes.dispatch.order import Answered, Order
from manyeyes.dispatch.outcomes import Outcomes, Reader, Spawn
from manyeyes.dispatch.placement import Pace
from manyeyes.dispatch.statistics import Statistics
from manyeyes.dispatch.task_table import TaskTable, task_of
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import ManyeyesError, TaskLost
from manyeyes.plain_text import plain
from manyeyes.telemetry import log

HASHED_IN_THREAD_BYTES = 1024 * 1024
"""Larger pictures are hashed in a thread."""
ENTRY_BYTES = 2048
"""Memory that a remembered answer needs beside its bytes."""


class Recorder(Protocol):
    """Records what happens to pictures."""

    def accepted(self, kind: str) -> None:
        """A picture was taken in."""

    def refused(self, error: ManyeyesError) -> None:
        """A picture was not taken in."""

    def attempt_ended(self, node: str, status: str, error: ManyeyesError | None) -> None:
        """A node ended an attempt, whatever became of the picture."""

    def answered(
        self, kind: str, node: str, error: ManyeyesError | None, content: Any, trace: PictureTrace, now: float
    ) -> None:
        """A picture has its answer or error."""


class Dispatcher:
    """Sends the pictures of one gateway to nodes and returns exactly one answer or error for each.

    Args:
        paces: what each node can take; the fleet keeps it up to date.
        spawn: starts a named task that ends with its owner.
        on_answer: called with each node that answers a picture or a probe.
    """

    def __init__(
        self,
        link: MasterLink,
        gateway: str,
        limits: Limits,
        paces: Mapping[str, Pace],
        reader: Reader,
        recorder: Recorder,
        spawn: Spawn,
        on_answer: Callable[[str, float], None] = lambda node, now: None,
    ) -> None:
        self.gateway = gateway
        self._link = link
        self._paces = paces
        self._recorder = recorder
        self._table = TaskTable(limits.max_attempts)
        self._open = OpenPictures(limits)
        self._outcomes = Outcomes(reader, limits.max_result_bytes, spawn)
        self._memory: KeptAnswers[Answered] = KeptAnswers(limits.answers_kept_s, limits.max_answers_bytes)
        self._sessions: dict[str, str] = {}
        """The agent session of each node."""
        self._confirmations = Confirmations(link, gateway, self._sessions)
        self.statistics = Statistics()
        self._on_answer = on_answer

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
        """Bytes of the pictures that wait for an answer."""
        return self._open.held_bytes

    @property
    def closing(self) -> bool:
        """Whether nothing more is taken in."""
        return self._open.closing

    def oldest_waiting_s(self, now: float) -> float:
        """How long the oldest picture that nobody works on has waited; 0 if none waits."""
        first = self._table.first_waiting
        return now - self._open[first].accepted_at if first else 0.0

    def held(self, node: str) -> int:
        """How many pictures a node holds."""
        return self._table.held(node)

    def line_s(self, node: str) -> float:
        """Seconds that a node's line needs to carry all that the node holds; see `TaskTable.line_s`."""
        return self._table.line_s(node)

    def grants(self, node: str) -> bool:
        """Whether a node has credit left."""
        return self._table.free(node) > 0

    # pictures in

    async def submit(
        self, data: bytes, order: Order, *, key: str | None = None, trace: PictureTrace | None = None
    ) -> Answered:
        """Send a picture to a node and wait for the answer.

        Args:
            key: the sender's idempotency key; the same key with the same picture is worked on once.
            trace: records what happens to the picture.

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
        try:
            self._open.check_room(len(data))
        except ManyeyesError as error:
            self._recorder.refused(error)
            raise
        task = order.task(os.urandom(16).hex(), len(data), trace.trace.traceparent)
        now = time.monotonic()
        future = self._open.add(task, data, trace, now)
        self._recorder.accepted(order.kind)
        if key is not None:
            entry = self._memory.remember(key, fingerprint, future, trace.trace.trace_id)
            future.add_done_callback(lambda ended: self._memory.ended(entry, _size(ended)))
        self._table.add(task.id, len(data))
        self._pump(now)
        return await (future if key is None else asyncio.shield(future))

    def send_probe(self, node: str, data: bytes, order: Order, now: float) -> str | None:
        """Send a node a picture that nobody waits for. Returns the task's id, None if the node's grant has no room."""
        task = order.task(os.urandom(16).hex(), len(data))
        sends = self._table.probe(task.id, node, len(data), now)
        if not sends:
            return None
        self._open.add_probe(task, data, now)
        self._carry_out(sends)
        return task.id if task.id in self._open else None

    # what nodes say

    def on_heartbeat(self, node: str, heartbeat: Heartbeat, now: float) -> None:
        """A node reports what it holds and what it grants."""
        if self._sessions.get(node) != heartbeat.session:
            self._sessions[node] = heartbeat.session
            self._outcomes.forget(node)
            self._carry_out(self._table.session(node, heartbeat.session))
        grant = heartbeat.grants.get(self.gateway, Grant())
        holding = frozenset(heartbeat.holding) | self._outcomes.reading(node)
        self._carry_out(self._table.reported(node, heartbeat.session, grant.received, holding, now))
        self._table.grant(node, heartbeat.session, grant)
        self._pump(now)

    def on_credit(self, node: str, credit: Credit, now: float) -> None:
        """A node changes its grant."""
        if grant := credit.grants.get(self.gateway):
            self._table.grant(node, credit.session, grant)
            self._pump(now)

    def on_chunk(self, node: str, query: ChunkQuery, reply: str) -> None:
        """A node asks for more of a picture that it holds."""
        if not self._table.holds(node, query.task_id):
            self._link.answer_error(reply, TaskLost("the picture was answered or given up already"))
            return
        try:
            chunk, size_bytes = self._open.chunk(node, query)
        except TaskLost as error:
            self._link.answer_error(reply, error)
            return
        self._link.answer_chunk(reply, chunk, size_bytes)

    def on_drain(self, node: str, session: str) -> DrainAnswer:
        """A node takes nothing more."""
        return DrainAnswer(last=self._table.close(node) if self._sessions.get(node) == session else 0)

    def on_result(self, node: str, message: Incoming, now: float) -> None:
        """An outcome arrived, or a chunk of one.

        Raises:
            ValueError: it cannot be read. The message is ignored. The node must still answer.
        """
        content: bytes | None = message.data
        if attempt_id := message.headers.get(contract.HEADER_TASK, ""):
            content = self._chunk_of(node, attempt_id, message)
        if content is None:
            return
        arrived = read(content)
        outcome = arrived.outcome
        if outcome.session != self._sessions.get(node):
            return
        attempt_id, picture = outcome.task_id, self._open.get(outcome.task_id)
        counts = self._table.counts(node, attempt_id, outcome.status)
        if not counts or self._outcomes.is_reading(node, attempt_id):
            self._settle(node, attempt_id)
        elif self._outcomes.is_large(arrived):
            self._outcomes.read_in_thread(node, arrived, picture, partial(self._was_read, node, arrived))
        else:
            self._end(node, arrived, self._outcomes.content(arrived, picture), now)
        if outcome.grant is not None:
            self._table.grant(node, outcome.session, outcome.grant)
        self._pump(now)

    def _chunk_of(self, node: str, attempt_id: str, message: Incoming) -> bytes | None:
        """A chunk of an outcome arrived. Returns the whole outcome after the last chunk, else None."""
        try:
            if not self._table.holds(node, attempt_id):
                self._outcomes.forget(node, attempt_id)
                raise TaskLost("the picture was answered already or went to another node")
            whole = self._outcomes.whole(node, message)
        except ManyeyesError as error:
            self._link.answer_error(message.reply, error)
            return None
        self._link.answer_empty(message.reply)
        return whole

    def _was_read(self, node: str, arrived: Arrived, content: Any) -> None:
        """A large outcome was read; meanwhile another node may have answered."""
        attempt_id, now = arrived.outcome.task_id, time.monotonic()
        if self._table.counts(node, attempt_id, arrived.outcome.status):
            self._end(node, arrived, content, now)
        else:
            self._settle(node, attempt_id)
        self._pump(now)

    def _end(self, node: str, arrived: Arrived, content: Any, now: float) -> None:
        """An attempt ended."""
        outcome = arrived.outcome
        task_id = task_of(outcome.task_id)
        entry = self._open[task_id]
        status, detail = outcome.status, plain(outcome.detail)
        error = self._outcomes.error(outcome)
        if isinstance(content, ValueError):
            status, detail = "crashed", f"the node's answer cannot be used: {plain(str(content), 200)}"
        entry.trace.ended(node, status, now)
        self._recorder.attempt_ended(node, status, error)
        self._settle(node, outcome.task_id)
        if status in ("done", "error"):
            self._on_answer(node, now)
        instructions = self._table.ended(node, outcome.task_id, status, error, detail, now)
        size = sum(outcome.parts.values())
        self._carry_out(instructions, Answered(content, task_id, entry.trace.trace.trace_id, size))
        if entry.future is None:
            self._open.pop(task_id)

    def on_absent(self, node: str, number: int) -> None:
        """No node received a dispatch. Send the node's pictures to others too; its answers still count."""
        self._carry_out(self._table.undelivered(node, number))
        self.node_unresponsive(node)

    def look_for(self, node: str) -> None:
        """Test whether a silent node that holds pictures is connected: if not, the engine reports it at once."""
        if self._table.held(node):
            word = Dispatch(gateway=self.gateway, session=self._sessions.get(node, ""))
            self._link.dispatch(node, frame_head(word.wire()), number=0)

    def engine_lost(self) -> None:
        """The connection to the engine broke: send nothing until nodes grant again."""
        self._table.close_all()

    # nodes that fail

    def rebalance(self, now: float) -> None:
        """Hedge pictures that a free worker would finish earlier than the node that holds them."""
        if not self._link.connected:
            return
        sends = (
            self._table.hedge(now, self._paces, self.statistics.usual_bytes) if self._table.running else []
        )
        if sends:
            traces = [self._open[send.task_id].trace.trace.trace_id for send in sends]
            log().info("hedged", traces=traces, nodes=[send.node for send in sends])
        self._carry_out(sends)
        self._pump(now)

    def node_unresponsive(self, node: str) -> None:
        """A node is connected but does not answer. Send its pictures to others too; its answers still count."""
        self._table.doubt(node)
        self._pump(time.monotonic())

    def node_gone(self, node: str) -> None:
        """A node is lost or left: what it held goes to other nodes."""
        self._outcomes.forget(node)
        self._confirmations.forget(node)
        self._carry_out(self._table.node_gone(node))
        self._pump(time.monotonic())

    def forget(self, node: str) -> None:
        """A node was removed."""
        self.node_gone(node)
        self._sessions.pop(node, None)
        self._table.forget(node)
        self.statistics.by_node.pop(node, None)

    async def close(self, patience_s: float) -> None:
        """Take no more pictures, wait up to `patience_s` for open ones, then end the rest with `TaskLost`."""
        self._open.closing = True
        await self._open.answered(patience_s)
        error = TaskLost("the master stopped before the picture was answered; send it again")
        self._carry_out(self._table.fail_all(error))
        self._confirmations.flush()

    # carrying out

    def _pump(self, now: float) -> None:
        """Send waiting pictures as long as there is credit."""
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
        settled = self._confirmations.take(send.node)
        head = Dispatch(
            gateway=self.gateway,
            session=send.session,
            number=send.number,
            sent_bytes=send.sent_bytes,
            task=task,
            sent_s=now,
            settled=settled,
        )
        piece = entry.data if send.piece_bytes == len(entry.data) else entry.data[: send.piece_bytes]
        if self._link.dispatch(send.node, frame_head(head.wire()), piece, number=send.number):
            entry.trace.dispatched(send.node, now)
            entry.fetched[send.node] = 0
        else:
            self._confirmations.put_back(send.node, settled)
            self._table.unsent(send)
            if entry.future is None:
                self._open.pop(send.task_id)

    def _answer(self, answer: Answer, answered: Answered | None) -> None:
        entry = self._open.pop(answer.task_id)
        error, now = answer.error, time.monotonic()
        self.statistics.ended(answer.node, len(entry.data), ok=error is None)
        future = entry.future
        if future is not None and not future.done():
            if error is not None:
                future.set_exception(error)
            elif answered is not None:
                future.set_result(answered)
        content = answered.content if error is None and answered else None
        asyncio.get_running_loop().call_soon(
            self._recorder.answered, entry.task.kind, answer.node, error, content, entry.trace, now
        )  # after the answer, which its sender waits for

    def _lost(self, node: str, task_id: str, how: str) -> None:
        """An attempt ended without an answer from its node."""
        self._outcomes.forget(node, task_id)
        entry = self._open.get(task_id)
        if entry is None:
            return
        trace = entry.trace
        trace.ended(node, how, time.monotonic())
        if entry.future is None:
            self._open.pop(task_id)
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

    def _settle(self, node: str, attempt_id: str) -> None:
        """Tell the node that an attempt is no longer needed."""
        self._outcomes.forget(node, attempt_id)
        self._confirmations.add(node, attempt_id)


def _size(ended: asyncio.Future[Answered]) -> int:
    failed = ended.cancelled() or ended.exception() is not None
    return 0 if failed else ended.result().size_bytes + ENTRY_BYTES


async def _digest(data: bytes) -> str:
    if len(data) < HASHED_IN_THREAD_BYTES:
        return hashlib.sha256(data).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
