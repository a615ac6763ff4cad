"""A master, an honest node that works, a user, and attackers that join as any machine with a token does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import psutil
from nats.aio.client import Client as NatsClient

from manyeyes import contract, identity
from manyeyes.broker.connection import trust
from manyeyes.broker.nodelink import join
from manyeyes.contract import HostFacts, JoinReply, JoinRequest, Task
from manyeyes.errors import NodeNotFound, Unavailable
from manyeyes.identity import MASTER_HOSTNAME, JoinToken, NKey
from manyeyes.sdk.answers import Prediction
from tests.attacks.raw import RawClient
from tests.integration.conftest import Network, Role, picture, running_network

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=2, memory_bytes=1, python="3.11")

Attack = Callable[["Scene"], Awaitable[str]]


@dataclass(frozen=True)
class Attempt:
    """A line of the table; a `long` one takes ten seconds and more."""

    words: str
    attack: Attack
    long: bool


def listed(attacks: list[Attempt], words: str, *, long: bool = False) -> Callable[[Attack], Attack]:
    """Add an attack to a list, under the words that the table has for it."""

    def add(attack: Attack) -> Attack:
        attacks.append(Attempt(words, attack, long))
        return attack

    return add


@dataclass
class Rogue:
    """An attacker with a valid identity and a client that does as it is told."""

    name: str
    key: NKey
    client: NatsClient
    denied: list[str]
    """What the engine refused, in its words."""

    def inbox(self) -> str:
        """A place where it may listen."""
        return self.client.new_inbox()

    async def may_publish(self, subject: str, data: bytes = b"{}") -> bool:
        """Whether the engine takes a message on a subject."""
        return not await self._refused(self.client.publish(subject, data), "publish")

    async def may_subscribe(self, subject: str) -> bool:
        """Whether the engine lets it listen to a subject."""
        return not await self._refused(self.client.subscribe(subject), "subscription")

    async def _refused(self, doing: Awaitable[object], what: str) -> bool:
        self.denied.clear()
        await doing
        await self.client.flush()
        await asyncio.sleep(0.02)
        return any(f"permissions violation for {what}" in error for error in self.denied)

    async def handed(self, timeout_s: float = 10) -> tuple[Task, str]:
        """Ask for work as nodes do; the task and its ack subject."""
        inbox = self.inbox()
        subscription = await self.client.subscribe(inbox)
        wish = json.dumps({"batch": 1, "expires": int(timeout_s * 0.9e9)}).encode()
        await self.client.publish(contract.PULL_SUBJECT, wish, reply=inbox)
        message = await subscription.next_msg(timeout=timeout_s)
        await subscription.unsubscribe()
        return Task.model_validate_json(message.data), message.reply

    async def say(
        self, verb: contract.Verb, message: contract.Message | bytes, headers: dict[str, str] | None = None
    ) -> tuple[str, bytes]:
        """Ask the master; the code of its refusal, empty where there is none, and what it sent."""
        data = message if isinstance(message, bytes) else message.wire()
        subject = contract.node_subject(self.name, verb)
        answer = await self.client.request(subject, data, timeout=10, headers=headers)
        return (answer.headers or {}).get(contract.HEADER_ERROR, ""), answer.data


@dataclass
class Scene:
    """What the attacks act on."""

    network: Network
    honest: Role
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(48))
    _shade: int = 0

    @property
    def ca_pem(self) -> str:
        return (self.network.folder / "master" / "identity" / "ca.pem").read_text()

    @property
    def master(self) -> psutil.Process:
        return psutil.Process(self.network.master.process.pid)

    def send(self, ending: bytes = b"") -> Future[Prediction]:
        """A user sends a picture, another one each time."""
        self._shade += 1
        return self.pool.submit(self.network.client.recognize, picture(ending, self._shade))

    async def answered(self, sent: Future[Prediction], timeout_s: float = 60) -> Prediction:
        """The answer, which must be the honest node's."""
        answer = await asyncio.wait_for(asyncio.wrap_future(sent), timeout_s)
        assert answer.result.pack == "faulty@1.0.0", answer
        return answer

    async def told(self, word: str) -> None:
        """The operator tells the honest node to pause or to resume."""
        await asyncio.to_thread(self.network.client.tell_node, "honest", word)  # type: ignore[arg-type]

    async def token(self, expires_s: int = 600, *, approve: bool = False) -> JoinToken:
        """A join token of the master."""
        made = await asyncio.to_thread(self.network.client.create_token, expires_s, approve=approve)
        return JoinToken.decode(made.token)

    @asynccontextmanager
    async def rogue(self, wanted: str = "rogue", *, approve: bool = False) -> AsyncIterator[Rogue]:
        """An attacker joins, with `approve` by a token that asks for approval; removed on leaving."""
        token, key = await self.token(approve=approve), identity.make_nkey()
        await asyncio.sleep(0.3)
        request = JoinRequest(public_nkey=key.public, wanted_name=wanted, version="1", host=HOST)
        name = (await joined(token, request)).name
        denied: list[str] = []
        client = await self.connect(key.seed, contract.inbox_prefix(name), denied)
        try:
            yield Rogue(name, key, client, denied)
        finally:
            with contextlib.suppress(Exception):
                await client.close()
            with contextlib.suppress(NodeNotFound):
                await asyncio.to_thread(self.network.client.remove_node, name)

    async def connect(self, seed: str, inbox_prefix: str, denied: list[str]) -> NatsClient:
        """A well-mannered connection with a key; raises what the engine refuses with."""

        async def note(error: Exception) -> None:
            denied.append(str(error).lower())

        for _ in range(20):
            try:
                return await nats.connect(
                    f"tls://127.0.0.1:{self.network.nats_port}",
                    tls=trust(self.ca_pem),
                    tls_hostname=MASTER_HOSTNAME,
                    nkeys_seed_str=seed,
                    inbox_prefix=inbox_prefix,
                    error_cb=note,
                    allow_reconnect=False,
                )
            except (nats.errors.Error, OSError):
                await asyncio.sleep(0.1)
        raise ConnectionError(f"refused: {denied}")

    async def raw(self, seed: str) -> RawClient:
        """A connection without manners."""
        return await RawClient.connect(self.network.nats_port, trust(self.ca_pem), MASTER_HOSTNAME, seed)

    @asynccontextmanager
    async def queue(self) -> AsyncIterator[NatsClient]:
        """A look into the queue with the master's own key, to see what an attack did."""
        seed = (self.network.folder / "master" / "identity" / "master.nk").read_text().strip()
        client = await self.connect(seed, "_INBOX_look", [])
        try:
            yield client
        finally:
            await client.close()

    @asynccontextmanager
    async def in_work(self) -> AsyncIterator[tuple[Task, int, Future[Prediction]]]:
        """The honest node works on a picture: the task, its place in the stream, and the user's answer to come."""
        sent = self.send(b"LONG")
        async with self.queue() as look:
            stream = look.jsm()
            for _ in range(100):
                await asyncio.sleep(0.05)
                consumer = await stream.consumer_info(contract.STREAM, contract.CONSUMER)
                if consumer.num_ack_pending and self.network.state("honest") == "working":
                    break
            sequence = (await stream.stream_info(contract.STREAM)).state.last_seq
            message = await stream.get_msg(contract.STREAM, sequence)
            yield Task.model_validate_json(message.data or b""), sequence, sent
        await self.answered(sent)

    async def queued(self) -> int:
        """Tasks in the queue, handed out ones included."""
        async with self.queue() as look:
            return int((await look.jsm().stream_info(contract.STREAM)).state.messages)

    @contextmanager
    def user(self) -> Iterator[User]:
        """An honest user who sends one small picture after the other until the end."""
        user = User(self)
        thread = threading.Thread(target=user.run, name="user")
        thread.start()
        try:
            yield user
        finally:
            user.stopping.set()
            thread.join(90)

    async def honest_works(self) -> None:
        """The honest node is there, as it was, and works."""
        assert self.network.state("honest") in ("ready", "working"), self.network.state("honest")
        await self.answered(self.send())


