"""What a malicious node with a valid identity can do with a raw client: nothing but its own work."""

from __future__ import annotations

import asyncio
import json

import nats
import pytest
from nats.aio.client import Client as NatsClient

from manyeyes import contract
from manyeyes.broker.link import trust
from manyeyes.broker.transfer import frame
from manyeyes.identity import MASTER_HOSTNAME
from tests.integration.conftest import Network, picture


async def _connect(network: Network, name: str) -> tuple[NatsClient, list[str]]:
    denied: list[str] = []

    async def note(error: Exception) -> None:
        denied.append(str(error).lower())

    member = json.loads((network.folder / name / "membership.json").read_text())
    client = await nats.connect(
        f"tls://127.0.0.1:{network.nats_port}",
        tls=trust(member["ca_pem"]),
        tls_hostname=MASTER_HOSTNAME,
        nkeys_seed_str=(network.folder / name / "node.nk").read_text(),
        inbox_prefix=contract.inbox_prefix(name),
        error_cb=note,
        allow_reconnect=False,
    )
    return client, denied


async def _denied_publish(client: NatsClient, denied: list[str], subject: str) -> bool:
    denied.clear()
    await client.publish(subject, b"{}")
    await client.flush()
    await asyncio.sleep(0.1)
    return any("permissions violation for publish" in error for error in denied)


async def _denied_subscribe(client: NatsClient, denied: list[str], subject: str) -> bool:
    denied.clear()
    await client.subscribe(subject)
    await client.flush()
    await asyncio.sleep(0.1)
    return any("permissions violation for subscription" in error for error in denied)


FORBIDDEN_PUBLISH = [
    contract.TASKS_SUBJECT,
    contract.NEWS_SUBJECT,
    "$JS.ACK.TASKS.workers.1.1.1.1.0",
    "$JS.API.STREAM.PURGE.TASKS",
    "$JS.API.STREAM.DELETE.TASKS",
    "$JS.API.STREAM.INFO.TASKS",
    "$JS.API.CONSUMER.CREATE.TASKS",
    "$JS.API.STREAM.MSG.GET.TASKS",
    "$JS.API.DIRECT.GET.TASKS",
    "me.node.b.beat",
    "me.node.b.claim",
    "me.node.b.result",
    "me.join.abc",
    "me.command.a",
    "me.command.b",
    "me.directive.a",
    "me.directive.b",
    "me.node.b.take",
    "me.node.b.answer",
    "_INBOX_b.x",
]
FORBIDDEN_SUBSCRIBE = [
    ">",
    "me.>",
    "me.node.>",
    "me.command.b",
    "me.directive.b",
    "me.command.>",
    "me.node.b.answer",
    "_INBOX_b.>",
    "_INBOX.>",
    "$JS.ACK.>",
    "$SYS.>",
    "_R_.>",
]


def test_a_node_may_say_and_hear_only_its_own(network: Network) -> None:
    async def attack() -> None:
        client, denied = await _connect(network, "a")
        allowed = [s for s in FORBIDDEN_PUBLISH if not await _denied_publish(client, denied, s)]
        allowed += [s for s in FORBIDDEN_SUBSCRIBE if not await _denied_subscribe(client, denied, s)]
        assert allowed == []
        assert not await _denied_publish(client, denied, "me.node.a.beat")
        await client.close()

    with network.node("a"), network.node("b"):
        asyncio.run(attack())
        assert network.client.recognize(picture()).result.pack == "faulty@1.0.0"
        assert {node.state for node in network.client.nodes()} <= {"ready", "working"}


FORBIDDEN_WHILE_WAITING = [
    contract.PULL_SUBJECT,
    *(contract.node_subject("a", verb) for verb in ("claim", "result", "gallery", "pack")),
]


def test_a_node_that_waits_for_approval_can_only_say_that_it_is_there(network: Network) -> None:
    async def attack() -> None:
        client, denied = await _connect(network, "a")
        forbidden = [*FORBIDDEN_PUBLISH, *FORBIDDEN_WHILE_WAITING]
        allowed = [s for s in forbidden if not await _denied_publish(client, denied, s)]
        hear = [*FORBIDDEN_SUBSCRIBE, contract.NEWS_SUBJECT, contract.command_subject("a")]
        allowed += [s for s in hear if not await _denied_subscribe(client, denied, s)]
        assert allowed == []
        assert not await _denied_publish(client, denied, "me.node.a.beat")
        await client.close()

    token = network.client.create_token(60, approve=True).token
    with network.node("a", wait=False, MANYEYES_NODE_JOIN=token):
        network.wait_state("a", "waiting for approval")
        asyncio.run(attack())


def test_a_node_cannot_take_or_answer_the_calls_of_another(network: Network) -> None:
    async def attack() -> None:
        client, _ = await _connect(network, "b")
        heard = []
        for call in ("", "0" * 32):
            take = await client.request("me.node.b.take", contract.Take(call=call).wire(), timeout=5)
            assert (take.headers or {}).get(contract.HEADER_ERROR) == "unavailable" and not take.data
            answer = contract.Answer(call=call, number=0, stream="stdout").wire()
            reply = await client.request("me.node.b.answer", frame(answer, b"forged"), timeout=5)
            heard.append(contract.Heard.model_validate_json(reply.data).then)
        assert heard == ["stop", "stop"]
        for nonsense in (b"", b"\0\0\0\xff{}", b"\xff" * 100_000):
            await client.publish("me.node.b.take", nonsense)
            await client.publish("me.node.b.answer", nonsense)
        await client.flush()
        await client.close()

    with network.node("b"):
        asyncio.run(attack())
        assert network.client.recognize(picture()).result.pack == "faulty@1.0.0"


def test_a_stranger_is_refused(network: Network) -> None:
    async def knock() -> None:
        ca = (network.folder / "master" / "identity" / "ca.pem").read_text()
        options = {"tls": trust(ca), "tls_hostname": MASTER_HOSTNAME, "allow_reconnect": False}
        with pytest.raises(Exception, match=r"(?i)authorization|nonce|closed|eof"):
            await nats.connect(f"tls://127.0.0.1:{network.nats_port}", error_cb=_ignore, **options)
        with pytest.raises(Exception):  # noqa: B017  any refusal of a plain-text client will do
            await nats.connect(
                f"nats://127.0.0.1:{network.nats_port}", allow_reconnect=False, error_cb=_ignore
            )

    asyncio.run(knock())


async def _ignore(_: Exception) -> None:
    return
