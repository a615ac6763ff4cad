"""A connection to nats-server, as all roles use it: TLS before anything else, messages in and out.

Only this room imports nats; failures of the engine leave it as `Unavailable` or `TokenRefused`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg

from manyeyes import contract
from manyeyes.addresses import host_and_port, with_port
from manyeyes.broker.tls_stream import MessageParser, OnlyTls
from manyeyes.credentials import MASTER_HOSTNAME
from manyeyes.errors import ManyeyesError
from manyeyes.telemetry import log

Handler = Callable[["Incoming"], Awaitable[None]]
Receiver = Callable[["Incoming"], None]
Bytes = bytes | memoryview

_COPIED_BYTES = 16 * 1024
"""A message up to this size fits one TLS record with its header; a larger one is written without copying it."""

TROUBLE = (
    nats.errors.Error,
    nats.js.errors.Error,
    TimeoutError,
    OSError,
)


@dataclass(frozen=True)
class Incoming:
    """A message as a handler sees it."""

    subject: str
    data: bytes
    headers: dict[str, str]
    reply: str


def trust(ca_pem: str) -> ssl.SSLContext:
    """A TLS context that trusts this CA and nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=ca_pem)
    return context


def server_url(address: str) -> str:
    """`host:port` as the NATS client takes it."""
    return f"tls://{with_port(*host_and_port(address))}"


class EngineClient(NatsClient):
    def __init__(self) -> None:
        super().__init__()
        self._ps = MessageParser(self)
        self._transport = OnlyTls(self._ps.missing_bytes)
        self.direct: dict[int, Receiver] = {}
        """Receivers by subscription: called at once, without a queue and a task between."""

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        receive = self.direct.get(sid)
        if receive is None:
            await super()._process_msg(sid, subject, reply, data, headers)
            return
        told = await self._process_headers(headers) if headers else None
        try:
            receive(Incoming(subject.decode(), data, told or {}, reply.decode()))
        except Exception:
            log().exception("handler failed", subject=subject.decode())

    def hand_over(
        self, subject: str, *parts: Bytes, reply: str = "", headers: Mapping[str, str] | None = None
    ) -> bool:
        """Write a message to the connection at once, after all that was published before it.

        Args:
            parts: what the message consists of, one after the other.

        Returns:
            False if there is no connection: nothing is kept then.
        """
        if not self.is_connected or not self._transport:
            return False
        size = sum(map(len, parts))
        if size > self._max_payload:
            raise ValueError(f"a message of {size} bytes exceeds the engine's limit of {self._max_payload}")
        route = f"{subject} {reply}" if reply else subject
        if headers:
            lines = "".join(f"{name}: {' '.join(value.split())}\r\n" for name, value in headers.items())
            block = f"NATS/1.0\r\n{lines}\r\n".encode()
            head = f"HPUB {route} {len(block)} {len(block) + size}\r\n".encode() + block
        else:
            head = f"PUB {route} {size}\r\n".encode()
        if size > _COPIED_BYTES:
            self._transport.writelines([b"".join((*self._pending, head)), *parts, b"\r\n"])  # type: ignore[list-item]
        else:
            self._transport.write(b"".join((*self._pending, head, *parts, b"\r\n")))
        self._pending, self._pending_data_size = [], 0
        self.stats["out_msgs"] += 1
        self.stats["out_bytes"] += size
        return True

    def drop_pending(self) -> None:
        """Drop what was published but not written when the connection broke."""
        self._pending, self._pending_data_size = [], 0

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection:  # sent before TLS, so anybody may have sent it: other addresses to try
            info.pop("connect_urls", None)
        await super()._process_info(info, initial_connection)


async def connect_client(
    addresses: Sequence[str], ca_pem: str, seed: str, name: str, *, once: bool = False, **callbacks: Any
) -> EngineClient:
    client = EngineClient()

    lost = callbacks.pop("disconnected_cb", None)

    async def quiet(error: Exception) -> None:
        if not once:
            log().info("engine connection", error=str(error) or type(error).__name__)

    async def disconnected() -> None:
        client.drop_pending()
        if lost is not None:
            await lost()

    await client.connect(
        servers=[server_url(address) for address in addresses],
        tls=trust(ca_pem),
        tls_hostname=MASTER_HOSTNAME,
        nkeys_seed_str=seed,
        name=name,
        inbox_prefix=contract.inbox_prefix(name),
        ping_interval=1,
        max_outstanding_pings=2,
        allow_reconnect=not once,
        max_reconnect_attempts=1 if once else -1,
        reconnect_time_wait=0.3,  # type: ignore[arg-type]  # seconds; a float serves as well
        connect_timeout=5,
        dont_randomize=True,
        error_cb=callbacks.pop("error_cb", quiet),
        disconnected_cb=disconnected,
        **callbacks,
    )
    return client


