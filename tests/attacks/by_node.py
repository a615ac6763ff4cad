"""What a malicious node tries, with an identity of its own and a raw client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import zlib
from datetime import UTC, datetime

import nats

from manyeyes import ManyeyesError, contract, identity
from manyeyes.api.logs import LogLine
from manyeyes.broker.transfer import frame
from manyeyes.contract import (
    ALL,
    ANY,
    Answer,
    ChunkQuery,
    Credit,
    Directive,
    Dispatch,
    DrainAnswer,
    DrainQuery,
    FetchCommand,
    FlowControl,
    Grant,
    Leave,
    Outcome,
    StateBroadcast,
    Task,
)
from manyeyes.results import Face, Result
from manyeyes.sdk.answers import Prediction
from manyeyes.telemetry.batches import packed
from tests.attacks.scene import HOST, Attempt, Rogue, Scene, joined, listed

ATTACKS: list[Attempt] = []

JETSTREAM = [
    f"$JS.API.{call}"
    for call in (
        "INFO", "STREAM.LIST", "STREAM.NAMES", "STREAM.PURGE.LOGS", "STREAM.DELETE.LOGS", "STREAM.INFO.LOGS",
        "STREAM.MSG.GET.LOGS", "STREAM.MSG.DELETE.LOGS", "STREAM.UPDATE.LOGS", "STREAM.SNAPSHOT.LOGS",
        "DIRECT.GET.LOGS", "CONSUMER.CREATE.LOGS", "CONSUMER.LIST.LOGS", "CONSUMER.MSG.NEXT.LOGS.x",
        "STREAM.CREATE.TASKS", "STREAM.CREATE.x", "CONSUMER.MSG.NEXT.TASKS.workers",
        "CONSUMER.DURABLE.CREATE.TASKS.workers", "META.LEADER.STEPDOWN", "ACCOUNT.PURGE.M",
    )
] + ["$JS.ACK.LOGS.x.1.1.1.1700000000000000000.0", "$JS.FC.LOGS.x.y", "$KV.x.y", "$O.x.y"]  # fmt: skip
SYSTEM = [
    f"$SYS.REQ.{call}"
    for call in (
        "SERVER.PING.CONNZ", "SERVER.PING", "SERVER.PING.VARZ", "ACCOUNT.PING.CONNZ", "ACCOUNT.M.CONNZ",
        "ACCOUNT.M.SUBSZ", "USER.INFO", "SERVER.RELOAD", "CLAIMS.UPDATE",
    )
]  # fmt: skip
VERBS: tuple[contract.Verb, ...] = (
    "hello", "heartbeat", "credit", "result", "chunk", "drain", "leave", "gallery", "pack", "fetch", "answer", "log",
)  # fmt: skip


def result(**changes: object) -> bytes:
    """A result that looks right, but for the changes."""
    plausible = Result(
        width_px=1, height_px=1, media_type="image/png", faces=(), pack="forged@1", timings_ms={}
    )
    return Result.model_construct(**{**dict(plausible), **changes}).model_dump_json(warnings=False).encode()


def outcome(rogue: Rogue, task_id: str, body: bytes = b"", **changes: object) -> bytes:
    """An outcome of a task with a result, ready to be sent."""
    fields: dict[str, object] = {
        "session": rogue.session, "task_id": task_id, "status": "done", "parts": {"result": len(body)},
    }  # fmt: skip
    return frame(Outcome.model_construct(**{**fields, **changes}).wire(), body)


async def give(rogue: Rogue, task_id: str, content: bytes, **headers: object) -> str:
    """RemoteInstaller a result in as a chunk; the code of the refusal, empty where it was taken."""
    told = {"Me-Task": task_id, "Me-Offset": "0", "Me-Size": str(len(content))}
    told |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
    code, _ = await rogue.say("result", content, told)
    return code


async def handed(
    scene: Scene, rogue: Rogue, ending: bytes = b"", **told: object
) -> tuple[Task, asyncio.Future[Prediction]]:
    """A picture that the gateway sent to the attacker, since the honest node has paused."""
    await scene.told("pause")
    await rogue.work(**told)  # type: ignore[arg-type]
    sent = asyncio.ensure_future(scene.answered(scene.send(ending)))
    return await rogue.handed(), sent


async def resumed(scene: Scene, sent: asyncio.Future[Prediction]) -> float:
    """The honest node works again and the user has an answer of it; how long that took."""
    began = time.monotonic()
    await scene.told("resume")
    await sent
    return time.monotonic() - began


# reading and writing what is not its own


LISTENED = [
    ">", "*", "me.>", "me.*.>", "me.gw.>", "me.gw.all.node.>", "me.gw.*.node.honest.*", "me.gw.*.node.rogue.*", "me.node.>",
    "me.dispatch.>", "me.dispatch.*", "me.dispatch.honest", "me.logs.>", "me.logs.node.honest", "me.join.>",
    "me.command.>", "me.command.honest", "me.directive.>", "me.directive.honest",
    "_INBOX.>", "_INBOX_honest.>", "_INBOX_master.>", "_INBOX_census.>", "$JS.>", "$JS.API.>", "$JS.ACK.>",
    "$JS.EVENT.>", "$SYS.>", "_R_.>", "$SRV.>", "$KV.>", "$O.>",
]  # fmt: skip
SPOKEN = [
    contract.STATE_SUBJECT, "me.join.abc", "me.dispatch.honest", "me.dispatch.rogue", "me.command.honest",
    "me.command.rogue", "me.directive.honest", "me.directive.rogue", "_INBOX_honest.x", "_INBOX_master.x", "_R_.x",
    "me.logs.node.honest", "me.logs.node.rogue", "me.logs.master.master", "me.audit", "me.node.honest.hello",
    "me.gw.all.node.*.heartbeat", "me.gw.all.node.>", "me.gw.all.node.rogue.result.x", "me.gw.a.b.node.rogue.result",
    *(contract.node_subject("honest", verb, gateway) for verb in VERBS for gateway in (ALL, ANY)),
    *JETSTREAM, *SYSTEM,
]  # fmt: skip


@listed(
    ATTACKS,
    "subscribe to others' dispatches, orders and inboxes, to nodes' messages, to JetStream, to the engine",
)
async def listen(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        await rogue.greet()
        listened = [*LISTENED, f"_INBOX_master-{rogue.gateway}.>"]
        allowed = [subject for subject in listened if await rogue.may_subscribe(subject)]
        assert await rogue.may_subscribe("me.dispatch.rogue"), "the test tells nothing"
    assert not allowed, allowed
    return f"the engine refused all {len(listened)} subscriptions"


@listed(
    ATTACKS,
    "publish dispatches, the state, orders; send as another node or as a master; ask JetStream, the engine, the usage",
)
async def publish(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        await rogue.greet()
        others = [contract.node_subject("honest", verb, rogue.gateway) for verb in VERBS]
        spoken = [*SPOKEN, *others, f"_INBOX_master-{rogue.gateway}.absent.honest.1"]
        allowed = [subject for subject in spoken if await rogue.may_publish(subject)]
        assert await rogue.may_publish("me.gw.all.node.rogue.leave"), "the test tells nothing"
    assert not allowed, allowed
    await scene.honest_works()
    return f"the engine refused all {len(spoken)} subjects; state, pack and gallery stayed as they were"


@listed(ATTACKS, "do anything before a person has approved it")
async def unapproved(scene: Scene) -> str:
    own: tuple[contract.Verb, ...] = (
        "credit", "result", "chunk", "drain", "gallery", "pack", "fetch", "answer", "log",
    )  # fmt: skip
    spoken = [*SPOKEN, *(contract.node_subject("rogue", verb, ANY) for verb in own)]
    listened = [
        *LISTENED, contract.STATE_SUBJECT, contract.dispatch_subject("rogue"), contract.command_subject("rogue"),
    ]  # fmt: skip
    async with scene.rogue(approve=True) as rogue:
        allowed = [subject for subject in spoken if await rogue.may_publish(subject)]
        allowed += [subject for subject in listened if await rogue.may_subscribe(subject)]
        await rogue.greet()
        rogue.allowed = 100
        for _ in range(3):
            await rogue.tell("heartbeat", rogue.heartbeat(), ALL)
            await scene.honest_works()
        assert scene.network.state("rogue") == "waiting for approval"
    assert not allowed, allowed
    return (
        f"the engine refused all {len(spoken) + len(listened)}; it may send hello, heartbeats and leave. "
        "The credit in its heartbeats counts for nothing"
    )


@listed(
    ATTACKS, "answer, return or crash the picture that another node works on, its id and its session stolen"
)
async def answer_anothers(scene: Scene) -> str:
    async with scene.in_work() as (dispatch, sent), scene.rogue() as rogue:
        await rogue.work(allowed=0)
        task = dispatch.task
        assert task is not None
        forged = [
            outcome(rogue, task.id, result()),
            outcome(rogue, task.id, result(), session=dispatch.session),
            outcome(rogue, task.id, status="returned"),
            outcome(rogue, task.id, status="crashed", detail="x"),
            outcome(rogue, task.id, status="error", code="damaged-picture"),
        ]
        for content in forged:
            for gateway in (rogue.gateway, ALL, ANY, "0" * 16):
                await rogue.tell("result", content, gateway)
            assert await give(rogue, task.id, content) == "task-lost"
            assert await give(rogue, "0" * 32, content) == "task-lost"
        await rogue.tell("heartbeat", rogue.heartbeat(holding=(task.id,)), ALL)
        answer = await asyncio.wrap_future(sent)
    assert answer.result.pack == "faulty@1.0.0"
    return "refused or ignored; the honest node's answer counted"


@listed(ATTACKS, "fetch the picture that another node works on, or ids guessed; fetch beyond its own")
async def fetch_anothers(scene: Scene) -> str:
    async with scene.in_work() as (dispatch, _), scene.rogue() as rogue:
        await rogue.work(allowed=0)
        task = dispatch.task
        assert task is not None
        for guess in ("", "0" * 32, "f" * 32, task.id, task.id[:-1], task.id.upper()):
            query = ChunkQuery(task_id=guess, offset=0, most_bytes=1000)
            assert await rogue.say("chunk", query) == ("task-lost", b"")
    async with scene.rogue() as rogue:
        own, sent = await handed(scene, rogue, b"MINE")
        _, data = await rogue.say(
            "chunk", ChunkQuery(task_id=own.id, offset=own.size_bytes - 4, most_bytes=99)
        )
        assert data == b"MINE", "the test tells nothing"
        query = ChunkQuery(task_id=own.id, offset=2**62, most_bytes=2**62)
        assert await rogue.say("chunk", query) == ("", b"")
        negative = query.wire().replace(str(2**62).encode(), b"-4")
        await rogue.tell("chunk", negative, reply=rogue.inbox())
        await rogue.give_back(own)
        await resumed(scene, sent)
    return "refused; an id is 128 random bits, and only a node that was sent the task gets more of it"


@listed(ATTACKS, "fetch its own picture over and over, the answers directed to where another node listens")
async def fetch_for_ever(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        task, sent = await handed(scene, rogue, b"x" * 900_000)
        query = ChunkQuery(task_id=task.id, offset=0, most_bytes=2**20)
        for _ in range(200):
            await rogue.tell("chunk", query.wire(), reply="me.dispatch.honest")
        await rogue.client.flush()
        await asyncio.sleep(0.5)
        codes = [(await rogue.say("chunk", query))[0] for _ in range(2)]
        assert codes == ["task-lost"] * 2, codes
        await rogue.give_back(task)
        await resumed(scene, sent)
    return "a picture is sent three times at most, then it is refused"


@listed(
    ATTACKS,
    "have answers sent to where another node or the master listens (forge a directive, a dispatch, a leave message)",
)
async def redirect(scene: Scene) -> str:
    """The attacker is a user too: the end of its own picture is an order, which it fetches from there on."""
    honest = scene.network.client.node("honest")
    assert honest is not None
    stolen = Dispatch(gateway="g" * 16, session="s", settled=("0" * 32,))
    orders = [
        Directive(kind="shutdown").wire(),
        frame(stolen.wire(), b""),
        StateBroadcast(gateway="forged", gallery_version=99, pack="aaaa").wire(),
        Leave(reason="forged").wire(),
    ]
    for forged in orders:
        async with scene.rogue() as rogue:
            task, sent = await handed(scene, rogue, forged)
            query = ChunkQuery(task_id=task.id, offset=task.size_bytes - len(forged), most_bytes=len(forged))
            _, data = await rogue.say("chunk", query)
            assert data == forged, "the test tells nothing"
            for target in (
                "me.directive.honest", "me.dispatch.honest", "me.command.honest", contract.STATE_SUBJECT,
                "me.gw.all.node.honest.leave", "me.gw.all.node.honest.heartbeat", "me.gw.any.node.honest.result",
                f"_INBOX_master-{rogue.gateway}.absent.honest.1", "_INBOX_honest.x", "$JS.API.STREAM.DELETE.LOGS",
                "$SYS.REQ.SERVER.PING.CONNZ",
            ):  # fmt: skip
                await rogue.tell("chunk", query.wire(), reply=target)
            await rogue.client.flush()
            await rogue.give_back(task)
            await resumed(scene, sent)
    await asyncio.to_thread(scene.network.wait_state, "honest", "ready")
    assert "an answer to another node was sent here" in scene.honest.log.read_text(), "the test tells nothing"
    assert scene.honest.process.poll() is None
    assert "forged" not in scene.network.master.log.read_text()
    await scene.honest_works()
    return "ignored: answers have headers, messages that masters originate have none; no order and no leave message counted"


@listed(
    ATTACKS, "have the gateway send nothing more to another node (drain in its name, or with its session)"
)
async def drain_anothers(scene: Scene) -> str:
    async with scene.in_work() as (dispatch, _), scene.rogue() as rogue:
        await rogue.work(allowed=0)
        _, data = await rogue.say("drain", DrainQuery(session=dispatch.session))
        assert DrainAnswer.model_validate_json(data).last == 0
        await rogue.tell("leave", Leave(session=dispatch.session, reason="forged").wire(), ALL)
        grant = Grant(allowed=0, received=2**62)
        credit = Credit(session=dispatch.session, grants={dispatch.gateway: grant})
        await rogue.tell("credit", credit.wire())
        await scene.honest_works()
    return "counted as its own message with a foreign session: nothing changed for the other"


@listed(ATTACKS, "take or answer the order that another node was given, forge the audit log")
async def answer_calls(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        await rogue.greet()
        before = len(scene.network.client.audit())
        for call in ("", "0" * 32):
            assert await rogue.say("fetch", FetchCommand(call=call)) == ("unavailable", b"")
            part = Answer(call=call, number=0, stream="stdout").wire()
            _, heard = await rogue.say("answer", frame(part, b"forged"))
            assert FlowControl.model_validate_json(heard).then == "stop"
        for nonsense in (b"", b"\0\0\0\xff{}", b"\xff" * 100_000, b"[" * 100_000):
            for verb in ("fetch", "answer"):
                await rogue.tell(verb, nonsense)
        await rogue.client.flush()
        assert len(scene.network.client.audit()) == before
    assert scene.network.client.verify_audit().broken is None
    return "refused; ids of calls are 128 random bits and belong to one node; nodes have no access to the audit log"


@listed(
    ATTACKS, "forge lines of the master's or another node's log, in any form, and push out the others' lines"
)
async def forge_lines(scene: Scene) -> str:
    now = datetime.now(UTC).isoformat()
    forged = [
        {"event": "forged", "timestamp": now, "role": "master", "machine": "master", "node": "honest"},
        {"event": "forged", "timestamp": now, "text": "\x1b[2J", "trace": "../../etc"},
        {"event": "forged", "timestamp": now, "secret": scene.network.client.context.api_key},
    ]
    lines = [json.dumps(line).encode() for line in forged]
    async with scene.rogue() as rogue:
        subject = contract.node_subject(rogue.name, "log", contract.ANY)
        head = contract.LogBatch(sent_at=time.time()).wire()
        nonsense = [b"", b"[" * 100_000, b"\0\0\0\xff{}", frame(head, zlib.compress(b"\0" * 100_000_000))]
        for content in (*nonsense, frame(head, packed(lines)), frame(head, packed([b"[" * 8000, b"{}"]))):
            await rogue.client.publish(subject, content)
        many = frame(head, packed(lines * 400))
        for _ in range(30):
            await rogue.client.publish(subject, many)
        await rogue.client.flush()
        await asyncio.sleep(2)
        logs = scene.network.client.logs
        kept: list[LogLine] = []
        page = await asyncio.to_thread(logs.list, text="forged", limit=1000)
        while page.lines:
            kept += [line for line in page.lines if line.event == "forged"]
            page = await asyncio.to_thread(logs.list, text="forged", limit=1000, cursor=page.older)
        told = [line.model_dump_json() for line in kept]
        assert told, "the test tells nothing"
        assert {(line.role, line.machine) for line in kept} == {("node", rogue.name)}
        assert not any("\\u001b" in line or "etc" in line or "mek_" in line for line in told)
        everybody = await asyncio.to_thread(scene.network.client.logs.list, machine="honest", limit=5)
        assert everybody.lines
        assert len(told) < 3500
    await scene.honest_works()
    return f"every line is stored under its own name, whatever the line claims; {len(told)} of some 36,000 were kept"


# lying about itself


@listed(
    ATTACKS,
    "grant what is absurd: 2^63 pictures, none, negative ones, for a thousand gateways, for another session",
)
async def absurd_grants(scene: Scene) -> str:
    most = 2**63 - 1
    huge = Grant(allowed=most, allowed_bytes=most, received=most, line_bytes_per_s=1e300)
    async with scene.rogue() as rogue:
        await rogue.work(allowed=0, picture_s=1000.0)
        heartbeat = rogue.heartbeat()
        own = json.dumps(rogue.gateway).encode()
        for number in (b"-1", str(most + 1).encode(), b"1" * 5000, b"1e400", b"NaN", b'"x"'):
            for field in (b"allowed", b"received", b"allowed_bytes", b"line_bytes_per_s"):
                grants = b'{"grants":{' + own + b':{"' + field + b'":' + number + b"}},"
                await rogue.tell("heartbeat", grants + heartbeat.replace(b'"grants"', b'"was"', 1)[1:], ALL)
                session = b'"session":"' + rogue.session.encode() + b'","v":5}'
                await rogue.tell("credit", grants + session)
        for names in ({f"{n:016x}" for n in range(1000)}, {"x" * 100_000}, {rogue.gateway, "all", "any", ""}):
            grants_by_name = dict.fromkeys(names, huge)
            credit = Credit.model_construct(session=rogue.session, grants=grants_by_name)
            await rogue.tell("credit", credit.wire())
            await rogue.tell("heartbeat", rogue.heartbeat(grants=grants_by_name), ALL)
        for session in ("", "0" * 16, "x" * 900_000):
            credit = Credit.model_construct(session=session, grants={rogue.gateway: huge})
            await rogue.tell("credit", credit.wire())
        for _ in range(3):
            await scene.honest_works()
        for message in (b"", b"[" * 100_000, b"null", b"{}", b"\xff" * 1000):
            for verb in VERBS:
                await rogue.tell(verb, message, ANY, reply=rogue.inbox())
        await scene.honest_works()
    return (
        "what is no number from 0 to 2^63 is not read, what is of another session or gateway does not count"
    )


@listed(
    ATTACKS,
    "send heartbeats that break the list of nodes, or the choice of a node: NaN, infinite, negative times, "
    "numbers of 5,000 digits, 30,000 workers",
)
async def absurd_heartbeats(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        await rogue.work(allowed=0)
        heartbeat = rogue.heartbeat()
        for number in (b"NaN", b"Infinity", b"-1", b"1e400", b"9" * 5000):
            for field in (b"picture_s", b"benchmark_s", b"done", b"disk_bytes", b"agent_rss_bytes"):
                changed = re.sub(b'"' + field + b'":[0-9.e-]+', b'"' + field + b'":' + number, heartbeat)
                if changed == heartbeat:
                    changed = b'{"' + field + b'":' + number + b"," + heartbeat[1:]
                await rogue.tell("heartbeat", changed, ALL)
        workers = json.loads(heartbeat)["workers"] * 12_000
        await rogue.tell("heartbeat", json.dumps({**json.loads(heartbeat), "workers": workers}).encode(), ALL)
        holding = ["0" * 32] * 25_000
        await rogue.tell("heartbeat", json.dumps({**json.loads(heartbeat), "holding": holding}).encode(), ALL)
        await rogue.client.flush()
        await asyncio.sleep(0.5)
        shown = scene.network.client.node(rogue.name)
        assert len(scene.network.client.nodes()) == 2 and shown is not None
        assert shown.workers == 1, shown
        await scene.honest_works()
    return "not read: times are finite, numbers have 63 bits, a node has 1,024 workers at most"


@listed(
    ATTACKS,
    "make the master repeat something too long for any message, and so keep pictures from others: "
    "a session of 900 kB, task ids of 60 kB",
)
async def echo(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        rogue.session = "s" * 900_000
        rogue.allowed, rogue.gateway = 100, ANY
        hello = contract.Hello.model_construct(session=rogue.session).wire()
        await rogue.tell("hello", hello, ANY, reply=rogue.inbox())
        await asyncio.sleep(0.2)
        for _ in range(3):
            await rogue.tell("heartbeat", rogue.heartbeat(), ALL)
            await asyncio.wait_for(scene.honest_works(), 10)
    async with scene.rogue() as rogue:
        await rogue.work(allowed=1, picture_s=0.0001)
        for _ in range(3):
            for _ in range(60):
                await rogue.tell("result", outcome(rogue, "t" * 60_000))
            await asyncio.wait_for(scene.honest_works(), 20)
    return "not read: a name that a node chooses has at most 64 characters"


@listed(ATTACKS, "send requests that crash the master: a pack's or a gallery's bytes from 10^30 on")
async def end_the_master(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        await rogue.greet()
        _, manifest = await rogue.say("pack", contract.PackQuery())
        files = re.findall(rb"[0-9a-f]{64}", zlib.decompress(manifest))
        assert files, "the test tells nothing"
        for number in (10**30, 2**63, 2**63 - 1, 2**62, -1):
            for query in (
                {"sha256": files[0].decode(), "offset": number},
                {"sha256": "", "offset": number},
                {"sha256": "../../master.db"},
            ):
                await rogue.tell("pack", json.dumps(query).encode(), ANY, reply=rogue.inbox())
            for name in ("have", "least", "offset"):
                mark = {"mark": "x' OR 1=1 --", "content": "../../master.db"}
                asked = json.dumps({name: number, **mark}).encode()
                await rogue.tell("gallery", asked, ANY, reply=rogue.inbox())
            await asyncio.sleep(0.1)
        assert scene.network.master.process.poll() is None, "the master ended"
        await scene.honest_works()
    return "refused; an error while the master works for a node ends that work, not the master"


@listed(ATTACKS, "play a second process of one node: another session under the same key")
async def second_process(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        await rogue.work(allowed=0)
        await asyncio.sleep(0.5)
        client = await scene.connect(rogue.key.seed, contract.inbox_prefix(rogue.name), [])
        second = Rogue(rogue.name, rogue.key, client, [])
        second.gateway = rogue.gateway
        assert await second.greet() == "identity-in-use"
        second.allowed = 100
        directives = await client.subscribe(contract.directive_subject(rogue.name))
        await second.tell("heartbeat", second.heartbeat(), ALL)
        heard = await directives.next_msg(timeout=5)
        refused = Directive.model_validate_json(heard.data)
        assert (refused.kind, refused.session) == ("refused", second.session)
        await second.tell(
            "credit", Credit(session=second.session, grants={rogue.gateway: second.grant()}).wire()
        )
        await scene.honest_works()
        rogue.allowed = 1
        await scene.told("pause")
        sent = asyncio.ensure_future(scene.answered(scene.send()))
        task = await rogue.handed()
        await second.tell("result", outcome(second, task.id, result()))
        await second.tell("result", outcome(second, task.id, status="error", code="damaged-picture"))
        await asyncio.sleep(0.3)
        assert not sent.done()
        await rogue.give_back(task)
        await resumed(scene, sent)
        await second.leave()
    return (
        "its hello and its heartbeats are refused, its credits and results do not count. Who has a node's key and "
        "hears its session is that node"
    )


@listed(ATTACKS, "take a name with another meaning: any, all, join-, another node, a subject's wildcard")
async def names(scene: Scene) -> str:
    given = {}
    token = await scene.token()
    await asyncio.sleep(0.3)
    wanted = ("any", "all", "honest", f"join-{token.token_id}", "*", ">", "a.b", "x" * 5000, "", "_INBOX_m")
    for name in wanted:
        key = identity.make_nkey()
        request = contract.JoinRequest(public_nkey=key.public, wanted_name=name, version="1", host=HOST)
        given[name] = (await joined(token, request)).name
    try:
        assert all(re.fullmatch(r"[a-z0-9][a-z0-9-]{0,46}", name) for name in given.values()), given
        assert given["honest"] == "honest-2"
        assert not given[f"join-{token.token_id}"].startswith("join-"), given
        await scene.honest_works()
    finally:
        for name in given.values():
            await asyncio.to_thread(scene.network.client.remove_node, name)
    return f"a name has letters, digits and hyphens, and is unique; {len(wanted)} were tried"


# lying about its own work


@listed(
    ATTACKS,
    "answer its own picture with lies: HTML, terminal codes, a key refused, broken, deep and endless JSON, another's id, "
    "parts whose sizes lie, NaN, embeddings of megabytes for one face",
    long=True,
)
async def lie(scene: Scene) -> str:
    face = Face.model_construct(
        box_xyxy_px=(0, 0, 1, 1), landmarks_px=(), score=1.0, name=None, distance=float("nan"), threshold=1.0,
        confidence=1.0, reference="",
    )  # fmt: skip
    sound = face.model_copy(update={"distance": 0.5})
    ok = result()
    nan = ok.replace(
        b'"faces":[]', b'"faces":[' + sound.model_dump_json().replace("0.5", "NaN").encode() + b"]"
    )
    one = result(faces=(sound,))
    bodies: list[tuple[bytes, dict[str, int]]] = [
        (body, {"result": len(body)})
        for body in (
            result(predicted_media_type="text/html"), result(media_type="image/png\r\nSet-Cookie: x=y"),
            result(pack="\x1b[2J"), nan, b"", b"null", b"\xff\xfe\xfd", b"[" * 100_000, b'{"x":' * 100_000,
            b"[" + b"0," * 300_000,
        )
    ]  # fmt: skip
    bodies += [
        (ok, {"result": len(ok) + 1}),
        (ok, {"result": len(ok) - 1}),
        (ok + b"x", {"result": len(ok) + 2, "picture": -1}),
        (ok, {"result": 2**62, "picture": len(ok) - 2**62}),
        (ok, {f"p{number}": 0 for number in range(1000)}),
        (one + b"e" * 400_000, {"result": len(one), "embeddings": 400_000}),
    ]
    for body, parts in bodies:
        async with scene.rogue() as rogue:
            task, sent = await handed(scene, rogue, allowed=1)
            rogue.allowed = 0
            await rogue.tell("result", outcome(rogue, "f" * 32, ok))
            await rogue.tell("result", outcome(rogue, task.id, body, parts=parts))
            await rogue.client.flush()
            await resumed(scene, sent)
    for head in (
        b"",
        b"[" * 100_000,
        b'{"v":5}',
        b'{"v":6,"session":"","task_id":"","status":"done"}',
        b"x" * 70_000,
    ):
        async with scene.rogue() as rogue:
            task, sent = await handed(scene, rogue, allowed=1)
            rogue.allowed = 0
            await give(rogue, task.id, frame(head, b""))
            await rogue.tell("result", (2**32 - 1).to_bytes(4, "big") + head)
            await resumed(scene, sent)
    async with scene.rogue() as rogue:
        task, sent = await handed(scene, rogue)
        refused = {"status": "error", "code": "not-signed-in", "detail": "\x1b[2Jlog in again" + "x" * 9000}
        await rogue.tell("result", outcome(rogue, task.id, **refused))
        try:
            await sent
            raise AssertionError("an error was taken for an answer")
        except ManyeyesError as error:
            assert error.code == "internal" and error.detail.startswith(" [2Jlog in again"), error
            assert len(error.detail) <= 500
    return (
        f"{len(bodies) + 5} lies counted as crashes or were not read, an honest node answered the user; an error may only "
        "be about the picture or the pack. A plausible wrong answer to a picture that it was sent is believed"
    )


@listed(ATTACKS, "crash on every picture, with control codes for the user's terminal")
async def crash_always(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        await rogue.work(allowed=4, picture_s=0.0001)
        await asyncio.sleep(0.5)
        sent = [asyncio.ensure_future(scene.answered(scene.send())) for _ in range(6)]
        crashed = 0
        while not all(one.done() for one in sent):
            with contextlib.suppress(TimeoutError):
                task = await rogue.handed(0.2)
                rogue.holding.remove(task.id)
                said = {"status": "crashed", "detail": "\x1b[2J" * 1000, "grant": rogue.grant()}
                await rogue.tell("result", outcome(rogue, task.id, **said))
                crashed += 1
        await asyncio.gather(*sent)
    assert crashed, "the test tells nothing"
    return f"{crashed} crashes; the next attempt is another node's, and every picture was answered"


@listed(ATTACKS, "answer a picture twice, and after another node has answered it")
async def answer_late(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        task, sent = await handed(scene, rogue)
        counted = scene.network.ended("done")
        await resumed(scene, sent)
        for _ in range(3):
            await rogue.tell("result", outcome(rogue, task.id, result()))
            assert await give(rogue, task.id, outcome(rogue, task.id, result())) == "task-lost"
        assert scene.network.ended("done") == counted + 1
        rogue.allowed = 5
        await scene.told("pause")
        again = asyncio.ensure_future(asyncio.wrap_future(scene.send()))
        mine = await rogue.handed()
        for _ in range(3):
            await rogue.tell("result", outcome(rogue, mine.id, result()))
        answer = await again
        assert answer.result.pack == "forged@1", "the test tells nothing"
        await asyncio.sleep(0.2)
        assert scene.network.ended("done") == counted + 2
    return "the first answer counts, later ones are dropped"


@listed(
    ATTACKS,
    "fill the master's memory with results: of 10^15 bytes, of negative ones, in crumbs, begun and never ended",
)
async def fill_memory(scene: Scene) -> str:
    before = scene.master.memory_info().rss
    async with scene.rogue() as rogue:
        await scene.told("pause")
        await rogue.work(allowed=6)
        sent = [asyncio.ensure_future(scene.answered(scene.send())) for _ in range(6)]
        tasks = [await rogue.handed() for _ in range(6)]
        chunk = b"x" * 400_000
        task = tasks[0]
        assert await give(rogue, task.id, chunk, Me_Size=10**15) == "task-lost"
        assert await give(rogue, task.id, chunk, Me_Size=-1) == "unavailable"
        assert await give(rogue, task.id, chunk, Me_Offset=-5) == "unavailable"
        assert await give(rogue, task.id, chunk, Me_Offset=10**12) == "unavailable"
        assert await give(rogue, task.id, b"xx", Me_Size=10**6) == "unavailable"
        assert await give(rogue, task.id, b"", Me_Size=10**6) == "unavailable"
        for _ in range(100):
            assert await give(rogue, task.id, chunk, Me_Size=150_000_000) == ""
        headers = {"Me-Task": task.id, "Me-Size": "many"}
        subject = contract.node_subject(rogue.name, "result", rogue.gateway)
        await rogue.client.publish(subject, chunk, headers=headers)
        began = 0
        for task in tasks:  # each alone is below the limit, together they are not
            for offset in range(0, 60_000_000, len(chunk)):
                code = await give(rogue, task.id, chunk, Me_Size=190_000_000, Me_Offset=offset)
                began += code == ""
                if code:
                    break
        rogue.holding.clear()
        rogue.allowed = 0
        await scene.told("resume")
        await asyncio.gather(*sent)
        kept = (scene.master.memory_info().rss - before) >> 20
    began_mib = began * len(chunk) >> 20
    assert began_mib < 250, began_mib
    return (
        f"refused, or begun anew; of 360 MB of beginnings {began_mib} MiB were taken, 192 MiB of them at once, all that one "
        f"node may have begun; afterwards the master had grown by {max(kept, 0)} MiB"
    )


@listed(ATTACKS, "hold more pictures than it can work on")
async def hold(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        await scene.told("pause")
        await rogue.work(allowed=10_000)
        sent = [asyncio.ensure_future(scene.answered(scene.send())) for _ in range(20)]
        await asyncio.sleep(2)
        held = rogue.dispatches.qsize()
        assert held <= 12, held
        began = time.monotonic()
        await scene.told("resume")
        await asyncio.gather(*sent)
        waited = time.monotonic() - began
    return (
        f"{held} were sent (4 for each worker and 8 more); all answered elsewhere, the last in {waited:.0f} s"
    )


@listed(ATTACKS, "hoard: grant credit, take pictures and answer nothing", long=True)
async def hoard(scene: Scene) -> str:
    before = scene.network.ended("done")
    sent, longest_s = 0, 0.0
    async with scene.rogue() as rogue:
        await rogue.work(allowed=10_000, picture_s=0.0001)
        await asyncio.sleep(0.5)
        began = time.monotonic()
        while await asyncio.to_thread(scene.network.state, rogue.name) != "suspect":
            round_at = time.monotonic()
            await asyncio.gather(*(scene.answered(scene.send()) for _ in range(8)))
            longest_s, sent = max(longest_s, time.monotonic() - round_at), sent + 8
            assert time.monotonic() - began < 40
        named_s = time.monotonic() - began
        shown = scene.network.client.node(rogue.name)
        assert shown is not None and "has not answered a probe" in (shown.reason or ""), shown
        hoarded = rogue.dispatches.qsize()
        await scene.honest_works()
        assert rogue.dispatches.qsize() == hoarded, "it was sent another one"
    assert scene.network.ended("done") == before + sent + 1
    assert hoarded, "the test tells nothing"
    return (
        f"it got {hoarded} of {sent}; all were answered by others, the last {longest_s:.0f} s late; after {named_s:.0f} s it "
        "was named as unresponsive, and is sent nothing more"
    )


@listed(ATTACKS, "keep a picture from others: return it, or report it as lost, each time that it comes")
async def bounce(scene: Scene) -> str:
    bounced = {"returned": 0, "lost": 0}
    waited = 0.0
    for how in bounced:
        async with scene.rogue() as rogue:
            await rogue.work(allowed=4, picture_s=0.0001)
            await asyncio.sleep(0.5)
            began = time.monotonic()
            sent = [asyncio.ensure_future(scene.answered(scene.send(b"SLOW"))) for _ in range(10)]
            while not all(one.done() for one in sent):
                with contextlib.suppress(TimeoutError):
                    task = await rogue.handed(0.05)
                    rogue.holding.remove(task.id)
                    bounced[how] += 1
                    if how == "returned":
                        said = outcome(rogue, task.id, status="returned", grant=rogue.grant())
                        await rogue.tell("result", said)
                    else:
                        await rogue.tell("heartbeat", rogue.heartbeat(), ALL)
            await asyncio.gather(*sent)
            waited = max(waited, time.monotonic() - began)
    assert all(bounced.values()), "the test tells nothing"
    assert max(bounced.values()) < 60, bounced
    return (
        f"it rests after the second one, each time for longer: {bounced['returned']} returned, {bounced['lost']} lost; "
        f"the ten pictures, 0.3 s each, were answered by the other node within {waited:.0f} s"
    )


@listed(ATTACKS, "learn who the users are")
async def learn_users(scene: Scene) -> str:
    secret = scene.network.client.context.api_key
    seen = bytearray()
    async with scene.rogue() as rogue:

        async def note(message: object) -> None:
            seen.extend(message.data + str(message.headers).encode())  # type: ignore[attr-defined]

        await rogue.client.subscribe(contract.dispatch_subject(rogue.name), cb=note)
        task, sent = await handed(scene, rogue, b"MINE")
        query = ChunkQuery(task_id=task.id, offset=0, most_bytes=2**20)
        subject = contract.node_subject(rogue.name, "chunk", rogue.gateway)
        answer = await rogue.client.request(subject, query.wire())
        seen += answer.data + str(answer.headers).encode()
        assert seen.count(b"MINE") == 2, "the test tells nothing"
        for told in (secret, "local admin", "127.0.0.1", "python-httpx", "Authorization"):
            assert told.encode() not in seen, told
        await rogue.give_back(task)
        await resumed(scene, sent)
    fields = ", ".join(name for name in Task.model_fields if name != "v")
    return f"no key, name, address or file name; a task is: {fields}. It sees the picture with its metadata"


@listed(ATTACKS, "keep the pictures that it has when it is removed")
async def removed(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        _, sent = await handed(scene, rogue)
        await scene.told("resume")
        began = time.monotonic()
        await asyncio.to_thread(scene.network.client.remove_node, rogue.name)
        await sent
        waited = time.monotonic() - began
        with contextlib.suppress(nats.errors.Error):
            await rogue.tell("result", outcome(rogue, "0" * 32, result()), ALL)
    assert waited < 20, waited
    return f"its picture went to another node; the user's answer came {waited:.1f} s after the removal"


# flooding


async def flooded(scene: Scene, name: str, block: bytes, *, seconds: float = 6.0) -> str:
    """A node sends as fast as it can while a user works; what the user felt and how it ended."""
    async with scene.rogue(name) as rogue:
        raw = await scene.raw(rogue.key.seed)
        await raw.say(f"SUB {contract.inbox_prefix(rogue.name)}.> 1\r\n".encode())
        before = scene.master.memory_info().rss
        with scene.user() as user:
            while len(user.waits_s) < 5:
                await asyncio.sleep(0.1)
            user.waits_s.clear()
            began = time.monotonic()
            blocks = await raw.flood(block, seconds)
            ban_s = time.monotonic() - began
            assert raw.closed.is_set(), (
                f"it was not cut off: {blocks} blocks of {len(block)} bytes in {ban_s:.1f} s"
            )
            state = scene.network.client.node(rogue.name)
            assert state.state == "cut off" and "s more: " in (state.reason or ""), state
            while len(user.waits_s) < 5:
                await asyncio.sleep(0.1)
        grown = max(0, scene.master.memory_info().rss - before) >> 20
        assert grown < 300 and max(user.waits_s) < 20, (grown, user.told())
        try:
            await scene.raw(rogue.key.seed)
            raise AssertionError("it was let in again at once")
        except (ConnectionError, OSError):
            pass
        await raw.close()
    await scene.honest_works()
    return f"cut off after {ban_s:.1f} s; a user's pictures meanwhile: {user.told()}; master's memory +{grown} MiB"


def _rates(attempt: str, subject: str, data: bytes, copies: int, *, long: bool = False) -> None:
    @listed(ATTACKS, f"flood: {attempt}", long=long)
    async def flood(scene: Scene) -> str:
        name = f"flood-{len(attempt)}"
        said = f"PUB {subject.format(name=name)} _INBOX_{name}.q {len(data)}\r\n".encode() + data + b"\r\n"
        return await flooded(scene, name, said * copies)


_CREDIT = Credit(session="s" * 16, grants={"0" * 16: Grant(allowed=1)}).wire()
_CHUNK = ChunkQuery(task_id="0" * 32, offset=0, most_bytes=2**18).wire()
_rates("heartbeats of two bytes", "me.gw.all.node.{name}.heartbeat", b"{}", 2000)
_rates("credits", "me.gw.all.node.{name}.credit", _CREDIT, 2000)
_rates("queries for chunks of pictures", "me.gw.any.node.{name}.chunk", _CHUNK, 1000)
_rates("results of a mebibyte", "me.gw.any.node.{name}.result", b"x" * 1_000_000, 1, long=True)
_rates("queries for the pack", "me.gw.any.node.{name}.pack", contract.PackQuery().wire(), 500)
_rates("queries for the whole gallery", "me.gw.any.node.{name}.gallery", contract.GalleryQuery().wire(), 500)
_rates("lines of its log", "me.gw.any.node.{name}.log", b"x" * 200, 2000)
_rates("hello, as older nodes sent it", "me.node.{name}.hello", b"{}", 2000)
_rates("to gateways that are not there", "me.gw.nobody.node.{name}.result", b"{}", 2000, long=True)


@listed(ATTACKS, "hold a hundred connections open")
async def many_connections(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        held = []
        began = time.monotonic()
        with contextlib.suppress(ConnectionError, OSError):
            for _ in range(100):
                held.append(await scene.raw(rogue.key.seed))
        await asyncio.wait_for(asyncio.gather(*(one.closed.wait() for one in held)), 10)
        ban_s = time.monotonic() - began
        for one in held:
            await one.close()
    await scene.honest_works()
    return f"cut off after {ban_s:.1f} s, at the {len(held)}th; 8 at once are allowed"
