"""Nodes and masters of other versions: compatible ones work, others get an error that says which side to update."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import nats
import pytest
from nats.aio.client import Client as NatsClient

from manyeyes import contract, identity
from manyeyes.broker.connection import trust
from manyeyes.broker.transfer import frame, unframe
from manyeyes.identity import MASTER_HOSTNAME, JoinToken
from manyeyes.results import Result
from tests.integration.conftest import Network, picture

HOST = {"hostname": "h", "system": "s", "cpu": "c", "cores": 2, "memory_bytes": 1, "python": "3.11"}
RESULT = Result(
    width_px=1, height_px=1, media_type="image/png", faces=(), pack="hand@1", timings_ms={}
).model_dump_json()


def said(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


async def connected(network: Network, seed: str, name: str) -> NatsClient:
    for _ in range(20):
        try:
            return await nats.connect(
                f"tls://127.0.0.1:{network.nats_port}",
                tls=trust((network.data / "identity" / "ca.pem").read_text()),
                tls_hostname=MASTER_HOSTNAME,
                nkeys_seed_str=seed,
                inbox_prefix=contract.inbox_prefix(name),
                allow_reconnect=False,
            )
        except (nats.errors.Error, OSError):
            await asyncio.sleep(0.2)
    raise ConnectionError("the engine let nobody in")


async def joined(network: Network, **fields: Any) -> tuple[dict[str, Any], identity.NKey]:
    """Join as a node of some version would; returns the answer and the node's key."""
    made = await asyncio.to_thread(network.client.create_token, 60)
    token, key = JoinToken.decode(made.token), identity.make_nkey()
    client = await connected(network, token.seed, contract.join_name(token.token_id))
    request = said(public_nkey=key.public, wanted_name="hand", version="x", host=HOST, **fields)
    answer = await client.request(contract.join_subject(token.token_id), request, timeout=5)
    await client.close()
    return json.loads(answer.data), key


@asynccontextmanager
async def member(network: Network) -> AsyncIterator[NatsClient]:
    """The connection of a node `hand` that has joined."""
    reply, key = await joined(network, v=5, oldest=5, newest=5)
    assert reply["name"] == "hand", reply
    client = await connected(network, key.seed, "hand")
    try:
        yield client
    finally:
        await client.close()


async def asked(client: NatsClient, subject: str, content: bytes) -> tuple[dict[str, str], bytes]:
    answer = await client.request(subject, content, timeout=5)
    return dict(answer.headers or {}), answer.data


HELLO = contract.node_subject("hand", "hello", contract.ANY)


def test_a_newer_node_that_still_speaks_this_version_works(shared: Network) -> None:
    async def main() -> None:
        async with member(shared) as client:
            hello = said(v=6, oldest=5, newest=6, session="s1", fingerprint="", mood="new", more={"a": [1]})
            headers, data = await asked(client, HELLO, hello)
            assert contract.HEADER_ERROR not in headers, headers
            welcome = json.loads(data)
            assert (welcome["speak"], welcome["approved"]) == (5, True)
            gateway = welcome["gateway"]
            dispatches = await client.subscribe("me.dispatch.hand")

            async def heartbeat() -> None:
                grants = {gateway: {"allowed": 1, "allowed_bytes": 1_000_000}}
                worker = {"index": 0, "state": "idle"}
                heartbeat = said(
                    v=5,
                    state="ready",
                    session="s1",
                    workers=[worker],
                    grants=grants,
                    picture_s=0.1,
                    host=HOST,
                )
                await client.publish(contract.node_subject("hand", "heartbeat", contract.ALL), heartbeat)

            await heartbeat()
            with ThreadPoolExecutor(1) as pool:
                sent = pool.submit(shared.client.recognize, picture(b"MINE"))
                message = await dispatches.next_msg(timeout=10)
                head, piece = unframe(message.data)
                task = json.loads(head)["task"]
                assert piece.endswith(b"MINE")
                parts = {"result": len(RESULT)}
                outcome = said(v=5, session="s1", task_id=task["id"], status="done", parts=parts)
                subject = contract.node_subject("hand", "result", gateway)
                await client.publish(subject, frame(outcome, RESULT.encode()))
                answer = await asyncio.wrap_future(sent)
                assert answer.result.pack == "hand@1"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("spoken", "told"),
    [
        ({"v": 6, "oldest": 6, "newest": 6}, "update the master"),
        ({"v": 4, "oldest": 3, "newest": 4}, "update manyeyes on the node"),
        ({"v": 4}, "update manyeyes on the node"),
    ],
    ids=["newer", "older", "of before versions were agreed on"],
)
def test_who_speaks_no_version_of_the_masters_is_told_whom_to_update(
    shared: Network, spoken: dict[str, int], told: str
) -> None:
    async def main() -> None:
        reply, _ = await joined(shared, **spoken, extra="x")
        assert (reply["code"], reply["name"]) == ("version-mismatch", ""), reply
        assert told in reply["detail"], reply
        async with member(shared) as client:
            headers, data = await asked(client, HELLO, said(**spoken, session="s", extra="x"))
            assert data == b""
            assert headers[contract.HEADER_ERROR] == "version-mismatch", headers
            assert told in headers[contract.HEADER_DETAIL], headers

    asyncio.run(main())
    assert shared.client.nodes() and shared.state("hand") != "ready"


