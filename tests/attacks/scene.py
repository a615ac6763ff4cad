"""A master, an honest node that works, a user, and attackers that join as any machine with a token does."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
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
from nats.aio.msg import Msg

from manyeyes import contract, identity
from manyeyes.broker.connection import trust
from manyeyes.broker.join import join
from manyeyes.broker.transfer import frame, unframe
from manyeyes.contract import (
    ANY,
    Dispatch,
    Grant,
    Heartbeat,
    Hello,
    HostFacts,
    JoinReply,
    JoinRequest,
    Outcome,
    Task,
    Welcome,
    WorkerReport,
)
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
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    gateway: str = ANY
    allowed: int = 0
    """How many dispatches it allows the gateway beyond those that came."""
    received: int = 0
    holding: list[str] = field(default_factory=list)
    told: dict[str, object] = field(default_factory=dict)
    """Fields of its heartbeats that differ from those of a free, fast node."""
    dispatches: asyncio.Queue[Dispatch] = field(default_factory=asyncio.Queue)
    """Those with a task of a user; probes are left out."""
    _beating: asyncio.Task[None] | None = None

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

    async def greet(self) -> str:
        """Say hello as nodes do, again where nobody answers; the code of the refusal, empty where it is welcomed."""
        subject = contract.node_subject(self.name, "hello", ANY)
        hello = Hello(session=self.session).wire()
        for tries_left in reversed(range(3)):
            try:
                answer = await self.client.request(subject, hello, timeout=5)
                break
            except nats.errors.TimeoutError:
                if not tries_left:
                    raise
        code, data = (answer.headers or {}).get(contract.HEADER_ERROR, ""), answer.data
        if not code:
            self.gateway = Welcome.model_validate_json(data).gateway
        return code

    async def work(self, allowed: int = 1, **told: object) -> None:
        """Play a free, fast node: hello, heartbeats, and credit for so many pictures."""
        self.allowed, self.told = allowed, told
        await self.client.subscribe(contract.dispatch_subject(self.name), cb=self._on_dispatch)
        assert await self.greet() == ""
        self._beating = asyncio.create_task(self._heartbeat(), name="heartbeat")

    async def _heartbeat(self) -> None:
        while True:
            await self.client.publish(
                contract.node_subject(self.name, "heartbeat", contract.ALL), self.heartbeat()
            )
            await asyncio.sleep(0.3)

    def heartbeat(self, **changes: object) -> bytes:
        """What it says of itself just now."""
        fields: dict[str, object] = {
            "state": "ready",
            "session": self.session,
            "workers": (WorkerReport(index=0, state="idle"),),
            "holding": tuple(self.holding),
            "grants": {self.gateway: self.grant()},
            "picture_s": 0.001,
            "host": HOST,
        }
        return Heartbeat.model_construct(**{**fields, **self.told, **changes}).wire()

    def grant(self) -> Grant:
        """What it allows the gateway."""
        allowed = self.received + self.allowed - len(self.holding)
        return Grant(received=self.received, allowed=max(self.received, allowed), allowed_bytes=2**62)

    async def _on_dispatch(self, message: Msg) -> None:
        head, _ = unframe(message.data)
        dispatch = Dispatch.model_validate_json(head)
        self.received = max(self.received, dispatch.number)
        self.holding = [task_id for task_id in self.holding if task_id not in dispatch.settled]
        if dispatch.task is not None:
            self.holding.append(dispatch.task.id)
            if dispatch.task.traceparent:
                self.dispatches.put_nowait(dispatch)

    async def handed(self, timeout_s: float = 15) -> Task:
        """The next picture of a user that it is sent."""
        dispatch = await asyncio.wait_for(self.dispatches.get(), timeout_s)
        assert dispatch.task is not None
        return dispatch.task

    async def give_back(self, task: Task) -> None:
        """Return a picture, and grant nothing more."""
        self.allowed = 0
        await self.tell("heartbeat", self.heartbeat())
        outcome = Outcome(session=self.session, task_id=task.id, status="returned", grant=self.grant())
        await self.tell("result", frame(outcome.wire(), b""))

    async def tell(self, verb: contract.Verb, data: bytes, gateway: str = "", reply: str = "") -> None:
        """Say something, for no answer."""
        await self.client.publish(
            contract.node_subject(self.name, verb, gateway or self.gateway), data, reply=reply
        )

    async def say(
        self,
        verb: contract.Verb,
        message: contract.FromNode | bytes,
        headers: dict[str, str] | None = None,
        gateway: str = "",
    ) -> tuple[str, bytes]:
        """Ask the master; the code of its refusal, empty where there is none, and what it sent."""
        data = message if isinstance(message, bytes) else message.wire()
        subject = contract.node_subject(self.name, verb, gateway or self.gateway)
        answer = await self.client.request(subject, data, timeout=10, headers=headers)
        return (answer.headers or {}).get(contract.HEADER_ERROR, ""), answer.data

    async def leave(self) -> None:
        """Hang up."""
        if self._beating is not None:
            self._beating.cancel()
        with contextlib.suppress(Exception):
            await self.client.close()


@dataclass
class Scene:
    """What the attacks act on."""

    network: Network
    honest: Role
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(48))
    _shade: int = 0

    @property
    def ca_pem(self) -> str:
        return (self.network.data / "identity" / "ca.pem").read_text()

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
        rogue = Rogue(name, key, client, denied)
        try:
            yield rogue
        finally:
            await rogue.leave()
            with contextlib.suppress(NodeNotFound):
                await asyncio.to_thread(self.network.client.remove_node, name)

    async def connect(self, seed: str, inbox_prefix: str, denied: list[str]) -> NatsClient:
        """A well-mannered connection with a key; raises what the engine refuses with."""

        async def note(error: Exception) -> None:
            denied.append(str(error).lower())

        for _ in range(20):
            try:
                client = await nats.connect(
                    f"tls://127.0.0.1:{self.network.nats_port}",
                    tls=trust(self.ca_pem),
                    tls_hostname=MASTER_HOSTNAME,
                    nkeys_seed_str=seed,
                    inbox_prefix=inbox_prefix,
                    error_cb=note,
                    allow_reconnect=False,
                )
                await asyncio.sleep(0.1)  # an engine that is told of others just now may hang up on it
                await client.flush()
                return client
            except (nats.errors.Error, OSError):
                await asyncio.sleep(0.1)
        raise ConnectionError(f"refused: {denied}")

    async def raw(self, seed: str) -> RawClient:
        """A connection without manners."""
        return await RawClient.connect(self.network.nats_port, trust(self.ca_pem), MASTER_HOSTNAME, seed)

    @asynccontextmanager
    async def in_work(self) -> AsyncIterator[tuple[Dispatch, Future[Prediction]]]:
        """The honest node works on a picture: its dispatch, and the user's answer to come."""
        seed = (self.network.data / "identity" / "master.nk").read_text().strip()
        look = await self.connect(seed, "_INBOX_look", [])
        try:
            sent_to_honest = await look.subscribe(contract.dispatch_subject("honest"))
            await look.flush()
            sent = self.send(b"LONG")
            while True:
                message = await sent_to_honest.next_msg(timeout=15)
                dispatch = Dispatch.model_validate_json(unframe(message.data)[0])
                if dispatch.task is not None and dispatch.task.traceparent:
                    break
            yield dispatch, sent
        finally:
            await look.close()
        await self.answered(sent)

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
