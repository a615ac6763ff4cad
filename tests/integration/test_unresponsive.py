"""Nodes that send heartbeats but finish no pictures are detected, taken out of use, informed, and brought back."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import nats
import psutil
import pytest

from manyeyes import contract
from manyeyes.broker.connection import trust
from manyeyes.config import NodeSettings
from manyeyes.contract import ALL, ANY, Grant, Heartbeat, Hello, HostFacts, Welcome, WorkerReport
from manyeyes.identity import MASTER_HOSTNAME
from manyeyes.node.membership.host import host_fingerprint
from tests.integration.conftest import Network, picture


@pytest.fixture
def quick_probes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("IDLE", "BUSY", "ANSWER"):
        monkeypatch.setenv(f"MANYEYES_MASTER_PROBE_{name}_S", "1")
    yield


def _reason(network: Network, name: str) -> str:
    return next(node.reason or "" for node in network.client.nodes() if node.name == name)


@pytest.mark.usefixtures("quick_probes")
def test_a_node_whose_worker_hangs_is_taken_out_and_brought_back(network: Network) -> None:
    with network.node("a", FAULTY_PICTURE_S="0.05") as a, network.node("b", FAULTY_PICTURE_S="0.05"):
        (worker,) = [
            process
            for process in psutil.Process(a.process.pid).children(recursive=True)
            if "manyeyes.node.worker.main" in process.cmdline()
        ]
        os.kill(worker.pid, signal.SIGSTOP)
        try:
            with ThreadPoolExecutor(12) as pool:
                begun = time.monotonic()
                sent = [pool.submit(network.client.recognize, picture(b"", n)) for n in range(12)]
                for answer in sent:
                    answer.result(timeout=60)
                assert time.monotonic() - begun < 15, "the pictures of the hung worker came late"
            network.wait_state("a", "suspect")
            assert "has not answered a probe" in _reason(network, "a")
            a.wait_for("the master hears this node and gets no answers from it")
            assert network.client.recognize(picture(shade=300)).result.pack == "faulty@1.0.0"
            assert network.state("a") == "suspect"
        finally:
            os.kill(worker.pid, signal.SIGCONT)
        network.wait_state("a", "ready")
        counts = {node.name: node.done for node in network.client.nodes()}
        assert counts == {"a": 0, "b": 13}, "each picture has one answer, by whoever gave it first"
        network.client.tell_node("b", "drain")
        assert network.client.recognize(picture(shade=301)).result.pack == "faulty@1.0.0"
        assert {node.name: node.done for node in network.client.nodes()}["a"] == 1


async def _say_ready(network: Network, until: str, *, allowed: int) -> None:
    """Simulate node `a` with a raw client, until its reason contains `until`: it only sends heartbeats that say
    `ready` and allow `allowed` dispatches."""
    member = json.loads((network.folder / "a" / "membership.json").read_text())
    client = await nats.connect(
        f"tls://127.0.0.1:{network.nats_port}",
        tls=trust(member["ca_pem"]),
        tls_hostname=MASTER_HOSTNAME,
        nkeys_seed_str=(network.folder / "a" / "node.nk").read_text(),
        inbox_prefix=contract.inbox_prefix("a"),
    )
    host = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")
    workers = (WorkerReport(index=0, state="idle"),)
    hello = contract.node_subject("a", "hello", ANY)
    ca_pem = (network.data / "identity" / "ca.pem").read_text()
    fingerprint = host_fingerprint(NodeSettings().machine_id_file, ca_pem)
    answer = await client.request(hello, Hello(session="s", fingerprint=fingerprint).wire(), timeout=5)
    assert answer.data, answer.headers
    gateway = Welcome.model_validate_json(answer.data).gateway
    heartbeat = Heartbeat(
        state="ready",
        session="s",
        workers=workers,
        grants={gateway: Grant(allowed=allowed, allowed_bytes=1_000_000)},
        picture_s=0.001,
        host=host,
    )
    for _ in range(100):
        await client.publish(contract.node_subject("a", "heartbeat", ALL), heartbeat.wire())
        if until in await asyncio.to_thread(_reason, network, "a"):
            break
        await asyncio.sleep(0.1)
    await client.close()
    assert until in await asyncio.to_thread(_reason, network, "a")
    assert await asyncio.to_thread(network.state, "a") == "suspect"


@pytest.mark.usefixtures("quick_probes")
def test_a_node_that_only_sends_heartbeats_is_taken_out(network: Network) -> None:
    with network.node("a"):
        pass
    asyncio.run(_say_ready(network, "has not answered a probe", allowed=100))
    assert not network.client.status().nodes.get("ready")


@pytest.mark.usefixtures("quick_probes")
def test_a_node_that_grants_nothing_while_pictures_wait_is_taken_out(network: Network) -> None:
    with network.node("a"):
        pass
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(network.client.recognize, picture())
        asyncio.run(_say_ready(network, "grants no credit for the pictures that wait", allowed=0))
        with network.node("b"):
            assert sent.result(timeout=30).result.pack == "faulty@1.0.0"