async def abort(client: NatsClient) -> None:
    """Close without waiting for a server that may hang."""
    with contextlib.suppress(*TROUBLE, asyncio.CancelledError):
        await asyncio.wait_for(client.close(), 3)


class Link:
    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self.received_bytes = 0
        self.sent_bytes = 0
        """Payload of all messages so far, without headers; what the engine keeps of its own is not counted."""

    async def answers(self, within_s: float) -> bool:
        """Whether the engine answers a ping in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._client.flush(timeout=max(1, round(within_s)))
        except (*TROUBLE, ValueError):
            return False
        return self.connected

    @property
    def connected(self) -> bool:
        """Whether the engine is reached just now."""
        return self._client.is_connected

    @property
    def idle(self) -> bool:
        """Whether the engine is reached, and nothing waits here to be sent to it."""
        if not self._client.is_connected or self._client.pending_data_size:
            return False
        transport = self._client._transport
        return isinstance(transport, OnlyTls) and transport.written

    async def broken_for(self, silence_s: float) -> None:
        """Wait until the connection was broken for this long without a break."""
        since = time.monotonic()
        while time.monotonic() - since < silence_s:
            if self.connected:
                since = time.monotonic()
            await asyncio.sleep(0.1)

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Call `handler` with each message, one at a time, in order."""

        async def pass_on(message: Msg) -> None:
            self.received_bytes += len(message.data)
            try:
                await handler(
                    Incoming(message.subject, message.data, dict(message.headers or {}), message.reply)
                )
            except Exception:
                log().exception("handler failed", subject=message.subject)

        await self._client.subscribe(subject, cb=pass_on, pending_bytes_limit=256 * 1024 * 1024)

    async def receive(self, subject: str, receiver: Receiver, *, queue: str = "") -> None:
        """Call `receiver` with each message as it is read from the connection; it must not wait.

        Args:
            queue: of all connections that name it, one is given each message.
        """

        def counted(message: Incoming) -> None:
            self.received_bytes += len(message.data)
            receiver(message)

        async def early(message: Msg) -> None:
            counted(Incoming(message.subject, message.data, dict(message.headers or {}), message.reply))

        subscription = await self._client.subscribe(subject, queue=queue, cb=early)
        self._client.direct[subscription._id] = counted

    def send(self, subject: str, *parts: Bytes, reply: str = "") -> bool:
        """Send at once, as one message; False if the engine is not reached, and nothing is kept for later then."""
        self.sent_bytes += sum(map(len, parts))
        return self._client.hand_over(subject, *parts, reply=reply)

    async def publish(self, subject: str, data: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send without an answer; what cannot be sent now is sent after the next reconnect.

        A request without a reply subject gets no answer.
        """
        if not subject:
            return
        self.sent_bytes += len(data)
        with contextlib.suppress(nats.errors.ConnectionClosedError, nats.errors.OutboundBufferLimitError):
            await self._client.publish(subject, data, headers=headers)

    def answer(self, reply: str, data: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer a request; see `contract.HEADER_REPLY` for why every answer has a header.

        A request without a reply subject gets no answer. If an answer is lost, the other side asks again.
        """
        if reply:
            self.sent_bytes += len(data)
            self._client.hand_over(reply, data, headers=headers or {contract.HEADER_REPLY: "1"})

    def answer_chunk(
        self, reply: str, chunk: bytes, size_bytes: int, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer a request with a chunk of something that has `size_bytes` in all."""
        self.answer(reply, chunk, {contract.HEADER_SIZE: str(size_bytes), **(headers or {})})

    def answer_empty(self, reply: str) -> None:
        """Answer a request with an empty message."""
        self.answer(reply, b"")

    def answer_error(self, reply: str, error: ManyeyesError) -> None:
        """Answer a request with an error."""
        headers = {contract.HEADER_ERROR: error.code, contract.HEADER_DETAIL: error.detail}
        if error.retry_after_s is not None:
            headers[contract.HEADER_WAIT] = f"{error.retry_after_s:.3f}"
        self.answer(reply, b"", headers)

    async def close(self) -> None:
        """Flush for a moment and close."""
        with contextlib.suppress(*TROUBLE):
            await self._client.flush(timeout=2)
        await abort(self._client)
