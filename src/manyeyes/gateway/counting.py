"""Counts the bytes of bodies that users send and are sent."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyeyes.master.metrics import Metrics


class CountBytes:
    """ASGI middleware; the outermost, so that bodies are counted as they travel."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, counted."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        metrics = self._metrics

        async def counted_receive() -> Message:
            message = await receive()
            if body := message.get("body"):
                metrics.received(len(body))
            return message

        async def counted_send(message: Message) -> None:
            if body := message.get("body"):
                metrics.sent(len(body))
            await send(message)

        await self._app(scope, counted_receive, counted_send)
