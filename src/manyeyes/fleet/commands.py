"""What operators order of nodes: commands and files, each with its entries in the audit log."""

from __future__ import annotations

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from pydantic import ValidationError

from manyeyes.access.actions import Action
from manyeyes.access.audit import Audit
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from manyeyes.broker.transfer import frame, unframe
from manyeyes.contract import Answer, Ended, ExecOrder, FetchCommand, FileOrder, FileReply, FlowControl, Order
from manyeyes.errors import ManyeyesError, NodeNotFound, Unavailable
from manyeyes.fleet.calls import Calls, Part
from manyeyes.fleet.node_state import Fleet

_MOST_MOVING = 10_000


class Commands:
    """Commands and files for nodes.

    Args:
        gateway: where nodes fetch the orders and send their answers.
    """

    def __init__(self, audit: Audit, fleet: Fleet, link: MasterLink, gateway: str) -> None:
        self._audit = audit
        self._fleet = fleet
        self._link = link
        self.calls = Calls(link.send, gateway)
        self._moving: dict[tuple[str, ...], None] = {}

    @asynccontextmanager
    async def exec(self, who: str, node: str, order: ExecOrder) -> AsyncIterator[AsyncIterator[Part]]:
        """Run a command on a node; leaving ends it.

        The audit log has it before the node hears of it, and how it ended.

        Raises:
            NodeNotFound, Unavailable: the node is unknown or not there, or the log cannot be written.
            ExecRefused: from the parts: the node was not started with --allow-exec.
        """
        detail = ("sh -c " if order.shell else "") + shlex.join(order.args)
        self._audit.record(who, "exec", node=node, outcome="asked", detail=detail)
        outcome = "caller gone"

        async def watched(parts: AsyncIterator[Part]) -> AsyncIterator[Part]:
            nonlocal outcome
            try:
                async for part in parts:
                    if part[0].ended:
                        outcome = _in_words(part[0].ended)
                    yield part
            except ManyeyesError as error:
                outcome = error.code
                raise

        try:
            self._must_be_there(node)
            async with self.calls.opened(node, Order(command=order)) as parts:
                yield watched(parts)
        except ManyeyesError as error:
            outcome = error.code
            raise
        finally:
            self._audit.record(who, "exec", node=node, outcome=outcome, detail=detail)

    async def file(self, who: str, node: str, order: FileOrder, data: bytes) -> tuple[FileReply, bytes]:
        """One step with a file of a node's exchange folder; safe to repeat.

        The audit log has the beginning and the end of each file's way, and every refusal.

        Raises:
            NodeNotFound, Unavailable: the node is unknown or not there, or the log cannot be written.
            FileTrouble: the node refused.
        """
        what: Action = "get" if order.kind == "read" else order.kind
        moves = order.kind in ("put", "read")
        key = (who, node, what, order.name, order.sha256)
        if moves and key not in self._moving:
            self._audit.record(who, what, node=node, outcome="begun", detail=order.name)
            self._moving[key] = None
            if len(self._moving) > _MOST_MOVING:
                del self._moving[next(iter(self._moving))]
        try:
            self._must_be_there(node)
            reply, chunk = await self._step(node, order, data)
        except ManyeyesError as error:
            if not error.retryable:
                self._moving.pop(key, None)
                self._audit.record(who, what, node=node, outcome=error.code, detail=order.name)
            raise
        if moves and reply.done:
            self._moving.pop(key, None)
            detail = f"{order.name}, {reply.size_bytes} bytes" + (f", {order.sha256}" if order.sha256 else "")
            self._audit.record(who, what, node=node, outcome="done", detail=detail)
        return reply, chunk

    async def _step(self, node: str, order: FileOrder, data: bytes) -> tuple[FileReply, bytes]:
        async with self.calls.opened(node, Order(file=order), data) as parts:
            async for answer, chunk in parts:
                if answer.file:
                    return answer.file, chunk
        raise Unavailable(f"node {node} gave an answer that cannot be read")

    def _must_be_there(self, node: str) -> None:
        view = self._fleet.nodes.get(node)
        if view is None:
            raise NodeNotFound(f"no node is called {node!r}; 'manyeyes nodes list' lists them")
        if view.state in ("joining", "lost", "left"):
            raise Unavailable(f"node {node} is not there: {view.state}, {view.reason}")

    def heard(self, node: str, verb: str, message: Incoming) -> None:
        """A node fetches an order, or answers."""
        with suppress(ValidationError):
            if verb == "fetch":
                order, data = self.calls.on_take(node, FetchCommand.model_validate_json(message.data).call)
                self._link.answer(message.reply, frame(order.wire(), data))
                return
            head, data = unframe(message.data)
            heard = self.calls.on_answer(node, Answer.model_validate_json(head), data)
            self._link.answer(message.reply, heard.wire())
            return
        self._link.answer(message.reply, FlowControl(then="stop").wire())


def _in_words(ended: Ended) -> str:
    if ended.how == "timed-out":
        return f"timed out after {ended.elapsed_s:.1f} s"
    return f"exit {ended.status}"
