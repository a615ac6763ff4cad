"""Connections to the engine: `MasterLink` and `NodeLink` say what each role may do.

Only this room imports nats; failures of the engine leave it as `Unavailable` or `TokenRefused`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg
from nats.aio.transport import TcpTransport
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig

from manyeyes import contract
from manyeyes.broker.topology import CENSUS_SUBJECT
from manyeyes.broker.transfer import Assembly, PartialFile, ResumedFile, chunks, expand, frame
from manyeyes.errors import ManyeyesError, OtherMaster, TaskLost, TokenRefused, Unavailable, from_code
from manyeyes.identity import MASTER_HOSTNAME
from manyeyes.telemetry import log

Handler = Callable[["Incoming"], Awaitable[None]]

_GOODBYE_S = 0.5
"""For the end of TLS: a peer that is gone would be waited for 30 s, and a new connection with it."""

_MESSAGE_ID = "Nats-Msg-Id"
_MOST_CONNECTIONS = 65_536
_TROUBLE = (
    nats.errors.Error,
    nats.js.errors.Error,
    TimeoutError,
    OSError,
)


DIALS = 4
DIAL_PAUSE_S = 0.5
"""An engine that is told of another machine just now drops, or refuses, whoever is about to be let in: one refusal
says nothing, so many in a row do."""
LATE_S = 2.0
"""In which the engine says that it hands over nothing more; a connection that is cut does not."""


class BetterElsewhere(ManyeyesError):
    """A master would rather give the picture to another node; ask for the next one after `retry_after_s`."""

    code = "better-elsewhere"
    title = "Another node has the picture done sooner"


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


class _OnlyTls(TcpTransport):
    """Says nothing before the other side has shown its certificate, whatever its greeting says of TLS.

    The client takes the greeting's word for whether TLS is spoken; it comes in the clear, so anybody between
    or at an address that was the master's could take it out and be given what is meant for the master.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._proven = False

    def __bool__(self) -> bool:
        return True  # the client makes one of its own where this is false

    async def connect(self, uri: Any, buffer_size: int, connect_timeout: int) -> None:
        self._proven = False
        await super().connect(uri, buffer_size, connect_timeout)

    async def connect_tls(self, *args: Any, **kwargs: Any) -> None:
        await super().connect_tls(*args, **kwargs)
        self._proven = True

    def write(self, payload: bytes) -> None:
        if not self._proven:
            raise ConnectionError("whoever answers speaks without TLS; it is not the master")
        super().write(payload)  # type: ignore[no-untyped-call]

    def writelines(self, payload: Any) -> None:
        """What is pending; a client that closes while it has no connection would say it to anybody."""
        if self._proven:
            super().writelines(payload)  # type: ignore[no-untyped-call]

    async def drain(self) -> None:
        if self._proven:
            await super().drain()  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Close; a peer that does not answer is waited for only a moment."""
        super().close()  # type: ignore[no-untyped-call]
        if (writer := self._io_writer) is not None:
            asyncio.get_running_loop().call_later(_GOODBYE_S, writer.transport.abort)


class _Client(NatsClient):
    def __init__(self) -> None:
        super().__init__()
        self._transport = _OnlyTls()

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection:  # said before TLS: other addresses to try, by anybody
            info.pop("connect_urls", None)
        await super()._process_info(info, initial_connection)


async def _connect(
    addresses: Sequence[str], ca_pem: str, seed: str, name: str, *, once: bool = False, **callbacks: Any
) -> NatsClient:
    client = _Client()

    async def quiet(error: Exception) -> None:
        if not once:
            log().warning("engine connection", error=str(error) or type(error).__name__)

    await client.connect(
        servers=[f"tls://{address}" for address in addresses],
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
        **callbacks,
    )
    return client


async def _abort(client: NatsClient) -> None:
    """Close without waiting for a server that may hang."""
    with contextlib.suppress(*_TROUBLE, asyncio.CancelledError):
        await asyncio.wait_for(client.close(), 3)


class _Link:
    def __init__(self, client: NatsClient) -> None:
        self._client = client

    @property
    def connected(self) -> bool:
        """Whether the engine is reached just now."""
        return self._client.is_connected

    async def broken_for(self, silence_s: float) -> None:
        """Until the engine was not reached for so long on end."""
        since = time.monotonic()
        while time.monotonic() - since < silence_s:
            if self.connected:
                since = time.monotonic()
            await asyncio.sleep(0.1)

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """Call `handler` with each message, one at a time, in order."""

        async def pass_on(message: Msg) -> None:
            try:
                await handler(
                    Incoming(message.subject, message.data, dict(message.headers or {}), message.reply)
                )
            except Exception:
                log().exception("handler failed", subject=message.subject)

        await self._client.subscribe(subject, cb=pass_on, pending_bytes_limit=256 * 1024 * 1024)

    async def publish(self, subject: str, data: bytes = b"", headers: dict[str, str] | None = None) -> None:
        """Send without an answer; what cannot be sent now is sent after the next reconnect.

        Nothing is sent to nowhere: who asked without a reply subject gets none.
        """
        if not subject:
            return
        with contextlib.suppress(nats.errors.ConnectionClosedError, nats.errors.OutboundBufferLimitError):
            await self._client.publish(subject, data, headers=headers)

    async def reply_chunk(
        self, reply: str, chunk: bytes, size_bytes: int, headers: dict[str, str] | None = None
    ) -> None:
        """Answer a request with a chunk of something that has `size_bytes` in all."""
        await self.publish(reply, chunk, {contract.HEADER_SIZE: str(size_bytes), **(headers or {})})

    async def reply(self, reply: str, data: bytes) -> None:
        """Answer a request; see `contract.HEADER_REPLY` for why every answer has a header."""
        await self.publish(reply, data, {contract.HEADER_REPLY: "1"})

    async def reply_empty(self, reply: str) -> None:
        """Answer a request with nothing but that it was heard."""
        await self.reply(reply, b"")

    async def reply_error(self, reply: str, error: ManyeyesError) -> None:
        """Answer a request with an error."""
        headers = {contract.HEADER_ERROR: error.code, contract.HEADER_DETAIL: error.detail}
        if error.retry_after_s is not None:
            headers[contract.HEADER_WAIT] = f"{error.retry_after_s:.3f}"
        await self.publish(reply, b"", headers)

    async def close(self) -> None:
        """Flush for a moment and close."""
        with contextlib.suppress(*_TROUBLE):
            await self._client.flush(timeout=2)
        await _abort(self._client)


@dataclass
class _TasksConsumer(ConsumerConfig):
    """With the limits of one request for work: no node keeps a place in the queue for long, or several by one."""

    max_batch: int = 1
    max_expires_s: float = 10.0

    def as_dict(self) -> dict[str, object]:
        """As the engine reads it: nanoseconds."""
        fields = super().as_dict()
        del fields["max_expires_s"]
        return {**fields, "max_expires": int(self.max_expires_s * 1e9)}


class MasterLink(_Link):
    """A master's connection, in account M."""

    @classmethod
    async def connect(cls, address: str, ca_pem: str, seed: str, gateway: str) -> MasterLink:
        """Connect.

        Raises:
            Unavailable: the engine does not answer.
        """
        try:
            return cls(await _connect([address], ca_pem, seed, f"master-{gateway}"))
        except _TROUBLE as error:
            raise Unavailable(f"the engine at {address} does not answer: {error}") from error

    async def prepare(self, *, ack_wait_s: float, max_waiting: int) -> None:
        """Make the task stream and its consumer, or bring them to these settings."""
        manager = self._client.jsm()
        stream = StreamConfig(
            name=contract.STREAM,
            subjects=[contract.TASKS_SUBJECT],
            retention=RetentionPolicy.WORK_QUEUE,
            storage=StorageType.FILE,
            discard=DiscardPolicy.NEW,
            max_bytes=64 * 1024**2,
            duplicate_window=120,
            num_replicas=1,
        )
        try:
            await manager.add_stream(stream)
        except nats.js.errors.BadRequestError:
            await manager.update_stream(stream)
        consumer = _TasksConsumer(
            durable_name=contract.CONSUMER,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ack_wait_s,
            max_deliver=-1,
            max_ack_pending=max(max_waiting, 1000),
            max_waiting=4096,
        )
        await manager.add_consumer(contract.STREAM, consumer)

    async def publish_task(self, task: contract.Task) -> int:
        """Queue a task; the same id twice is queued once.

        Returns:
            The stream sequence.

        Raises:
            Unavailable: the engine did not take it.
        """
        try:
            ack = await self._client.jetstream().publish(
                contract.TASKS_SUBJECT, task.wire(), timeout=5, headers={_MESSAGE_ID: task.id}
            )
        except _TROUBLE as error:
            raise Unavailable(f"the engine did not take the picture: {error!r}; send it again") from error
        return ack.seq

    async def remove_task(self, sequence: int) -> None:
        """Take a task out of the stream, delivered or not."""
        with contextlib.suppress(*_TROUBLE):
            await self._client.jsm().delete_msg(contract.STREAM, sequence)

    async def remove_orphan(self, sequence: int, task_id: str) -> None:
        """Take a message out of the stream if it is the task of that id; a node named both."""
        with contextlib.suppress(*_TROUBLE):
            found = await self._client.jsm().get_msg(contract.STREAM, sequence)
            if (found.headers or {}).get(_MESSAGE_ID) == task_id:
                await self._client.jsm().delete_msg(contract.STREAM, sequence)

    async def ack(self, ack_subject: str) -> None:
        """The task is done: the engine forgets it."""
        await self.publish(ack_subject, b"+ACK")

    async def nak(self, ack_subject: str) -> None:
        """The task must go to another worker at once."""
        await self.publish(ack_subject, b"-NAK")

    async def in_progress(self, ack_subject: str) -> None:
        """The task is being worked on: the engine waits longer."""
        await self.publish(ack_subject, b"+WPI")


