"""Counts the bytes of bodies that users send and are sent."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
