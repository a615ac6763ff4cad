"""The stream of all machines' log lines: masters write batches to it and read them in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import nats.errors
import nats.js.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)

from manyeyes import contract
from manyeyes.broker.connection import TROUBLE, Link
from manyeyes.errors import Unavailable

_MESSAGE_ID = "Nats-Msg-Id"
_AT_ONCE = 64
_EXPIRES_S = 5.0
_INACTIVE_S = 60.0
_PAUSE_S = 1.0


@dataclass(frozen=True)
class Stored:
    """One batch as the stream stores it."""

    sequence: int
    subject: str
    data: bytes


class LogStream:
    """Writes and reads the stream `LOGS` over a master's connection."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def _client(self) -> NatsClient:
        return self._link._client

    async def prepare(self, *, max_bytes: int, age_s: float, machine_batches: int) -> str:
        """Make the stream, or bring it to these settings.

        Returns:
            When the stream was made; a new stream counts from 1 again.

        Raises:
            Unavailable: the engine did not.
        """
        manager = self._client.jsm()
        stream = StreamConfig(
            name=contract.LOGS_STREAM,
            subjects=[contract.LOGS_SUBJECT],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_bytes=max_bytes,
            max_age=age_s,
            max_msgs_per_subject=machine_batches,
            duplicate_window=min(120.0, age_s),
            num_replicas=1,
        )
        try:
            try:
                info = await manager.add_stream(stream)
            except nats.js.errors.BadRequestError:
                info = await manager.update_stream(stream)
        except TROUBLE as error:
            raise Unavailable(f"the engine has no stream for the logs: {error!r}") from error
        return str(info.created)

    async def publish(self, subject: str, data: bytes, batch_id: str) -> None:
        """Put a batch in, without waiting; the same id twice is kept once."""
        await self._link.publish(subject, data, {_MESSAGE_ID: batch_id})

    async def read(self, first: int) -> AsyncGenerator[list[Stored], None]:
        """Batches from sequence `first` on, oldest first, for ever; several at once where they are there."""
        while True:
            arrived: asyncio.Queue[Msg] = asyncio.Queue()
            inbox = self._client.new_inbox()
            try:
                subscription = await self._client.subscribe(inbox, cb=arrived.put)
            except TROUBLE:
                await asyncio.sleep(_PAUSE_S)
                continue
            try:
                consumer = await self._consumer(first)
                async for some in self._pull(consumer, inbox, arrived):
                    first = some[-1].sequence + 1
                    yield some
            except TROUBLE:
                pass
            finally:
                with contextlib.suppress(*TROUBLE):
                    await subscription.unsubscribe()
            await asyncio.sleep(_PAUSE_S)

    async def _consumer(self, first: int) -> str:
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=max(first, 1),
            ack_policy=AckPolicy.NONE,
            inactive_threshold=_INACTIVE_S,
            mem_storage=True,
        )
        return (await self._client.jsm().add_consumer(contract.LOGS_STREAM, config)).name

    async def _pull(
        self, consumer: str, inbox: str, arrived: asyncio.Queue[Msg]
    ) -> AsyncGenerator[list[Stored], None]:
        """What a consumer gives; ends where it, or the connection, is gone: then another one is to be made."""
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{contract.LOGS_STREAM}.{consumer}"
        request = json.dumps({"batch": _AT_ONCE, "expires": int(_EXPIRES_S * 1e9)}).encode()
        while True:
            await self._client.publish(subject, request, reply=inbox)
            left = _AT_ONCE
            while left:
                try:
                    async with asyncio.timeout(_EXPIRES_S + 2):
                        messages = [await arrived.get()]
                except TimeoutError:
                    return
                while not arrived.empty():
                    messages.append(arrived.get_nowait())
                status = [m for m in messages if (m.headers or {}).get("Status")]
                some = [
                    Stored(m.metadata.sequence.stream, m.subject, m.data) for m in messages if m not in status
                ]
                left -= len(some)
                if some:
                    yield some
                if any(m.headers["Status"] not in ("404", "408") for m in status if m.headers):
                    return
                if status:
                    break
