"""What a stranger tries, who has no identity: at the nodes' port and at the users' port."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import secrets
import ssl
import time
from urllib.parse import urlsplit

import httpx

from manyeyes import contract, identity
from manyeyes.broker.connection import trust
from manyeyes.broker.join import join
from manyeyes.contract import JoinRequest
from manyeyes.errors import NodeRemoved, TokenRefused
from manyeyes.gateway.auth import OPEN
from manyeyes.identity import MASTER_HOSTNAME
from tests.attacks.raw import publish
from tests.attacks.scene import HOST, Attempt, Scene, listed

ATTACKS: list[Attempt] = []
HALF_OPEN = 1500


def request(key: identity.NKey, name: str = "rogue") -> JoinRequest:
    """A machine asks to be let in."""
    return JoinRequest(public_nkey=key.public, wanted_name=name, version="1", host=HOST)


def https(scene: Scene) -> httpx.AsyncClient:
    """A client that trusts the master and has no key."""
    return httpx.AsyncClient(
        base_url=scene.network.client.context.url, verify=trust(scene.ca_pem), timeout=30
    )


def https_port(scene: Scene) -> int:
    return urlsplit(scene.network.client.context.url).port or 443


async def refused(knocking: object) -> str:
    """The words of the refusal; AssertionError where there is none."""
    try:
        client = await knocking  # type: ignore[misc]
    except (ConnectionError, OSError, ssl.SSLError, TokenRefused) as error:
        return str(error)
    with contextlib.suppress(Exception):
        await client.close()
    raise AssertionError("it was let in")


@listed(ATTACKS, "speak to the nodes' port in plain text")
async def plain_text(scene: Scene) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.network.nats_port)
    assert b'"tls_required":true' in await reader.readline()
    writer.write(b'CONNECT {"verbose":false}\r\nPING\r\n' + publish("me.dispatch.honest", b"{}"))
    with contextlib.suppress(ConnectionError):
        assert b"PONG" not in await asyncio.wait_for(reader.read(), 15)
    writer.close()
    return "disconnected: TLS is required"


@listed(ATTACKS, "connect to the nodes' port without a key, with a key of its own, with the master's name")
async def unknown_key(scene: Scene) -> str:
    told = await refused(scene.raw(identity.make_nkey().seed))
    assert "Authorization Violation" in told, told
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.network.nats_port)
    await reader.readline()
    await writer.start_tls(trust(scene.ca_pem), server_hostname=MASTER_HOSTNAME)
    writer.write(b'CONNECT {"verbose":false,"user":"master-m1","pass":"x"}\r\nPING\r\n')
    assert b"Authorization Violation" in await asyncio.wait_for(reader.readline(), 10)
    writer.close()
    return "refused: Authorization Violation"


@listed(ATTACKS, "use a join token after its time, or stay connected with it")
async def expired_token(scene: Scene) -> str:
    token = await scene.token(expires_s=2)
    await asyncio.sleep(0.3)
    held = await scene.raw(token.seed)
    began = time.monotonic()
    await asyncio.wait_for(held.closed.wait(), 10)
    ban_s = time.monotonic() - began
    await held.close()
    assert "Authorization Violation" in await refused(scene.raw(token.seed))
    key = identity.make_nkey()
    await refused(join(token.addresses, token.ca_pem, token.seed, token.token_id, request(key)))
    assert "rogue" not in {node.name for node in scene.network.client.nodes()}
    return f"refused; the connection that it held was ended {ban_s:.1f} s after it was made, with a token for 2 s"


@listed(ATTACKS, "do anything but join with a valid token; take another's name or key at joining")
async def more_than_joining(scene: Scene) -> str:
    token = await scene.token()
    await asyncio.sleep(0.3)
    raw = await scene.raw(token.seed)
    subjects = [
        contract.STATE_SUBJECT, "me.join.other", "me.dispatch.honest", "me.gw.all.node.honest.heartbeat",
        "me.gw.any.node.honest.hello", "me.node.honest.hello", "me.command.honest", "me.directive.honest",
    ]  # fmt: skip
    for subject in subjects:
        await raw.say(publish(subject, b"{}"))
    for subject in (">", "me.>", "me.dispatch.honest", contract.STATE_SUBJECT, "_INBOX_honest.>", "_INBOX.>"):
        await raw.say(f"SUB {subject} 1\r\n".encode())
        subjects.append(subject)
    await raw.say(b"PING\r\n")
    await asyncio.sleep(0.5)
    assert raw.heard.count(b"Permissions Violation") == len(subjects), raw.heard
    await raw.close()
    member = json.loads((scene.network.folder / "honest" / "membership.json").read_text())
    reply = await join(
        token.addresses,
        token.ca_pem,
        token.seed,
        token.token_id,
        request(identity.make_nkey(), member["name"]),
    )
    assert reply.name == "honest-2"
    await asyncio.to_thread(scene.network.client.remove_node, reply.name)
    await scene.honest_works()
    return f"the engine refused all {len(subjects)}; a node that asks for a taken name gets another; a key is useless without its seed"


@listed(ATTACKS, "come back with the key of a removed node, at once, with a new token")
async def removed_key(scene: Scene) -> str:
    async with scene.rogue("gone") as rogue:
        raw = await scene.raw(rogue.key.seed)
        await asyncio.to_thread(scene.network.client.remove_node, rogue.name)
        await asyncio.wait_for(raw.closed.wait(), 5)
        await raw.close()
        assert "Authorization Violation" in await refused(scene.raw(rogue.key.seed))
        token = await scene.token()
        try:
            await join(token.addresses, token.ca_pem, token.seed, token.token_id, request(rogue.key))
            raise AssertionError("it was let in")
        except NodeRemoved:
            pass
    return "its connection ended at once; the engine refuses the key, the master refuses it a second time"


@listed(ATTACKS, "guess API keys and tokens")
async def guess(scene: Scene) -> str:
    async with https(scene) as client:
        for _ in range(100):
            headers = {"Authorization": f"Bearer mek_{secrets.token_urlsafe(32)}"}
            assert (await client.get("/v1/status", headers=headers)).status_code == 401
    key = scene.network.client.context.api_key.removeprefix("mek_")
    assert len(key) == 43, "256 bits in base64"
    return "refused; an API key is 256 random bits, a token's secret an Ed25519 key"


@listed(ATTACKS, "use the HTTPS port without a key, or with a wrong one: every route and method")
async def every_route(scene: Scene) -> str:
    async with https(scene) as client:
        paths = (await client.get("/openapi.json")).json()["paths"]
        tried = 0
        for path, methods in paths.items():
            for method in methods if path not in OPEN else ():
                for headers in ({}, {"Authorization": "Bearer mek_wrong"}, {"Authorization": "Basic YTpi"}):
                    url = path.replace("{name}", "honest").replace("{node}", "honest")
                    answer = await client.request(method, url, headers=headers, content=b"{}")
                    assert answer.status_code == 401, (method, path, answer.status_code)
                    tried += 1
        assert (await client.get("/v1/nothing-there")).status_code == 401
        assert all([(await client.get(path)).status_code in (200, 303, 503) for path in OPEN])
    return (
        f"401 for all {tried}; only {', '.join(OPEN)} answer: sign-in, health, and the description of the API"
    )


@listed(ATTACKS, "speak plain HTTP to the HTTPS port")
async def plain_http(scene: Scene) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", https_port(scene))
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        assert b"200" not in await asyncio.wait_for(reader.read(), 15)
    writer.close()
    return "disconnected"


@listed(ATTACKS, "make the master read a body of a gigabyte without a key", long=True)
async def huge_body(scene: Scene) -> str:
    longest_s = 0.0
    before = scene.master.memory_info().rss

    async def body() -> object:
        for _ in range(1024):
            yield b"x" * 2**20

    async with https(scene) as client:
        for path in ("/v1/nodes/honest/exec", "/v1/recognize", "/v1/tokens"):
            began = time.monotonic()
            with contextlib.suppress(httpx.TransportError):
                answer = await client.post(path, content=body(), headers={"Content-Type": "application/json"})  # type: ignore[arg-type]
                assert answer.status_code == 401
            longest_s = max(longest_s, time.monotonic() - began)
    grown = max(0, scene.master.memory_info().rss - before) >> 20
    assert grown < 20 and longest_s < 5, (grown, longest_s)
    return f"refused before the body is read, disconnected after {longest_s:.1f} s; the master's memory +{grown} MiB"


@listed(ATTACKS, f"hold {HALF_OPEN} connections half open at each port", long=True)
async def half_open(scene: Scene) -> str:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    began = time.monotonic()

    async def hold(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port)

    async def ended(reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while await reader.read(65536):
                pass

    try:
        with scene.user() as user:
            held = []
            for _ in range(HALF_OPEN // 100):
                for port in (scene.network.nats_port, https_port(scene)):
                    held += await asyncio.gather(*(hold(port) for _ in range(100)))
            slow = await asyncio.open_connection(
                "127.0.0.1", https_port(scene), ssl=trust(scene.ca_pem), server_hostname=MASTER_HOSTNAME
            )
            slow[1].write(b"POST /v1/recognize HTTP/1.1\r\nHost:")
            await asyncio.wait_for(asyncio.gather(*(ended(reader) for reader, _ in [*held, slow])), 40)
            gone_s = time.monotonic() - began
        for _, writer in [*held, slow]:
            writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert max(user.waits_s) < 10, user.told()
    return f"all disconnected within {gone_s:.0f} s; a user's pictures meanwhile: {user.told()}"