@dataclass(frozen=True)
class Counted:
    """What the engine has counted of one connection since it was made."""

    connection: int
    public_nkey: str
    messages: int
    size_bytes: int


class CensusLink(_Link):
    """A connection that asks the engine who is connected, and how much each has sent; it may do nothing else."""

    @classmethod
    async def connect(cls, address: str, ca_pem: str, seed: str) -> CensusLink:
        """Connect.

        Raises:
            Unavailable: the engine does not answer.
        """
        try:
            return cls(await _connect([address], ca_pem, seed, "census"))
        except _TROUBLE as error:
            raise Unavailable(f"the engine at {address} does not answer: {error}") from error

    async def count(self) -> list[Counted] | None:
        """Every connection of a node or of a token's holder; None where the engine does not answer."""
        question = json.dumps({"auth": True, "acc": "N", "limit": _MOST_CONNECTIONS}).encode()
        try:
            answer = await self._client.request(CENSUS_SUBJECT, question, timeout=3)
            rows = json.loads(answer.data)["data"].get("connections") or []
        except (*_TROUBLE, ValueError, KeyError):
            return None
        return [
            Counted(row["cid"], row.get("authorized_user", ""), row.get("in_msgs", 0), row.get("in_bytes", 0))
            for row in rows
        ]


@dataclass(frozen=True)
class Delivery:
    """One attempt that was handed to this node."""

    task: contract.Task
    ack: str


