"""An agent from joining to its end, on a link that the test plays, with a worker that is no process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.node.pictures import Link, task

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.broker.transfer import frame
from manyeyes.config import NodeSettings
from manyeyes.contract import Directive, Dispatch, Heartbeat, Leave, StateBroadcast, Welcome
from manyeyes.errors import IdentityInUse, ManyeyesError, NodeRemoved, Unavailable, VersionMismatch
from manyeyes.node import agent as agent_module
from manyeyes.node import node_state, pack_workers
from manyeyes.node.agent import Agent
from manyeyes.node.gallery.cache import GalleryCache
from manyeyes.node.membership import connecting
from manyeyes.node.membership.membership import Membership
from manyeyes.node.packs.launch import Launch
from manyeyes.node.packs.provision import Provisioner
from manyeyes.node.worker import slot as slot_module
from manyeyes.node.worker.protocol import Reply

nothing: Any = None


class MasterLink(Link):
    """A connection to a master that welcomes."""

    def __init__(self) -> None:
        super().__init__()
        self.welcome: Welcome | ManyeyesError = Welcome(gateway="g", approved=True)
        self.receivers: dict[str, Callable[[Incoming], None]] = {}
        self.hellos = 0
        self.idle, self.closed = False, False
        self.last = {"g": 0}

    async def hear(self, subject: str, receiver: Callable[[Incoming], None]) -> None:
        self.receivers[subject] = receiver

    async def ask(
        self, verb: str, content: bytes, *, timeout_s: float, headers: dict[str, str] | None = None
    ) -> bytes:
        assert verb == "hello"
        self.hellos += 1
        if isinstance(self.welcome, ManyeyesError):
            raise self.welcome
        return self.welcome.wire()

    async def master_versions(self, within_s: float) -> None:
        return None

    async def broken_for(self, silence_s: float) -> None:
        await asyncio.Event().wait()

    async def close(self) -> None:
        self.closed = True

    def heard(self, subject: str, content: bytes) -> None:
        """A master says something."""
        self.receivers[subject](Incoming(subject, content, {}, ""))


class Worker:
    """A worker process that ends a picture when it may."""

    def __init__(self) -> None:
        self.pid, self.benchmark_s, self.busy_since = 77, 0.5, None
        self.trace_id, self.gallery, self.ended = "", nothing, False
        self.over = asyncio.Event()

    async def wait(self) -> None:
        await self.over.wait()

    def kill(self) -> None:
        self.ended = True
        self.over.set()

    async def stop(self) -> None:
        self.kill()

    async def work(self, order: Any, data: bytes, deadline_s: float) -> tuple[Reply, bytes]:
        await asyncio.sleep(0)
        return Reply(kind="outcome", parts={"result": 2}), b"{}"


class Node:
    """A running agent with what stands around it."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.link = MasterLink()
        self.reachable, self.pack_here = asyncio.Event(), asyncio.Event()
        self.reachable.set()
        self.pack_here.set()
        self.ready: list[tuple[str, int]] = []
        self.forced: list[ManyeyesError] = []
        self.on_closed: Callable[[], None] = nothing
        self.on_reconnected: Callable[[], None] = nothing

        async def connect(*_: Any, on_closed: Any, on_reconnected: Any) -> MasterLink:
            self.on_closed, self.on_reconnected = on_closed, on_reconnected
            await self.reachable.wait()
            return self.link

        async def obtain(_: Any) -> Launch:
            await self.pack_here.wait()
            return Launch(folder, "p@1", "sha", nothing)

        async def forever(*_: Any) -> None:
            await asyncio.Event().wait()

        async def refresh(*_: Any, **__: Any) -> None:
            return None

        async def start(_: Any) -> Worker:
            return Worker()

        monkeypatch.setattr(connecting, "NodeLink", SimpleNamespace(connect=connect))
        monkeypatch.setattr(Provisioner, "obtain", obtain)
        monkeypatch.setattr(GalleryCache, "refresh", refresh)
        monkeypatch.setattr(GalleryCache, "keep_folded", forever)
        monkeypatch.setattr(
            pack_workers, "manifest", SimpleNamespace(read=lambda _: SimpleNamespace(memory_mb=1))
        )
        monkeypatch.setattr(slot_module, "WorkerProcess", SimpleNamespace(start=start))
        monkeypatch.setattr(agent_module, "end_within", lambda _, error: self.forced.append(error))
        settings = NodeSettings(data=folder, workers=1, find=False)
        key: Any = SimpleNamespace(seed="seed")
        self.agent = Agent(settings, Membership("lab-3", ("10.0.0.1:4222",), "pem", "00"), key)
        self.session = self.agent._life.session

    async def run(self) -> None:
        await self.agent.run(lambda name, count, pack: self.ready.append((name, count)))

    def direct(self, kind: str, **more: Any) -> None:
        """A master's directive arrives."""
        told = Directive(kind=kind, **more)
        self.link.heard(contract.directive_subject("lab-3"), told.wire())

    @property
    def states(self) -> list[str]:
        """Of all heartbeats, each once in a row."""
        told = [
            Heartbeat.model_validate_json(said).state
            for verb, _, said in self.link.said
            if verb == "heartbeat"
        ]
        return [one for number, one in enumerate(told) if number == 0 or told[number - 1] != one]

    @property
    def farewells(self) -> list[str]:
        return [Leave.model_validate_json(said).reason for verb, _, said in self.link.said if verb == "leave"]


@pytest.fixture
def play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Node], Awaitable[None]]], Node]:
    def played(
        body: Callable[[Node], Awaitable[None]], prepare: Callable[[Node], None] = lambda _: None
    ) -> Node:
        async def scene() -> Node:
            node = Node(tmp_path, monkeypatch)
            prepare(node)
            running = asyncio.create_task(node.run())
            await steps()
            await body(node)
            async with asyncio.timeout(20):
                await running
            return node

        return asyncio.run(scene())

    return played