def test_a_node_of_before_gets_an_answer_where_it_says_hello(shared: Network) -> None:
    async def main() -> None:
        async with member(shared) as client:
            old = b'{"v":4,"session":"s","fingerprint":"f"}'
            headers, data = await asked(client, "me.node.hand.hello", old)
            assert data == b""
            assert headers["Me-Error"] == "version-mismatch", headers
            assert "update manyeyes on the node" in headers["Me-Detail"], headers

    asyncio.run(main())


NEWER: list[tuple[str, bytes]] = [
    ("me.state", said(v=6, gateway="f" * 16, sent_s=1.0, gallery_version=0, pack="", weather="fine")),
    ("me.directive.real", said(v=6, kind="dance", steps=3, desired="")),
    ("me.directive.real", said(v=6, kind="rest", desired="hibernate")),
    ("me.directive.real", said(v=6, kind="approved", why={"deep": [1]})),
    ("me.dispatch.real", frame(said(v=6, gateway="f" * 16, session="other", number=1, colour="red"), b"")),
    ("me.dispatch.real", frame(said(v=6, another="thing"), b"xx")),
    ("me.command.real", said(v=6, call="c" * 32, gateway="f" * 16, stop=True, urgency=9)),
]


def test_a_node_passes_over_what_a_newer_master_says_beyond_its_version(shared: Network) -> None:
    """A client with the master's own key sends beside the real master: so the node is in the middle of its work."""

    async def play() -> None:
        seed = (shared.data / "identity" / "master.nk").read_text().strip()
        client = await connected(shared, seed, "newer")
        heard = await client.subscribe("me.gw.*.node.real.*")
        with ThreadPoolExecutor(1) as pool:
            real = await client.subscribe("me.dispatch.real")
            sent = pool.submit(shared.client.recognize, picture(b"LONG"))
            dispatch = json.loads(unframe((await real.next_msg(timeout=10)).data)[0])
            for subject, content in NEWER:
                await client.publish(subject, content)
            task = {
                "id": "a" * 32, "kind": "recognize", "pack": "faulty@1.0.0", "size_bytes": 1000, "options": {"new": 1},
                "wants": ["picture", "smell"], "state": {"weather": 3}, "traceparent": "", "priority": 9,
            }  # fmt: skip
            content = picture().ljust(1000, b"\0")
            newer = said(
                v=6,
                gateway="f" * 16,
                session=dispatch["session"],
                number=1,
                task=task,
                sent_s=1.0,
                colour="red",
            )
            await client.publish("me.dispatch.real", frame(newer, content))
            while True:
                message = await heard.next_msg(timeout=15)
                if message.subject == f"me.gw.{'f' * 16}.node.real.result":
                    break
            outcome = json.loads(unframe(message.data)[0])
            assert (outcome["v"], outcome["task_id"], outcome["status"]) == (5, "a" * 32, "done"), outcome
            assert (await asyncio.wrap_future(sent)).result.pack == "faulty@1.0.0"
        await client.close()

    with shared.node("real") as real:
        asyncio.run(play())
        assert shared.client.recognize(picture(shade=9)).result.pack == "faulty@1.0.0"
        shared.wait_state("real", "ready")
        assert "a message that this version cannot read" in real.log.read_text()
        assert "Traceback" not in real.log.read_text()
        assert real.process.poll() is None
