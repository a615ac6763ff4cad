"""How many messages a picture needs: counted by a second connection with the master's key, which gets them all."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from manyeyes import contract, identity
from manyeyes.broker.connection import Incoming
from manyeyes.broker.masterlink import MasterLink
from tests.integration.conftest import Network, picture

PICTURE_VERBS = ("result", "credit", "chunk")


@contextmanager
def counting(network: Network) -> Iterator[Counter[str]]:
    """Count the messages of gateways and nodes about pictures, without heartbeats."""
    seen: Counter[str] = Counter()
    data = network.data
    key = identity.load_or_make_nkey(data / "identity" / "master.nk")
    ca_pem = (data / "identity" / "ca.pem").read_text()
    listening, done = threading.Event(), threading.Event()

    def hear(message: Incoming) -> None:
        if message.subject.startswith("me.dispatch."):
            seen["dispatch"] += 1
        elif (verb := contract.parse_node_subject(message.subject)[1]) in PICTURE_VERBS:
            seen[verb] += 1

    async def listen() -> None:
        link = await MasterLink.connect(f"127.0.0.1:{network.nats_port}", ca_pem, key.seed, "counting")
        await link.receive(contract.DISPATCHES_SUBJECT, hear)
        await link.receive(contract.GATEWAYS_SUBJECT, hear)
        await link.answers(2.0)
        listening.set()
        await asyncio.to_thread(done.wait)
        await link.close()

    thread = threading.Thread(target=asyncio.run, args=(listen(),))
    thread.start()
    assert listening.wait(10)
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def test_a_picture_crosses_two_messages_under_load_and_three_alone(network: Network) -> None:
    with network.node("a", workers=2, FAULTY_PICTURE_S="0.03"):
        network.client.recognize(picture())
        with counting(network) as alone:
            for number in range(10):
                network.client.recognize(picture(b"alone", number))
        assert sum(alone.values()) <= 3 * 10 + 1, alone
        assert any(under_load(network, tries) for tries in range(5)), "the machine was busy five times?"


def under_load(network: Network, nth: int, count: int = 150) -> bool:
    """Whether pictures crossed two messages each.

    A confirmation waits 50 ms for the next dispatch to the same node: on a machine that is busy with other programs
    it may travel alone.
    """
    with counting(network) as loaded, ThreadPoolExecutor(16) as pool:
        pictures = [picture(b"load", nth * count + n) for n in range(count)]
        list(pool.map(network.client.recognize, pictures))
    assert loaded["dispatch"] >= count and loaded["result"] >= count, loaded
    return sum(loaded.values()) <= 2.2 * count
