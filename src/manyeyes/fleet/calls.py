"""Calls to nodes: an order waits here until its node takes it, answers wait until the caller has them.

A call is taken once, so that nothing runs twice or late; each answer is passed on once, however often it is sent.
A call that is gone (the caller left, this master started anew) is answered with `stop`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from manyeyes import contract
from manyeyes.contract import Answer, Command, FlowControl, Order
from manyeyes.error_codes import from_code
from manyeyes.errors import Busy, Unavailable

TAKEN_WITHIN_S = 5.0
SILENCE_S = 30.0
"""A node says every few seconds that it still works on a call, but for while a chunk crosses a slow line. One that
is gone is known by its heartbeats long before."""
HELD_BYTES = 2 * 1024 * 1024
"""The most bytes of output that wait for a slow caller; then the node is asked to wait."""
MOST_PARTS_HELD = 4096
"""The most parts that wait for a slow caller, even if they are small."""
MAX_CALLS_A_NODE = 8

Part = tuple[Answer, bytes]


@dataclass
class _Call:
    node: str
    order: Order
    data: bytes
    taken: bool = False
    expected: int = 0
    parts: deque[Part] = field(default_factory=deque)
    held: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    lost: str = ""
    over: bool = False


def _size(answer: Answer, data: bytes) -> int:
    return len(data) + len(answer.detail)


class Calls:
    """Keeps the open calls of this master, and passes orders to nodes and answers to callers.

    Args:
        post: publishes without waiting.
    """

    def __init__(self, post: Callable[[str, bytes], object], gateway: str = "") -> None:
        self._post = post
        self._gateway = gateway
        self._calls: dict[str, _Call] = {}

    @asynccontextmanager
    async def opened(self, node: str, order: Order, data: bytes = b"") -> AsyncIterator[AsyncIterator[Part]]:
        """Give a node an order; leaving tells it to stop, unless it ended.

        The parts raise what the node answered as an error, and `Unavailable` where it fell silent.

        Raises:
            Busy: the node has enough to do.
        """
        if sum(call.node == node for call in self._calls.values()) >= MAX_CALLS_A_NODE:
            raise Busy(f"node {node} has {MAX_CALLS_A_NODE} commands and transfers already; try again later")
        call_id = secrets.token_hex(16)
        call = self._calls[call_id] = _Call(node, order, data)
        subject = contract.command_subject(node)
        self._post(subject, Command(call=call_id, gateway=self._gateway).wire())
        try:
            yield self._parts(call)
        finally:
            del self._calls[call_id]
            if call.taken and not call.over:
                self._post(subject, Command(call=call_id, gateway=self._gateway, stop=True).wire())

    async def _parts(self, call: _Call) -> AsyncIterator[Part]:
        while True:
            while call.parts:
                answer, data = call.parts.popleft()
                call.held -= _size(answer, data)
                if answer.code:
                    raise from_code(answer.code, answer.detail)
                yield answer, data
                if answer.last:
                    return
            if call.lost:
                raise Unavailable(f"node {call.node} is gone: {call.lost}")
            call.news.clear()
            limit_s = SILENCE_S if call.taken else TAKEN_WITHIN_S
            try:
                async with asyncio.timeout(limit_s):
                    await call.news.wait()
            except TimeoutError as error:
                raise Unavailable(f"node {call.node} did not answer in {limit_s:.0f} s") from error

    def on_take(self, node: str, call_id: str) -> tuple[Order, bytes]:
        """A node takes the order of a call.

        Raises:
            Unavailable: there is no such call for it, or it was taken.
        """
        call = self._calls.get(call_id)
        if call is None or call.node != node or call.taken:
            raise Unavailable("this call has ended")
        call.taken = True
        call.news.set()
        return call.order, call.data

    def on_answer(self, node: str, answer: Answer, data: bytes) -> FlowControl:
        """A node sent a part."""
        call = self._calls.get(answer.call)
        if call is None or call.node != node or not call.taken:
            return FlowControl(then="stop")
        call.news.set()
        if answer.number != call.expected or call.over:
            return FlowControl(then="go-on" if answer.number < call.expected else "stop")
        size = _size(answer, data)
        if len(call.parts) >= MOST_PARTS_HELD or (size and call.held + size > HELD_BYTES):
            return FlowControl(then="again")
        call.expected += 1
        call.over = answer.last
        call.parts.append((answer, data))
        call.held += size
        return FlowControl(then="go-on")

    def node_greets(self, node: str, *, new_process: bool) -> None:
        """A node says hello: steps with files that were in hand may have been lost with its connection, and are
        repeated by the caller; a command goes on, unless its node is another process now."""
        for call in self._calls.values():
            if call.node == node and (new_process or call.order.file):
                call.lost = "it was started anew" if new_process else "its connection was broken"
                call.news.set()

    def node_gone(self, node: str, reason: str) -> None:
        """End the calls of a node that is lost or left."""
        for call in self._calls.values():
            if call.node == node:
                call.lost = reason
                call.news.set()
