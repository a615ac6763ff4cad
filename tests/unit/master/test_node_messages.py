"""Each message of a node goes to the one place that deals with it, and none of them does harm."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from tests.unit.call_recorder import CallRecorder

from manyeyes import contract
from manyeyes.broker.connection import Incoming
from manyeyes.contract import (
    ChunkQuery,
    Credit,
    DrainAnswer,
    DrainQuery,
    FromNode,
    GalleryQuery,
    Grant,
    Heartbeat,
    Hello,
    HostFacts,
    Leave,
    PackQuery,
    Verb,
)
from manyeyes.errors import ManyeyesError, PackError
from manyeyes.fleet.node_events import NodeEvent, NodeEvents
from manyeyes.fleet.node_state import Change
from manyeyes.master import node_messages
from manyeyes.master.membership_messages import MembershipMessages
from manyeyes.master.node_messages import NodeMessages, handlers
from manyeyes.master.node_reads import NodeReads
from manyeyes.master.picture_messages import PictureMessages

HOST = HostFacts(hostname="h\n", system="s", cpu="c", cores=1, memory_bytes=1, python="3")
BEAT = Heartbeat(state="ready", session="s", host=HOST)


class Link:
    def __init__(self) -> None:
        self.answers: list[tuple[str, Any, Any]] = []

    def answer(self, reply: str, data: bytes) -> None:
        self.answers.append((reply, data, None))

    def answer_chunk(self, reply: str, chunk: bytes, size: int, headers: dict[str, str]) -> None:
        self.answers.append((reply, chunk, headers))

    def answer_error(self, reply: str, error: ManyeyesError) -> None:
        self.answers.append((reply, error.code, None))


class Nodes:
    """Admits whom it is told to."""

    def __init__(self) -> None:
        self.admitted = {"a"}
        self.believed: Heartbeat | None = BEAT
        self.greeted: list[tuple[str, Hello]] = []
        self.old: list[tuple[str, str]] = []

    def admits(self, node: str, verb: str) -> bool:
        return node in self.admitted

    def heartbeat(self, node: str, heartbeat: Heartbeat, now: float) -> Heartbeat | None:
        return heartbeat if self.believed else None

    async def hello(self, node: str, hello: Hello, said: object, reply: str) -> None:
        self.greeted.append((node, hello))

    def leave(self, node: str, leave: Leave) -> bool:
        return leave.session == "s"

    def unreadable(self, node: str, said: object, reply: str) -> None:
        self.old.append((node, reply))


class Master:
    """What stands around the messages of nodes."""

    def __init__(self) -> None:
        self.link, self.nodes = Link(), Nodes()
        self.admission, self.commands, self.logs, self.monitor = (
            CallRecorder(),
            CallRecorder(),
            CallRecorder(),
            CallRecorder(),
        )
        self.fleet = CallRecorder(
            heard=Change("a", "lost", "ready", ""), left=Change("a", "ready", "left", "goodbye")
        )
        self.dispatcher = CallRecorder(on_drain=DrainAnswer(last=7))
        self.changes: list[NodeEvent] = []
        self.activity = CallRecorder()
        self.spawned: list[asyncio.Task[None]] = []
        self.newest = 3

        def piece(query: GalleryQuery, embedder: str) -> SimpleNamespace:
            return SimpleNamespace(newest=self.newest, content="c", offset=5, chunk=b"gallery", size_bytes=9)

        self.served = CallRecorder(read=(b"pack", 4, {}))
        link: Any = self.link
        nodes: Any = self.nodes
        rest: Any = self
        galleries: Any = SimpleNamespace(piece=piece)
        events = NodeEvents()
        events.subscribe(self.changes.append)
        self.reads = NodeReads(link, "g", rest.served, galleries, rest._spawn)
        membership = MembershipMessages(
            nodes, rest.fleet, rest.dispatcher, rest.monitor, rest.activity, events, rest._spawn
        )
        pictures = PictureMessages(rest.dispatcher, link)
        self.table = handlers(pictures, membership, self.reads, rest.commands, rest.logs)
        self.messages = NodeMessages(link, nodes, rest.admission, self.table)

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.spawned.append(asyncio.create_task(work, name=name))

    def say(self, verb: Verb, message: FromNode | bytes, node: str = "a") -> None:
        data = message if isinstance(message, bytes) else message.wire()
        self.hear(contract.node_subject(node, verb, "g"), data)

    def hear(self, subject: str, data: bytes = b"") -> None:
        self.messages.on_message(Incoming(subject, data, {}, "reply"))

    async def read(self) -> None:
        await asyncio.gather(*self.spawned)


def play(body: Callable[[Master], Awaitable[None]]) -> None:
    async def scene() -> None:
        master = Master()
        try:
            await body(master)
        finally:
            master.reads.close()

    asyncio.run(scene())


def test_every_verb_of_the_contract_has_a_handler_or_is_not_for_masters() -> None:
    async def body(master: Master) -> None:
        assert set(master.table) == set(get_args(Verb))

    play(body)


def test_pictures_go_to_the_dispatcher() -> None:
    async def body(master: Master) -> None:
        query = ChunkQuery(task_id="t", offset=0, most_bytes=9)
        credit = Credit(session="s", grants={"g": Grant(allowed=1)})
        master.say("chunk", query)
        master.say("credit", credit)
        master.say("result", b"an outcome")
        master.say("drain", DrainQuery(session="s"))
        names = [call[:2] for call in master.dispatcher.calls]
        assert names == [("on_chunk", "a"), ("on_credit", "a"), ("on_result", "a"), ("on_drain", "a")]
        assert master.dispatcher.calls[0][2:] == (query, "reply")
        assert master.dispatcher.calls[1][2] == credit
        assert master.dispatcher.calls[3] == ("on_drain", "a", "s")
        assert master.link.answers == [("reply", DrainAnswer(last=7).wire(), None)]

    play(body)


def test_a_heartbeat_is_believed_made_plain_and_told_to_all_that_follow_nodes() -> None:
    async def body(master: Master) -> None:
        master.say("heartbeat", BEAT)
        ((_, _, heartbeat, _),) = master.dispatcher.calls
        assert heartbeat.session == "s" and heartbeat.host.hostname == "h "
        assert [change.new for change in master.changes if isinstance(change, Change)] == ["ready"]
        assert len(master.monitor.calls) == len(master.fleet.calls) == 1
        assert master.activity.calls == [("heard", "a")]
        master.nodes.believed = None
        master.say("heartbeat", BEAT)
        assert len(master.dispatcher.calls) == len(master.fleet.calls) == 1

    play(body)


def test_nobody_is_listened_to_who_is_not_admitted_or_says_what_is_no_verb() -> None:
    async def body(master: Master) -> None:
        master.say("heartbeat", BEAT, node="stranger")
        master.hear("me.gw.g.node.a.sing")
        assert master.dispatcher.calls == [] and master.activity.calls == []

    play(body)


def test_joins_and_nodes_of_older_versions_are_dealt_with_apart() -> None:
    async def body(master: Master) -> None:
        master.hear("me.join.ab", b"please")
        assert [call[0] for call in master.admission.calls] == ["on_join"]
        master.hear("me.node.old-1.hello", b"{}")
        assert master.nodes.old == [("old-1", "reply")]

    play(body)


def test_who_greets_and_who_leaves() -> None:
    async def body(master: Master) -> None:
        master.say("hello", Hello(session="s"))
        await master.read()
        assert master.nodes.greeted == [("a", Hello(session="s"))]
        master.say("leave", Leave(session="another"))
        assert master.changes == []
        master.say("leave", Leave(session="s", reason="tired\x1b"))
        assert [change.new for change in master.changes if isinstance(change, Change)] == ["left"]
        assert master.fleet.calls == [("left", "a", "tired ")]

    play(body)


def test_commands_and_logs_go_where_they_belong() -> None:
    async def body(master: Master) -> None:
        master.say("fetch", b"1")
        master.say("answer", b"2")
        master.say("log", b"3")
        assert [call[:3] for call in master.commands.calls] == [
            ("heard", "a", "fetch"),
            ("heard", "a", "answer"),
        ]
        assert [call[:2] for call in master.logs.calls] == [("heard", "a")]

    play(body)


def test_what_cannot_be_read_is_passed_over() -> None:
    async def body(master: Master) -> None:
        for data in (b"", b"\xff", b"{}", b"[" * 10_000):
            for verb in ("chunk", "credit", "heartbeat", "hello", "drain", "leave", "gallery", "pack"):
                if verb != "pack" or data != b"{}":
                    master.say(verb, data)  # type: ignore[arg-type]
        master.say("heartbeat", BEAT)
        assert [call[0] for call in master.dispatcher.calls] == ["on_heartbeat"]

    play(body)


def test_each_message_that_cannot_be_read_is_logged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    logged = CallRecorder()
    monkeypatch.setattr(node_messages, "log", lambda: logged)

    async def body(master: Master) -> None:
        master.say("heartbeat", b"{}")
        assert master.nodes.old == [("a", "reply")] and logged.calls == [], "who refuses a node logs it"
        master.say("leave", b"{")
        assert [call[:2] for call in logged.calls] == [("warning", "a node said what cannot be read")]

    play(body)


def test_the_gallery_and_the_pack_are_read_and_answered_by_name() -> None:
    async def body(master: Master) -> None:
        master.say("gallery", GalleryQuery(least=3))
        master.say("pack", PackQuery(sha256="s"))
        await master.read()
        (_, gallery, headers), (_, pack, named) = sorted(master.link.answers, key=lambda answer: answer[1])
        assert (gallery, pack) == (b"gallery", b"pack")
        assert headers == {"Me-Gateway": "g", "Me-Version": "3", "Me-Content": "c", "Me-Offset": "5"}
        assert named == {"Me-Gateway": "g"}

    play(body)


def test_a_master_that_is_behind_says_so() -> None:
    async def body(master: Master) -> None:
        master.say("gallery", GalleryQuery(least=4))
        await master.read()
        assert master.link.answers == [("reply", "unavailable", None)]

    play(body)


def test_what_cannot_be_read_from_the_disk_is_answered_with_an_error() -> None:
    async def body(master: Master) -> None:
        for error, code in ((PackError("no such file"), "pack"), (OSError("torn"), "unavailable")):
            master.served._answers["read"] = error
            master.say("pack", PackQuery())
            await master.read()
            assert master.link.answers[-1] == ("reply", code, None)

    play(body)


def test_a_node_waits_for_a_few_answers_from_the_disk_at_most() -> None:
    async def body(master: Master) -> None:
        for _ in range(6):
            master.say("pack", PackQuery())
        assert [code for _, code, _ in master.link.answers] == ["unavailable"] * 2
        await master.read()
        assert len(master.link.answers) == 6
        master.say("pack", PackQuery())
        await master.read()
        assert master.link.answers[-1][1] == b"pack"

    play(body)


def test_a_full_disk_is_answered_and_ends_no_inbox() -> None:
    async def body(master: Master) -> None:
        def full(node: str, message: bytes, now: float) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        master.messages._table["heartbeat"] = full
        master.say("heartbeat", BEAT)
        assert master.link.answers == [("reply", "unavailable", None)]

    play(body)
