"""One HTTP connection: its time limits, bodies in one piece, and answers whose head is sent with the body."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from manyeyes.config import Limits
from manyeyes.gateway.problems import problem
from manyeyes.gateway.upload_pace import LeastPace, UploadPace
from manyeyes.telemetry import log

_PIECE_BYTES = 1024 * 1024
_JOINED_BYTES = 16 * 1024
"""What fits into one TLS record. A body up to this size is sent in one piece with its head. A longer body is not
copied, since the copy would cost more than a second record."""


class _HeadWithBody:
    """Writes one answer: the head is sent together with the first part of the body if that follows at once.

    That saves a system call and a TLS record for each answer, and the client wakes up once.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self._begun = False

    def write(self, data: bytes) -> None:
        if not self._begun:
            self._begun, self._head = True, data
            self._loop.call_soon(self.flush)
        elif self._head is None:
            self._transport.write(data)
        else:
            head, self._head = self._head, None
            if len(data) <= _JOINED_BYTES:
                self._transport.write(head + data)
            else:
                self._transport.writelines((head, data))

    def flush(self) -> None:
        """Send a head that still waits."""
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class _Body:
    """The part of a request's body that has arrived, in pieces; `bytes` joins them, and does not copy a single piece."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size_bytes = 0

    def add(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size_bytes += len(piece)

    def __len__(self) -> int:
        return self._size_bytes

    def __bytes__(self) -> bytes:
        return b"".join(self._pieces)


class GatewayProtocol(HttpToolsProtocol):
    """Closes the connection of a client that sends no request, or a body too slowly; sends an answer's head with its body.

    A body is passed on when it is complete or has `_PIECE_BYTES`, so the app is not woken for each TLS record.
    """

    _in_head = _in_body = _upgraded = False
    _hurry: asyncio.TimerHandle | None = None
    _pace: UploadPace | None = None
    _next_look: asyncio.TimerHandle | None = None

    def __init__(self, limits: Limits, *others: Any) -> None:
        super().__init__(*others)
        self._head_s = limits.head_s
        self._least = LeastPace(limits.upload_bytes_per_s, limits.upload_over_s)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._end_pace()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._upgraded or self.transport.is_closing():
            return
        if self._in_body:
            if self._pace is None:
                self._begin_pace()
        elif self._hurry is None and (self._in_head or self._is_idle()):
            self._wait_for_head()

    def _is_idle(self) -> bool:
        """Whether no request is in work and nothing limits the wait for one: empty lines came."""
        return self.timeout_keep_alive_task is None and (self.cycle is None or self.cycle.response_complete)

    def handle_websocket_upgrade(self) -> None:
        self._upgraded = True
        super().handle_websocket_upgrade()

    def on_message_complete(self) -> None:
        self._in_body = False
        self._end_pace()
        super().on_message_complete()

    def on_message_begin(self) -> None:
        self._stop_waiting()
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._in_head, self._in_body = False, True
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not None and self.cycle is not before:
            self.cycle.transport = _HeadWithBody(self.transport, self.loop)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        if self._pace is not None:
            self._pace.came(len(body))
        cycle = self.cycle
        if (self.parser.should_upgrade() and self._should_upgrade()) or cycle.response_complete:
            return
        if not isinstance(cycle.body, _Body):
            cycle.body = _Body()  # type: ignore[assignment]
        cycle.body.add(body)  # type: ignore[attr-defined]
        if len(cycle.body) >= _PIECE_BYTES:
            self.flow.pause_reading()
            cycle.message_event.set()
        if self._pace is not None and self.flow.read_paused:
            self._pace.not_read()

    def _begin_pace(self) -> None:
        self._pace = UploadPace(self._least, self.loop.time())
        self._next_look = self.loop.call_later(self._least.over_s, self._look)

    def _end_pace(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        self._pace = self._next_look = None

    def _look(self) -> None:
        """Give an upload up that is too slow: answer, where no answer has begun, and close the connection."""
        assert self._pace is not None
        if self.flow.read_paused:
            self._pace.not_read()
        if (slow := self._pace.look(self.loop.time())) is None:
            self._next_look = self.loop.call_later(self._least.over_s, self._look)
            return
        log().info("a slow upload was given up", size_bytes=self._pace.total_bytes, detail=slow.detail)
        self._end_pace()
        cycle = self.cycle
        if not cycle.response_started:
            self.transport.write(_as_bytes(problem(slow)))
        cycle.disconnected = True
        cycle.message_event.set()
        self.transport.close()

    def _wait_for_head(self) -> None:
        self._hurry = self.loop.call_later(self._head_s, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None


def _as_bytes(response: Response) -> bytes:
    lines = [b"%b: %b\r\n" % pair for pair in (*response.raw_headers, (b"connection", b"close"))]
    return b"".join((STATUS_LINE[response.status_code], *lines, b"\r\n", bytes(response.body)))
