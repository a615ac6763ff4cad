"""A node's connection: what it sends to its masters and receives from them, and how a machine connects."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from typing import Any

import nats
import nats.errors
import nats.js.errors
from nats.aio.msg import Msg

from manyeyes import contract
from manyeyes.broker.connection import (
    TROUBLE,
    Bytes,
    EngineClient,
    Incoming,
    Link,
    Receiver,
    abort,
    connect_client,
    server_url,
)
from manyeyes.broker.transfer import Assembly, PartialFile, ResumedFile, chunks, expand
from manyeyes.error_codes import from_code
from manyeyes.errors import OtherMaster, TaskLost, TokenRefused, Unavailable
from manyeyes.telemetry import log

_CHUNK_S, _DRAIN_S = 15.0, 2.0
"""Seconds to wait for a chunk of a picture, and for the answer that nothing more is sent."""
DIALS = 4
DIAL_PAUSE_S = 0.5
"""While the engine reloads its list of keys, it may drop or refuse a machine that is joining. One refusal means
nothing; `DIALS` refusals in a row do."""


class NodeLink(Link):
    """A node's connection, in account N: only what `topology.node_permissions` allows."""

    def __init__(self, client: EngineClient, name: str) -> None:
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
            OtherMaster: what answers is not the master that it joined.
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
            log().info("engine connection", error=str(error) or type(error).__name__)
            if "authorization violation" in str(error).lower():
                refusals += 1
                if refusals == DIALS:
                    on_closed()

        client = await dial(
            addresses,
            ca_pem,
            seed,
            name,
            unknown=f"the key of node {name!r}: it was removed there, or was ephemeral and is forgotten; to come back, "
            "join with a new token and a new data folder: 'manyeyes node --join TOKEN --data FOLDER'; "
            "one that was ephemeral needs a token alone",
            closed_cb=closed,
            reconnected_cb=reconnected,
            error_cb=note,
        )
        made.append(cls(client, name))
        return made[0]

    def try_also(self, address: str) -> None:
        """While the connection is lost, try this address next; subscriptions are kept."""
        servers = [uri.geturl() for uri in self._client.servers]
        added = server_url(address)
        with contextlib.suppress(nats.errors.ConnectionClosedError):
            self._client.set_server_pool([added, *(server for server in servers if server != added)])

    async def hear(self, subject: str, receiver: Receiver) -> None:
        """As `Link.receive`, for messages that masters originate; see `contract.HEADER_REPLY`."""

        def unheaded(message: Incoming) -> None:
            if message.headers:
                log().warning("an answer to another node was sent here, and ignored", subject=subject)
                return
            try:
                receiver(message)
            except ValueError as error:
                told = str(error)[:200]
                log().warning("a message that this version cannot read", subject=subject, error=told)

        await self.receive(subject, unheaded)

    def tell(self, verb: contract.Verb, gateway: str, *parts: Bytes) -> bool:
        """Send a message without waiting. Returns False if there is no connection; then nothing was sent."""
        return self.send(contract.node_subject(self._name, verb, gateway), *parts)

    async def fetch(
        self,
        verb: contract.Verb,
        message: contract.PackQuery,
        *,
        timeout_s: float = 15.0,
    ) -> tuple[bytes, dict[str, str]]:
        """Fetch bytes of any size from a master, chunk by chunk, all from the master that gave the first chunk.

        Args:
            timeout_s: the longest silence, not the whole.

        Returns:
            The bytes and the headers of the first chunk.

        Raises:
            Unavailable: silence, or the bytes changed in between.
            ManyeyesError: the one that the master answered with.
        """
        first: dict[str, str] = {}
        gateway = contract.ANY
        assembly: Assembly | None = None
        while assembly is None or not assembly.complete:
            offset = assembly.received if assembly else 0
            question = message.model_copy(update={"offset": offset}) if offset else message
            async with self._lines:
                answer = await self._ask(verb, question, timeout_s, gateway)
            headers = _answered(answer)
            gateway = headers.get(contract.HEADER_GATEWAY, contract.ANY)
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
        """Fetch the pack's file with this digest into `part`; continues an earlier attempt.

        Args:
            progress: called with the bytes that are here, and those of the whole.

        Raises:
            Unavailable: silence; what has arrived stays in `part`.
            PackError: the master has no such file.
            OSError: the disk is full.
        """
        gateway = contract.ANY
        while True:
            query = contract.PackQuery(sha256=sha256, offset=part.received)
            async with self._lines:
                answer = await self._ask("pack", query, timeout_s, gateway)
            headers = _answered(answer)
            gateway = headers.get(contract.HEADER_GATEWAY, contract.ANY)
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
        self,
        query: contract.GalleryQuery,
        part: PartialFile,
        *,
        timeout_s: float = 15.0,
        gateway: str = contract.ANY,
    ) -> int:
        """Fetch a master's answer to `query` into `part`; continues an earlier attempt.

        The file stays empty if the node has the newest version already.

        Returns:
            The master's newest version. The answer may lead to an older version; then ask again.

        Raises:
            Unavailable: silence; what has arrived stays in `part`.
        """
        while True:
            question = query.model_copy(update={"content": part.content, "offset": part.received})
            async with self._lines:
                answer = await self._ask("gallery", question, timeout_s, gateway)
            headers = _answered(answer)
            gateway = headers.get(contract.HEADER_GATEWAY, contract.ANY)
            size = int(headers[contract.HEADER_SIZE])
            offset = int(headers[contract.HEADER_OFFSET])
            whole = part.add(headers.get(contract.HEADER_CONTENT, ""), offset, answer.data, size)
            if whole:
                return int(headers[contract.HEADER_VERSION])
            if not answer.data:
                raise Unavailable("the master sent nothing of the gallery")

    async def fetch_chunk(self, task_id: str, offset: int, most_bytes: int, gateway: str) -> bytes:
        """More of a picture that this node holds. Raises: TaskLost: the gateway no longer wants it.
        Unavailable: no answer.
        """
        query = contract.ChunkQuery(task_id=task_id, offset=offset, most_bytes=most_bytes)
        answer = await self._ask("chunk", query, _CHUNK_S, gateway)
        _answered(answer)
        return answer.data

    async def master_versions(self, within_s: float) -> contract.Introduction | None:
        """Which versions a master speaks, by what it broadcasts; None if nothing is heard in time."""
        try:
            subscription = await self._client.subscribe(contract.STATE_SUBJECT)
            try:
                return contract.introduced((await subscription.next_msg(timeout=within_s)).data)
            finally:
                await subscription.unsubscribe()
        except TROUBLE:
            return None

    async def ask_last(self, session: str, gateway: str) -> int:
        """Ask a gateway to send nothing more. Returns the number of its last dispatch.

        Raises:
            Unavailable: no answer.
        """
        answer = await self._ask("drain", contract.DrainQuery(session=session), _DRAIN_S, gateway)
        _answered(answer)
        return contract.DrainAnswer.model_validate_json(answer.data).last

    async def _ask(
        self, verb: contract.Verb, question: contract.FromNode, timeout_s: float, gateway: str
    ) -> Msg:
        subject = contract.node_subject(self._name, verb, gateway)
        try:
            return await self._client.request(subject, question.wire(), timeout=timeout_s)
        except TROUBLE as error:
            raise Unavailable(f"no master answered the {verb} in {timeout_s:.0f} s") from error

    async def send_result(
        self, task_id: str, content: bytes, gateway: str, *, timeout_s: float = 15.0
    ) -> None:
        """Send a large outcome to its gateway, chunk by chunk, each when the one before has arrived. Raises:

        TaskLost: the gateway no longer wants it.
            Unavailable: no answer; send it again.
        """
        subject = contract.node_subject(self._name, "result", gateway)
        for offset, chunk in chunks(content):
            headers = {
                contract.HEADER_TASK: task_id,
                contract.HEADER_OFFSET: str(offset),
                contract.HEADER_SIZE: str(len(content)),
            }
            try:
                answer = await self._client.request(subject, chunk, timeout=timeout_s, headers=headers)
            except TROUBLE as error:
                raise Unavailable(f"no master took the result in {timeout_s:.0f} s") from error
            if code := (answer.headers or {}).get(contract.HEADER_ERROR):
                detail = (answer.headers or {}).get(contract.HEADER_DETAIL, "")
                raise TaskLost(detail) if code == TaskLost.code else Unavailable(detail)

    async def ask(
        self,
        verb: contract.Verb,
        content: bytes,
        *,
        timeout_s: float,
        gateway: str = contract.ANY,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        """Send a request to a master and return the bytes of its answer.

        Raises:
            Unavailable: no answer in `timeout_s`, or the connection was broken and is back.
            ManyeyesError: the one that the master answered with.
        """
        subject = contract.node_subject(self._name, verb, gateway)
        try:
            async with self._lines:
                asked = asyncio.create_task(
                    self._client.request(subject, content, timeout=timeout_s, headers=headers),
                    name=f"ask-{verb}",
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
        except TROUBLE as error:
            raise Unavailable(f"no master answered the {verb} in {timeout_s:.0f} s") from error
        _answered(answer)
        return answer.data

    def _give_up_asking(self) -> None:
        """Cancel open requests: the connection broke, so they may never be answered."""
        for asked in self._asked:
            asked.cancel()


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
    """Whether the same attempt may succeed if it is tried again."""
    told = " ".join([*refused, str(error)]).lower()
    return isinstance(error, ConnectionResetError | BrokenPipeError) or "authorization" in told


async def dial(
    addresses: Sequence[str],
    ca_pem: str,
    seed: str,
    name: str,
    *,
    unknown: str = _UNKNOWN_TOKEN,
    **callbacks: Any,
) -> EngineClient:
    """Connect; the error says who refused and why.

    The first try does not reconnect, so a refusal is seen. A client that always reconnects would hide it.
    """
    refused: list[str] = []

    async def note(error: Exception) -> None:
        refused.append(str(error))

    try:
        for tries_left in reversed(range(DIALS)):
            try:
                probe = await connect_client(addresses, ca_pem, seed, name, once=True, error_cb=note)
                break
            except TROUBLE as error:
                if not tries_left or not _may_pass(error, refused):
                    raise
                refused.clear()
                await asyncio.sleep(DIAL_PAUSE_S)
        await abort(probe)
        return await connect_client(addresses, ca_pem, seed, name, **callbacks)
    except TROUBLE as error:
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
            f"no master answers at {where}: {_why(refused, error)}; is 'manyeyes up' running there?"
        ) from error


def _why(refused: Sequence[str], error: BaseException) -> str:
    """What the system says of each address, without numbers; else what the client says."""
    own = f"{error}".removeprefix("nats: ") or type(error).__name__
    told = [re.sub(r"^\[Errno -?\d+\] |^nats: ", "", one).strip() for one in refused]
    known = [one for one in dict.fromkeys(told) if one and not one.startswith("no servers available")]
    return ", ".join(known).lower() or own