def _delivery(message: Msg) -> Delivery | None:
    """What a message of the queue hands over; None where it hands over nothing."""
    if (message.headers or {}).get("Status"):
        return None
    try:
        return Delivery(contract.Task.model_validate_json(message.data), message.reply)
    except ValueError:
        log().error("a task that this version cannot read was left to others", size=len(message.data))
        return None


class NodeLink(_Link):
    """A node's connection, in account N: only what `topology.node_permissions` allows."""

    def __init__(self, client: NatsClient, name: str) -> None:
        super().__init__(client)
        self._name = name
        self._lines = asyncio.Semaphore(2)
        self._asked: set[asyncio.Task[Msg]] = set()

    @classmethod
    async def connect(
        cls,
        addresses: Sequence[str],
        ca_pem: str,
        seed: str,
        name: str,
        *,
        on_closed: Callable[[], None],
        on_reconnected: Callable[[], None],
    ) -> NodeLink:
        """Connect as a registered node.

        Raises:
            TokenRefused: the master does not know this node's key.
            OtherMaster: whoever answers is not the master that it joined.
            Unavailable: nobody answers.
        """

        made: list[NodeLink] = []

        async def closed() -> None:
            on_closed()

        refusals = 0

        async def reconnected() -> None:
            nonlocal refusals
            refusals = 0
            for link in made:
                link._give_up_asking()
            on_reconnected()

        async def note(error: Exception) -> None:
            nonlocal refusals
            log().warning("engine connection", error=str(error) or type(error).__name__)
            if "authorization violation" in str(error).lower():
                refusals += 1
                if refusals == DIALS:
                    on_closed()

        client = await _dial(
            addresses,
            ca_pem,
            seed,
            name,
            unknown=f"the key of node {name!r}: it was removed there, and its key never works again; to come back, "
            "join with a new token and a new data folder: 'manyeyes node --join TOKEN --data FOLDER'",
            closed_cb=closed,
            reconnected_cb=reconnected,
            error_cb=note,
        )
        made.append(cls(client, name))
        return made[0]

    def try_also(self, address: str) -> None:
        """While the connection is lost, try this address too, and next; all that was asked for stays."""
        servers = [uri.geturl() for uri in self._client.servers]
        added = f"tls://{address}"
        with contextlib.suppress(nats.errors.ConnectionClosedError):
            self._client.set_server_pool([added, *(server for server in servers if server != added)])

    async def subscribe(self, subject: str, handler: Handler) -> None:
        """As `_Link.subscribe`, for what masters say of themselves; see `contract.HEADER_REPLY`."""

        async def unheaded(incoming: Incoming) -> None:
            if incoming.headers:
                log().warning("an answer to another node was sent here, and passed over", subject=subject)
            else:
                await handler(incoming)

        await super().subscribe(subject, unheaded)

    async def deliveries(
        self,
        due: Callable[[], Awaitable[None]],
        late: Callable[[Delivery], Awaitable[None]],
        *,
        expires_s: float = 5.0,
    ) -> AsyncGenerator[Delivery, None]:
        """Tasks, one at a time, each asked for only when the one before was taken.

        Args:
            due: returns when the next one should be asked for.
            late: is given a task that still arrives when no more are wanted; else nobody would have it until
                the engine's patience ends.
        """
        arrived: asyncio.Queue[Msg] = asyncio.Queue()
        inbox = self._client.new_inbox()
        subscription = await self._client.subscribe(
            inbox, cb=arrived.put, pending_bytes_limit=256 * 1024 * 1024
        )
        try:
            while True:
                await due()
                request = {"batch": 1, "expires": int(expires_s * 1e9)}
                await self.publish_with_reply(contract.PULL_SUBJECT, json.dumps(request).encode(), inbox)
                try:
                    async with asyncio.timeout(expires_s + 1):
                        message = await arrived.get()
                except TimeoutError:
                    if self._client.is_closed:
                        return
                    continue
                if status := (message.headers or {}).get("Status"):
                    await asyncio.sleep(0.02 if status != "503" else 0.5)
                elif delivery := _delivery(message):
                    yield delivery
        finally:
            with contextlib.suppress(*_TROUBLE):
                async with asyncio.timeout(LATE_S):
                    await subscription.drain()  # type: ignore[no-untyped-call]
            while not arrived.empty():
                if delivery := _delivery(arrived.get_nowait()):
                    await late(delivery)

    async def publish_with_reply(self, subject: str, data: bytes, reply: str) -> None:
        """Send, answers going to `reply`."""
        with contextlib.suppress(nats.errors.ConnectionClosedError, nats.errors.OutboundBufferLimitError):
            await self._client.publish(subject, data, reply=reply)

    async def fetch(
        self,
        verb: contract.Verb,
        message: contract.Claim | contract.PackQuery,
        *,
        timeout_s: float = 15.0,
    ) -> tuple[bytes, dict[str, str]]:
        """Ask a master for bytes of any size, chunk by chunk.

        Args:
            timeout_s: the longest silence, not the whole.

        Returns:
            The bytes and the headers of the first chunk.

        Raises:
            Unavailable: silence, or the bytes changed in between.
            ManyeyesError: the one that the master answered with.
        """
        first: dict[str, str] = {}
        assembly: Assembly | None = None
        while assembly is None or not assembly.complete:
            offset = assembly.received if assembly else 0
            question = message.model_copy(update={"offset": offset}) if offset else message
            async with self._lines:
                answer = await self._ask(verb, question, timeout_s)
            headers = _answered(answer)
            if assembly is None:
                first, assembly = headers, Assembly(int(headers[contract.HEADER_SIZE]))
            chunk = expand(answer.data, headers.get(contract.HEADER_ENCODING, ""))
            if not assembly.add(offset, chunk) or (not chunk and assembly.size):
                raise Unavailable(f"the answer to the {verb} changed while it was fetched")
        return assembly.content(), first

    async def fetch_file(
        self,
        sha256: str,
        part: ResumedFile,
        progress: Callable[[int, int], None],
        *,
        timeout_s: float = 15.0,
    ) -> None:
        """Have the pack's file with this digest in `part`, going on where an earlier attempt stopped.

        Args:
            progress: called with the bytes that are here, and those of the whole.

        Raises:
            Unavailable: silence; what has arrived stays in `part`.
            PackError: the master has no such file.
            OSError: the disk is full.
        """
        while True:
            query = contract.PackQuery(sha256=sha256, offset=part.received)
            async with self._lines:
                answer = await self._ask("pack", query, timeout_s)
            headers = _answered(answer)
            chunk = expand(answer.data, headers.get(contract.HEADER_ENCODING, ""))
            size = int(headers[contract.HEADER_SIZE])
            fits = part.received + len(chunk) <= size
            whole = part.add(chunk, size)
            progress(part.received, size)
            if whole:
                return
            if fits and not chunk:
                raise Unavailable("the master sent nothing of a file of the pack")

    async def fetch_gallery(
        self, query: contract.GalleryQuery, part: PartialFile, *, timeout_s: float = 15.0
    ) -> int:
        """Have a master's answer to `query` in `part`, going on where an earlier attempt stopped.

        The file stays empty where the node has the newest version already.

        Returns:
            The master's newest version; the answer may lead to an older one, then ask again.

        Raises:
            Unavailable: silence; what has arrived stays in `part`.
        """
        while True:
            question = query.model_copy(update={"content": part.content, "offset": part.received})
            async with self._lines:
                answer = await self._ask("gallery", question, timeout_s)
            headers = _answered(answer)
            size = int(headers[contract.HEADER_SIZE])
            offset = int(headers[contract.HEADER_OFFSET])
            whole = part.add(headers.get(contract.HEADER_CONTENT, ""), offset, answer.data, size)
            if whole:
                return int(headers[contract.HEADER_VERSION])
            if not answer.data:
                raise Unavailable("the master sent nothing of the gallery")

    async def _ask(self, verb: contract.Verb, question: contract.Message, timeout_s: float) -> Msg:
        subject = contract.node_subject(self._name, verb)
        try:
            return await self._client.request(subject, question.wire(), timeout=timeout_s)
        except _TROUBLE as error:
            raise Unavailable(f"no master answered the {verb} in {timeout_s:.0f} s") from error

    async def send_outcome(
        self, outcome: contract.Outcome, picture: bytes, *, timeout_s: float = 15.0
    ) -> None:
        """Give an outcome to the master and wait until it has it.

        Raises:
            TaskLost: the master wants it no more (answered by another, or its gateway is gone).
            Unavailable: no answer; send it again.
        """
        content = frame(outcome.wire(), picture)
        subject = contract.node_subject(self._name, "result")
        for offset, chunk in chunks(content):
            headers = {
                contract.HEADER_TASK: outcome.task_id,
                contract.HEADER_OFFSET: str(offset),
                contract.HEADER_SIZE: str(len(content)),
            }
            try:
                answer = await self._client.request(subject, chunk, timeout=timeout_s, headers=headers)
            except _TROUBLE as error:
                raise Unavailable(f"no master took the result in {timeout_s:.0f} s") from error
            if code := (answer.headers or {}).get(contract.HEADER_ERROR):
                detail = (answer.headers or {}).get(contract.HEADER_DETAIL, "")
                raise TaskLost(detail) if code == TaskLost.code else Unavailable(detail)

    async def ask(self, verb: contract.Verb, content: bytes, *, timeout_s: float) -> bytes:
        """Ask a master; the bytes of its answer.

        Raises:
            Unavailable: no answer in `timeout_s`, or the connection was broken and is back.
            ManyeyesError: the one that the master answered with.
        """
        subject = contract.node_subject(self._name, verb)
        try:
            async with self._lines:
                asked = asyncio.create_task(
                    self._client.request(subject, content, timeout=timeout_s), name=f"ask-{verb}"
                )
                self._asked.add(asked)
                try:
                    await asyncio.wait([asked])
                finally:
                    self._asked.discard(asked)
                    lost = not asked.done() or asked.cancelled()
                    asked.cancel()
                if lost:
                    raise Unavailable(f"the connection was broken before a master answered the {verb}")
                answer = asked.result()
        except _TROUBLE as error:
            raise Unavailable(f"no master answered the {verb} in {timeout_s:.0f} s") from error
        _answered(answer)
        return answer.data

    def _give_up_asking(self) -> None:
        """What was asked before the connection broke may never be answered."""
        for asked in self._asked:
            asked.cancel()

    async def say(self, verb: contract.Verb, message: contract.Message) -> None:
        """Tell the masters without waiting."""
        await self.publish(contract.node_subject(self._name, verb), message.wire())


