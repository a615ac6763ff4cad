"""Counts the bytes of bodies that users send and are sent, and bounds them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyeyes.errors import ManyeyesError
from manyeyes.monitoring.metrics import Metrics


class CountBytes:
    """ASGI middleware; outside of what changes bodies, so that they are counted as they travel."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, counted."""
        if scope["type"] == "http":
            receive, send = counted(receive, send, self._metrics)
        await self._app(scope, receive, send)


def counted(receive: Receive, send: Send, metrics: Metrics) -> tuple[Receive, Send]:
    """Wrap both functions so that the bytes of bodies are counted."""

    async def counted_receive() -> Message:
        message = await receive()
        if body := message.get("body"):
            metrics.received(len(body))
        return message

    async def counted_send(message: Message) -> None:
        if body := message.get("body"):
            metrics.sent(len(body))
        await send(message)

    return counted_receive, counted_send


def at_most(
    receive: Receive, declared: str, limit_bytes: int, error: Callable[[int], ManyeyesError]
) -> Receive:
    """Stop a body that is longer: at once if its head says so, else when the limit is passed.

    Args:
        declared: the header Content-Length; empty if there is none.
        error: what to raise, from the bytes that were declared or seen.
    """
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise error(int(declared))
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit_bytes:
            raise error(seen)
        return message

    return bounded
