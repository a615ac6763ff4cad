"""Pictures go to the node that finishes them soonest. Fast and slow nodes: a recogniser that waits for a set time."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

from manyeyes import Prediction
from tests.integration.conftest import Network, picture


def _send(network: Network, pool: ThreadPoolExecutor, count: int) -> list[Future[Prediction]]:
    return [pool.submit(network.client.recognize, picture(b"", n)) for n in range(count)]


def _wait(sent: list[Future[Prediction]], done: int) -> None:
    end = time.monotonic() + 60
    while sum(answer.done() for answer in sent) < done:
        assert time.monotonic() < end, f"fewer than {done} answers in 60 s"
        time.sleep(0.01)


def _done(network: Network) -> dict[str, int]:
    return {node.name: node.done for node in network.client.nodes()}


def test_the_last_pictures_are_not_held_up_by_a_slow_node(shared: Network) -> None:
    slow_s = 5.0
    with (
        shared.node("slow", FAULTY_PICTURE_S=str(slow_s)),
        shared.node("fast", FAULTY_PICTURE_S="0.03"),
        ThreadPoolExecutor(16) as pool,
    ):
        sent = _send(shared, pool, 120)
        shared.wait_state("slow", "working")
        begun = time.monotonic()
        ids = {answer.result(timeout=60).result.task_id for answer in sent}
        assert time.monotonic() - begun < slow_s, "the slow node's picture was waited for"
        assert len(ids) == 120
        shared.wait_state("slow", "ready")
        assert _done(shared) == {"slow": 0, "fast": 120}, "its late answer does not count"
        assert "hedged" in shared.master.log.read_text()


def test_a_picture_alone_goes_to_the_fast_node(shared: Network) -> None:
    with (
        shared.node("slow", FAULTY_PICTURE_S="1"),
        shared.node("fast", FAULTY_PICTURE_S="0.02"),
    ):
        for number in range(6):
            shared.client.recognize(picture(b"", number))
        assert _done(shared) == {"slow": 0, "fast": 6}


def test_work_spreads_anew_when_a_node_joins_and_when_one_is_removed(shared: Network) -> None:
    with shared.node("a", FAULTY_PICTURE_S="0.1"), ThreadPoolExecutor(16) as pool:
        sent = _send(shared, pool, 150)
        _wait(sent, 5)
        with shared.node("b", FAULTY_PICTURE_S="0.1"):
            _wait(sent, sum(answer.done() for answer in sent) + 10)
            of_both = _done(shared)
            assert of_both["b"] > 0, "the node that joined got nothing"
            assert not all(answer.done() for answer in sent)
            shared.client.remove_node("a")
            ids = {answer.result(timeout=60).result.task_id for answer in sent}
            assert len(ids) == 150
            assert shared.ended("done") == 150
            assert _done(shared)["b"] > of_both["b"]