async def joined(token: JoinToken, request: JoinRequest) -> JoinReply:
    """Ask to be let in, again where the engine has not heard of the token yet."""
    for _ in range(5):
        with contextlib.suppress(Unavailable):
            return await join(token.addresses, token.ca_pem, token.seed, token.token_id, request)
        await asyncio.sleep(0.3)
    raise ConnectionError("the master let nobody join")


def tried(scene: Scene, attack: Attack) -> str:
    """What came of an attack, which has a minute; the honest node works again afterwards."""

    async def try_it() -> str:
        try:
            async with asyncio.timeout(60):
                return await attack(scene)
        finally:
            await scene.told("resume")

    return asyncio.run(try_it())


class User:
    """Waits for each answer before the next picture; `waits_s` are the times that answers took."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self.stopping = threading.Event()
        self.waits_s: list[float] = []

    def run(self) -> None:
        """Send until told to stop."""
        while not self.stopping.is_set():
            began = time.monotonic()
            self._scene.send().result(90)
            self.waits_s.append(time.monotonic() - began)

    def told(self) -> str:
        """Median and longest wait, in words."""
        return f"median {statistics.median(self.waits_s) * 1000:.0f} ms, longest {max(self.waits_s):.1f} s"


@contextmanager
def running_scene(folder: Path, pack: Path) -> Iterator[Scene]:
    """A master with one honest node of two workers."""
    with (
        running_network(folder, pack) as network,
        network.node("honest", workers=2, MANYEYES_NODE_ALLOW_EXEC="1") as honest,
    ):
        scene = Scene(network, honest)
        yield scene
        scene.pool.shutdown(wait=False, cancel_futures=True)
