"""What a malicious node tries, with an identity of its own and a raw client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
import zlib
from datetime import UTC, datetime

from manyeyes import ManyeyesError, contract
from manyeyes.broker.transfer import frame
from manyeyes.contract import Answer, Claim, Heard, Outcome, Take, Task
from manyeyes.results import Result
from manyeyes.sdk.logs import LogLine
from manyeyes.telemetry.batches import packed
from tests.attacks.scene import Attempt, Rogue, Scene, listed

ATTACKS: list[Attempt] = []

JETSTREAM = [
    f"$JS.API.{call}"
    for call in (
        "INFO", "STREAM.PURGE.TASKS", "STREAM.DELETE.TASKS", "STREAM.INFO.TASKS", "STREAM.MSG.GET.TASKS",
        "STREAM.MSG.DELETE.TASKS", "DIRECT.GET.TASKS", "STREAM.CREATE.TASKS", "STREAM.SNAPSHOT.TASKS",
        "CONSUMER.CREATE.TASKS", "CONSUMER.INFO.TASKS.workers", "CONSUMER.DELETE.TASKS.workers",
        "CONSUMER.DURABLE.CREATE.TASKS.workers", "CONSUMER.PAUSE.TASKS.workers", "STREAM.PURGE.LOGS",
        "STREAM.DELETE.LOGS", "STREAM.INFO.LOGS", "STREAM.MSG.GET.LOGS", "DIRECT.GET.LOGS", "CONSUMER.CREATE.LOGS",
    )
]  # fmt: skip
SYSTEM = [
    f"$SYS.REQ.{call}"
    for call in ("SERVER.PING.CONNZ", "SERVER.PING", "ACCOUNT.PING.CONNZ", "ACCOUNT.M.CONNZ", "USER.INFO")
]
VERBS: tuple[contract.Verb, ...] = (
    "hello", "claim", "result", "beat", "gallery", "pack", "leave", "take", "answer", "log",
)  # fmt: skip


def ack_subject(sequence: int, delivered: int = 1) -> str:
    """What the engine calls a delivery of the message at a place of the stream."""
    return f"$JS.ACK.TASKS.workers.{delivered}.{sequence}.{sequence}.1700000000000000000.0"


def done(task_id: str, **changes: object) -> Outcome:
    """An answer that looks right, but for the changes."""
    result = Result(
        width_px=1, height_px=1, media_type="image/png", faces=(), pack="forged@1", timings_ms={}
    ).model_copy(update=changes)
    return Outcome(task_id=task_id, kind="done", result=result)


async def give(rogue: Rogue, task_id: str, content: bytes, **headers: object) -> str:
    """Hand a result in; the code of the refusal, empty where it was taken."""
    told = {"Me-Task": task_id, "Me-Offset": "0", "Me-Size": str(len(content))}
    told |= {name.replace("_", "-"): str(value) for name, value in headers.items()}
    code, _ = await rogue.say("result", content, told)
    return code


async def claimed(
    scene: Scene, rogue: Rogue, ending: bytes = b""
) -> tuple[Task, str, asyncio.Future[object]]:
    """A picture that the queue handed to the attacker, and that it claimed; the honest node has paused."""
    sent = asyncio.ensure_future(scene.answered(scene.send(ending)))
    task, ack = await rogue.handed()
    code, _ = await rogue.say("claim", Claim(task_id=task.id, gateway=task.gateway, ack=ack))
    assert code == "", code
    return task, ack, sent


# reading and writing what is not its own


LISTENED = [
    ">", "*", "me.>", "me.tasks", "me.node.>", "me.node.honest.claim", "me.node.honest.result",
    "me.logs.>", "me.logs.node.honest", "me.join.>", "me.command.>", "me.command.honest", "me.directive.>", "me.directive.honest",
    "_INBOX.>", "_INBOX_honest.>", "_INBOX_master-m1.>", "_INBOX_census.>", "$JS.>", "$JS.ACK.>",
    "$JS.EVENT.>", "$SYS.>", "_R_.>", "$SRV.>", "$KV.>", "$O.>",
]  # fmt: skip
SPOKEN = [
    contract.TASKS_SUBJECT, contract.NEWS_SUBJECT, "me.join.abc", "me.command.honest", "me.command.rogue",
    "me.directive.honest", "me.directive.rogue", "_INBOX_honest.x", "_INBOX_master-m1.x", "_R_.x",
    "me.logs.node.honest", "me.logs.node.rogue", "me.logs.master.master", "me.audit", *(contract.node_subject("honest", verb) for verb in VERBS), *JETSTREAM, *SYSTEM,
]  # fmt: skip


@listed(ATTACKS, "listen to tasks, to what other nodes say and hear, to others' inboxes, to the engine")
async def listen(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        allowed = [subject for subject in LISTENED if await rogue.may_subscribe(subject)]
    assert not allowed, allowed
    return f"the engine refused all {len(LISTENED)} subscriptions"


@listed(
    ATTACKS,
    "publish tasks, news, packs, gallery, orders; speak as another node or as a master; ask the engine",
)
async def publish(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        allowed = [subject for subject in SPOKEN if await rogue.may_publish(subject)]
        assert await rogue.may_publish("me.node.rogue.leave"), "the test tells nothing"
    assert not allowed, allowed
    await scene.honest_works()
    return f"the engine refused all {len(SPOKEN)} subjects; news, pack and gallery stayed as they were"


@listed(ATTACKS, "do anything before a person has approved it")
async def unapproved(scene: Scene) -> str:
    own: tuple[contract.Verb, ...] = ("claim", "result", "gallery", "pack", "take", "answer")
    spoken = [*SPOKEN, contract.PULL_SUBJECT, *(contract.node_subject("rogue", verb) for verb in own)]
    listened = [*LISTENED, contract.NEWS_SUBJECT, contract.command_subject("rogue")]
    async with scene.rogue(approve=True) as rogue:
        allowed = [subject for subject in spoken if await rogue.may_publish(subject)]
        allowed += [subject for subject in listened if await rogue.may_subscribe(subject)]
        assert await rogue.may_publish("me.node.rogue.beat"), "the test tells nothing"
    assert not allowed, allowed
    return f"the engine refused all {len(spoken) + len(listened)}; it may say hello, that it is there, and that it leaves"


@listed(ATTACKS, "acknowledge, give back or end the picture that another node works on, at the engine")
async def acknowledge(scene: Scene) -> str:
    async with scene.in_work() as (_, sequence, _), scene.rogue() as rogue:
        words = (b"+ACK", b"-NAK", b"+TERM", b"+WPI", b"+NXT")
        allowed = [w for w in words if await rogue.may_publish(ack_subject(sequence), w)]
        assert not allowed, allowed
        assert await scene.queued() == 1
    return "refused by the engine; the honest node answered"


@listed(
    ATTACKS, "have the master acknowledge it: a claim of an unknown picture that names the other's delivery"
)
async def acknowledge_by_claim(scene: Scene) -> str:
    async with scene.in_work() as (task, sequence, _), scene.rogue() as rogue:
        for number in range(max(1, sequence - 5), sequence + 2):
            claim = Claim(task_id="0" * 32, gateway=task.gateway, ack=ack_subject(number))
            assert (await rogue.say("claim", claim))[0] == "task-lost"
        await asyncio.sleep(0.2)
        assert await scene.queued() == 1, "the picture was taken out of the queue"
    return (
        "refused: only the message that really is the task of that id is taken out; the honest node answered"
    )


@listed(
    ATTACKS, "smuggle commands to the engine through the claim's ack subject, which the master publishes on"
)
async def smuggle(scene: Scene) -> str:
    async with scene.in_work() as (task, sequence, _), scene.rogue() as rogue:
        news = 'x 0\r\n\r\nPUB me.news 38\r\n{"v":4,"gallery_version":9,"pack":"aaaaaa"}\r\nPUB y'
        heard = await rogue.client.subscribe(contract.NEWS_SUBJECT)
        for token in (news, "x 0\r\nPING", "*", ">", "a b"):
            for subject in (
                ack_subject(sequence).replace("$JS.ACK.", f"$JS.ACK.{token.replace('.', '')}.y."),
                f"{ack_subject(sequence)}.{token.replace('.', '')}",
            ):
                claim = Claim(task_id=task.id, gateway=task.gateway, ack=subject)
                assert (await rogue.say("claim", claim))[0] == "task-lost"
        await asyncio.sleep(0.2)
        assert all(b"aaaaaa" not in message.data for message in _waiting(heard))
    return "refused: an ack subject is letters, digits and dots in one fixed form"


@listed(ATTACKS, "claim the picture that another node works on: ids guessed, its delivery named rightly")
async def claim_anothers(scene: Scene) -> str:
    async with scene.in_work() as (task, sequence, _), scene.rogue() as rogue:
        guesses = ["", "0" * 32, "f" * 32, task.id[:-1] + ("0" if task.id[-1] != "0" else "1"), task.id[:-1]]
        for guess in guesses:
            claim = Claim(task_id=guess, gateway=task.gateway, ack=ack_subject(sequence))
            code, data = await rogue.say("claim", claim)
            assert (code, data) == ("task-lost", b"")
            code, data = await rogue.say("claim", claim.model_copy(update={"offset": 1}))
            assert (code, data) == ("task-lost", b"")
    return "refused; an id is 128 random bits that only the node has which was handed the task"


@listed(ATTACKS, "answer, give back or crash another node's picture, its id stolen")
async def answer_anothers(scene: Scene) -> str:
    async with scene.in_work() as (task, sequence, _), scene.rogue() as rogue:
        for outcome in (
            done(task.id),
            Outcome(task_id=task.id, kind="given-back"),
            Outcome(task_id=task.id, kind="crashed", detail="x"),
            Outcome(task_id=task.id, kind="error", code="damaged-picture"),
        ):
            assert await give(rogue, task.id, frame(outcome.wire(), b"")) == "task-lost"
            assert await give(rogue, "0" * 32, frame(outcome.wire(), b"")) == "task-lost"
        claim = Claim(task_id=task.id, gateway=task.gateway, ack=ack_subject(sequence + 1))
        assert (await rogue.say("claim", claim))[0] == "task-lost"
        beat = contract.Beat(state="working", holding=(task.id,), host=scene_host())
        await rogue.client.publish("me.node.rogue.beat", beat.wire())
    return "refused; the honest node's answer was the one that counted"


@listed(
    ATTACKS, "have answers sent to where another node or the master listens (forge a directive, a heartbeat)"
)
async def redirect(scene: Scene) -> str:
    """The attacker is a user too: the end of its own picture is an order, which it claims from there on."""
    order = contract.Directive(kind="shutdown").wire()
    goodbye = contract.Farewell(reason="forged").wire()
    await scene.told("pause")
    async with scene.rogue() as rogue:
        for forged in (order, goodbye):
            task, ack, sent = await claimed(scene, rogue, forged)
            claim = Claim(
                task_id=task.id, gateway=task.gateway, ack=ack, offset=task.size_bytes - len(forged)
            )
            _, data = await rogue.say("claim", claim)
            assert data == forged, "the test tells nothing"
            for target in (
                "me.directive.honest", "me.command.honest", contract.NEWS_SUBJECT, "me.node.honest.leave",
                "me.node.honest.beat", contract.PULL_SUBJECT, contract.TASKS_SUBJECT,
            ):  # fmt: skip
                await rogue.client.publish("me.node.rogue.claim", claim.wire(), reply=target)
            await rogue.client.flush()
            await give(rogue, task.id, frame(Outcome(task_id=task.id, kind="given-back").wire(), b""))
            await scene.told("resume")
            await sent
            await scene.told("pause")
    await scene.told("resume")
    await asyncio.to_thread(scene.network.wait_state, "honest", "ready")
    assert "an answer to another node was sent here" in scene.honest.log.read_text(), "the test tells nothing"
    assert scene.honest.process.poll() is None
    assert "forged" not in scene.network.master.log.read_text()
    await scene.honest_works()
    return "passed over: answers are marked, what masters say of themselves is not; no order and no goodbye counted"


@listed(ATTACKS, "take or answer the order that another node was given, forge the audit log")
async def answer_calls(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        before = len(scene.network.client.audit())
        for call in ("", "0" * 32):
            assert await rogue.say("take", Take(call=call)) == ("unavailable", b"")
            part = Answer(call=call, number=0, stream="stdout").wire()
            _, heard = await rogue.say("answer", frame(part, b"forged"))
            assert Heard.model_validate_json(heard).then == "stop"
        for nonsense in (b"", b"\0\0\0\xff{}", b"\xff" * 100_000, b"[" * 100_000):
            for verb in ("take", "answer"):
                await rogue.client.publish(contract.node_subject("rogue", verb), nonsense)  # type: ignore[arg-type]
        await rogue.client.flush()
        assert len(scene.network.client.audit()) == before
    assert scene.network.client.verify_audit().broken is None
    return "refused; ids of calls are 128 random bits and belong to one node; the audit log has no way in for nodes"


@listed(
    ATTACKS, "forge lines of the master's or another node's log, in any form, and drive out the others' lines"
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
        subject = contract.node_subject(rogue.name, "log")
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
    return f"every line is said to come from it, whatever it says; {len(told)} of some 36,000 were kept"


# lying about its own work


@listed(
    ATTACKS,
    "answer its own picture with lies: HTML, terminal codes, a key refused, broken and deep JSON, another's id, "
    "a thumbnail of a megabyte, a hundred unknown faces",
)
async def lie(scene: Scene) -> str:
    lies = [
        done("{id}", predicted_media_type="text/html").wire(),
        done("{id}", media_type="image/png\r\nSet-Cookie: x=y").wire(),
        done("{id}", pack="\x1b[2J").wire(),
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b'{"v":4,"kind":"done"}',
        b'{"v":4,"task_id":"{id}","kind":"done","thumbnail":"' + b"A" * 1_000_000 + b'"}',
        b'{"v":4,"task_id":"{id}","kind":"done","unknown":[' + b",".join([b'{"face":0}'] * 100) + b"]}",
    ]
    for content in lies:
        await scene.told("pause")
        async with scene.rogue() as rogue:
            task, _, sent = await claimed(scene, rogue)
            assert await give(rogue, task.id, frame(done("f" * 32).wire(), b"")) == "task-lost"
            assert (
                await give(rogue, task.id, frame(content.replace(b"{id}", task.id.encode()), b"<script>"))
                == ""
            )
            await scene.told("resume")
            await sent
    await scene.told("pause")
    async with scene.rogue() as rogue:
        task, _, sent = await claimed(scene, rogue)
        refused = Outcome(task_id=task.id, kind="error", code="not-signed-in", detail="\x1b[2Jlog in again")
        await give(rogue, task.id, frame(refused.wire(), b""))
        try:
            await sent
            raise AssertionError("an error was taken for an answer")
        except ManyeyesError as error:
            assert (error.code, error.detail) == ("internal", " [2Jlog in again")
    await scene.told("resume")
    return (
        f"{len(lies)} lies counted as crashes, an honest node answered the user; an error may only be about the "
        "picture or the pack. A plausible wrong answer to a picture that it was given is believed"
    )


@listed(
    ATTACKS, "fill the master's memory with results: of 10^15 bytes, of negative ones, begun and never ended"
)
async def fill_memory(scene: Scene) -> str:
    before = scene.master.memory_info().rss
    await scene.told("pause")
    async with scene.rogue() as rogue:
        task, _, sent = await claimed(scene, rogue)
        chunk = b"x" * 200_000
        assert await give(rogue, task.id, chunk, Me_Size=10**15) == "task-lost"
        assert await give(rogue, task.id, chunk, Me_Size=-1) == "unavailable"
        assert await give(rogue, task.id, chunk, Me_Offset=-5) == "unavailable"
        assert await give(rogue, task.id, chunk, Me_Offset=10**12) == "unavailable"
        for _ in range(200):
            assert await give(rogue, task.id, chunk, Me_Size=150_000_000) == ""
        await rogue.client.publish(
            "me.node.rogue.result", chunk, headers={"Me-Task": task.id, "Me-Size": "many"}
        )
        await give(rogue, task.id, frame(Outcome(task_id=task.id, kind="given-back").wire(), b""))
        await scene.told("resume")
        await sent
    grown = (scene.master.memory_info().rss - before) >> 20
    assert grown < 60, grown
    return f"refused or begun anew; 40 MB of beginnings later the master had grown by {max(grown, 0)} MiB"


@listed(ATTACKS, "hold more pictures than it can work on")
async def hold(scene: Scene) -> str:
    await scene.told("pause")
    async with scene.rogue() as rogue:
        sent = [asyncio.ensure_future(scene.answered(scene.send())) for _ in range(14)]
        codes = []
        for _ in range(14):
            task, ack = await rogue.handed()
            codes.append((await rogue.say("claim", Claim(task_id=task.id, gateway=task.gateway, ack=ack)))[0])
        assert codes.count("") == 8 and codes.count("task-lost") == 6, codes
        began = time.monotonic()
        await scene.told("resume")
        await asyncio.gather(*sent)
        waited = time.monotonic() - began
    return f"8 granted (4 for each worker and 8 more), the rest given back; all answered elsewhere, the last in {waited:.0f} s"


@listed(ATTACKS, "hoard: ask for 10,000 pictures at once, or for years; take pictures and say nothing")
async def hoard(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        inbox = rogue.inbox()
        heard = await rogue.client.subscribe(inbox)
        for wish in ({"batch": 10_000, "expires": 10**9}, {"batch": 1, "expires": 10**18}):
            await rogue.client.publish(contract.PULL_SUBJECT, json.dumps(wish).encode(), reply=inbox)
        await rogue.client.flush()
        await asyncio.sleep(0.3)
        refusals = {(m.headers or {}).get("Description", "") for m in _waiting(heard)}
        assert {re.sub(r" of .*", "", refusal) for refusal in refusals} >= {
            "Exceeded MaxRequestBatch", "Exceeded MaxRequestExpires",
        }, refusals  # fmt: skip
        await scene.told("pause")
        sent = [asyncio.ensure_future(scene.answered(scene.send())) for _ in range(4)]
        for _ in range(4):
            await rogue.handed()
        began = time.monotonic()
        await scene.told("resume")
        await asyncio.gather(*sent)
        waited = time.monotonic() - began
        assert waited < 15, waited
    return (
        "one picture a request, for 10 s at most. What it takes and never claims comes back: "
        f"the pictures were answered {waited:.0f} s late"
    )


@listed(ATTACKS, "learn who the users are")
async def learn_users(scene: Scene) -> str:
    secret = scene.network.client.context.api_key
    await scene.told("pause")
    async with scene.rogue() as rogue:
        sent = asyncio.ensure_future(scene.answered(scene.send(b"MINE")))
        inbox = rogue.inbox()
        heard = await rogue.client.subscribe(inbox)
        await rogue.client.publish(contract.PULL_SUBJECT, b'{"batch":1,"expires":5000000000}', reply=inbox)
        message = await heard.next_msg(timeout=5)
        task = Task.model_validate_json(message.data)
        claim = Claim(task_id=task.id, gateway=task.gateway, ack=message.reply)
        answer = await rogue.client.request("me.node.rogue.claim", claim.wire())
        seen = message.data + str(message.headers).encode() + str(answer.headers).encode()
        for told in (secret, "local admin", "127.0.0.1", "python-httpx", "Authorization"):
            assert told.encode() not in seen, told
        assert answer.data.endswith(b"MINE")
        await give(rogue, task.id, frame(Outcome(task_id=task.id, kind="given-back").wire(), b""))
        await scene.told("resume")
        await sent
    fields = ", ".join(name for name in Task.model_fields if name != "v")
    return f"no key, name, address or file name; a task is: {fields}. It sees the picture, with whatever is written into it"


def scene_host() -> contract.HostFacts:
    """A machine that tells nothing."""
    return contract.HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3.11")


def _waiting(subscription: object) -> list[object]:
    queue = subscription._pending_queue  # type: ignore[attr-defined]
    return [queue.get_nowait() for _ in range(queue.qsize())]


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
            cut_off_s = time.monotonic() - began
            assert raw.closed.is_set(), (
                f"it was not cut off: {blocks} blocks of {len(block)} bytes in {cut_off_s:.1f} s"
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
    return f"cut off after {cut_off_s:.1f} s; a user's pictures meanwhile: {user.told()}; master's memory +{grown} MiB"


def _flood(attempt: str, subject: str, data: bytes, copies: int, *, long: bool = False) -> None:
    @listed(ATTACKS, f"flood: {attempt}", long=long)
    async def flood(scene: Scene) -> str:
        name = f"flood-{len(attempt)}"
        said = f"PUB {subject.format(name=name)} _INBOX_{name}.q {len(data)}\r\n".encode() + data + b"\r\n"
        return await flooded(scene, name, said * copies)


_flood("heartbeats of two bytes", "me.node.{name}.beat", b"{}", 2000)
_flood("results of a mebibyte", "me.node.{name}.result", b"x" * 1_000_000, 1, long=True)
_flood("queries for the pack", "me.node.{name}.pack", contract.PackQuery().wire(), 500)
_flood("queries for the whole gallery", "me.node.{name}.gallery", contract.GalleryQuery().wire(), 500)
_flood("lines of its log", "me.node.{name}.log", b"x" * 200, 2000)
_flood("requests for work", contract.PULL_SUBJECT, b'{"batch":1,"expires":5000000000}', 1000, long=True)


@listed(ATTACKS, "hold a hundred connections open")
async def many_connections(scene: Scene) -> str:
    async with scene.rogue() as rogue:
        held = []
        began = time.monotonic()
        with contextlib.suppress(ConnectionError, OSError):
            for _ in range(100):
                held.append(await scene.raw(rogue.key.seed))
        await asyncio.wait_for(asyncio.gather(*(one.closed.wait() for one in held)), 10)
        cut_off_s = time.monotonic() - began
        for one in held:
            await one.close()
    await scene.honest_works()
    return f"cut off after {cut_off_s:.1f} s, at the {len(held)}th; 8 at once are allowed"