async def steps(count: int = 60) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


Play = Callable[..., Node]


def test_a_node_works_on_what_is_dispatched_and_leaves_when_it_is_stopped(play: Play) -> None:
    async def body(node: Node) -> None:
        assert node.ready == [("lab-3", 1)]
        sent = Dispatch(gateway="g", session=node.session, number=1, task=task("t"), sent_bytes=3)
        node.link.heard(contract.dispatch_subject("lab-3"), frame(sent.wire(), b"abc"))
        await steps()
        assert [(told.task_id, told.status) for _, told, _ in node.link.outcomes] == [("t", "done")]
        node.link.last["g"] = 1
        node.agent.drain()
        settled = Dispatch(gateway="g", session=node.session, settled=("t",))
        node.link.heard(contract.dispatch_subject("lab-3"), frame(settled.wire(), b""))

    node = play(body)
    assert node.farewells == ["stopped on the machine itself"] and node.link.closed
    assert node.states[0] == "provisioning" and "ready" in node.states and node.states[-1] == "draining"


def test_a_node_that_waits_for_its_approval_asks_for_no_pack(play: Play) -> None:
    async def body(node: Node) -> None:
        assert node.states == ["waiting for approval"] and node.link.hellos == 1
        assert contract.STATE_SUBJECT not in node.link.receivers and node.ready == []
        node.direct("approved")
        await steps()
        assert node.ready == [("lab-3", 1)]
        node.agent.drain()

    def prepare(node: Node) -> None:
        node.link.welcome = Welcome(gateway="g", approved=False)

    play(body, prepare)


def test_a_node_that_stays_unapproved_says_hello_again(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_state, "APPROVAL_S", 0.0)

    async def body(node: Node) -> None:
        assert node.link.hellos > 1 and node.states == ["waiting for approval"]
        node.link.welcome = Welcome(gateway="g", approved=True)
        await steps()
        assert node.ready == [("lab-3", 1)]
        node.agent.drain()

    def prepare(node: Node) -> None:
        node.link.welcome = Welcome(gateway="g", approved=False)

    play(body, prepare)


def test_a_node_follows_what_its_operator_wants(play: Play) -> None:
    async def body(node: Node) -> None:
        node.direct("desired", desired="pause")
        await steps()
        node.direct("shutdown")

    node = play(body)
    assert "paused" in node.states and node.farewells == ["shut down by an operator"]


def test_a_node_says_hello_again_after_a_break(play: Play) -> None:
    async def body(node: Node) -> None:
        node.on_reconnected()
        await steps()
        assert node.link.hellos == 2
        node.agent.drain()

    play(body)


def test_a_gateway_that_a_node_did_not_know_is_told_at_once(play: Play) -> None:
    async def body(node: Node) -> None:
        node.link.last["h"] = 0
        told = StateBroadcast(gateway="h", gallery_version=0, pack="")
        node.link.heard(contract.STATE_SUBJECT, told.wire())
        await steps()
        heartbeats = [said for verb, _, said in node.link.said if verb == "heartbeat"]
        assert set(Heartbeat.model_validate_json(heartbeats[-1]).grants) == {"g", "h"}
        node.agent.drain()

    play(body)


def test_a_node_that_is_stopped_before_the_master_answers_ends_without_a_farewell(play: Play) -> None:
    async def body(node: Node) -> None:
        node.agent.drain()

    node = play(body, lambda node: node.reachable.clear())
    assert node.link.said == [] and not node.link.closed


def test_a_node_that_is_stopped_before_its_pack_is_here_leaves_at_once(play: Play) -> None:
    async def body(node: Node) -> None:
        assert node.states == ["provisioning"]
        node.agent.drain()

    node = play(body, lambda node: node.pack_here.clear())
    assert node.farewells == ["stopped on the machine itself"] and node.link.closed


def test_a_second_process_of_one_identity_ends_with_that_error(play: Play) -> None:
    async def body(node: Node) -> None:
        node.direct("refused", session="another")
        await steps()
        assert node.forced == [] and not node.link.closed
        node.direct("refused", session=node.session, detail="lab-3 runs elsewhere")

    with pytest.raises(IdentityInUse, match="lab-3 runs elsewhere; start it with a token"):
        play(body)


def test_a_removed_node_ends_with_that_error_and_says_no_farewell(play: Play) -> None:
    ends_with: list[Node] = []

    async def body(node: Node) -> None:
        ends_with.append(node)
        node.on_closed()

    with pytest.raises(NodeRemoved, match="no longer knows node 'lab-3'"):
        play(body)
    (node,) = ends_with
    assert node.farewells == [] and node.link.closed and len(node.forced) == 1


def test_a_hello_that_is_refused_ends_the_node_with_its_error(play: Play) -> None:
    def prepare(node: Node) -> None:
        node.link.welcome = VersionMismatch("no common version")

    async def body(node: Node) -> None:
        assert node.forced == []

    with pytest.raises(VersionMismatch, match="no common version"):
        play(body, prepare)


def test_a_hello_without_an_answer_is_said_again(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "_HELLO_AGAIN_S", 0.0)

    async def body(node: Node) -> None:
        assert node.link.hellos > 1 and node.ready == []
        node.link.welcome = Welcome(gateway="g", approved=True)
        await steps()
        assert node.ready == [("lab-3", 1)]
        node.agent.drain()

    def prepare(node: Node) -> None:
        node.link.welcome = Unavailable("no answer")

    play(body, prepare)