def _answered(answer: Msg) -> dict[str, str]:
    """The headers of an answer; raises the error that it carries."""
    headers = dict(answer.headers or {})
    if code := headers.get(contract.HEADER_ERROR):
        wait = headers.get(contract.HEADER_WAIT)
        detail = headers.get(contract.HEADER_DETAIL, "")
        raise from_code(code, detail, retry_after_s=float(wait) if wait else None)
    return headers


_UNKNOWN_TOKEN = "this token (expired or revoked); get a new one with 'manyeyes token'"


def _may_pass(error: Exception, refused: Sequence[str]) -> bool:
    """Whether the same attempt may succeed a moment later."""
    told = " ".join([*refused, str(error)]).lower()
    return isinstance(error, ConnectionResetError | BrokenPipeError) or "authorization" in told


async def _dial(
    addresses: Sequence[str],
    ca_pem: str,
    seed: str,
    name: str,
    *,
    unknown: str = _UNKNOWN_TOKEN,
    **callbacks: Any,
) -> NatsClient:
    """Connect, telling apart who refused and why.

    Connecting once first makes the refusal visible; a client that reconnects for ever would hide it.
    """
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error))

    try:
        for tries_left in reversed(range(DIALS)):
            try:
                probe = await _connect(addresses, ca_pem, seed, name, once=True, error_cb=note)
                break
            except _TROUBLE as error:
                if not tries_left or not _may_pass(error, refused):
                    raise
                refused.clear()
                await asyncio.sleep(DIAL_PAUSE_S)
        await _abort(probe)
        return await _connect(addresses, ca_pem, seed, name, **callbacks)
    except _TROUBLE as error:
        told = " ".join(dict.fromkeys([*refused, str(error)]))
        where = ", ".join(addresses)
        if "CERTIFICATE_VERIFY_FAILED" in told or "certificate verify failed" in told:
            raise OtherMaster(
                f"the master at {where} is not the one that made the token (its certificate is by another CA); "
                "get a token from this master with 'manyeyes token'"
            ) from error
        if "authorization" in told.lower():
            raise TokenRefused(f"the master at {where} does not know {unknown}") from error
        raise Unavailable(
            f"no master answers at {where}: {told.strip() or type(error).__name__}; is 'manyeyes up' running there?"
        ) from error


async def join(
    addresses: Sequence[str], ca_pem: str, seed: str, token_id: str, request: contract.JoinRequest
) -> contract.JoinReply:
    """Ask to be let in with a token's key.

    Raises:
        TokenRefused: see `_dial`, or the master's own refusal.
        Unavailable: nobody answers.
    """
    client = await _dial(addresses, ca_pem, seed, contract.join_name(token_id))
    try:
        answer = await client.request(contract.join_subject(token_id), request.wire(), timeout=10)
    except _TROUBLE as error:
        raise Unavailable(f"the master did not answer the join in 10 s: {error!r}; try again") from error
    finally:
        await _abort(client)
    reply = contract.JoinReply.model_validate_json(answer.data)
    if reply.code:
        raise from_code(reply.code, reply.detail)
    return reply
