"""Work goes where it is done soonest: fast and slow nodes, played by a recogniser that waits a set time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from tests.integration.conftest import Network, picture

FAST_S, SLOW_S = 0.1, 1.0


def _makespan_s(network: Network, count: int) -> float:
    with ThreadPoolExecutor(32) as pool:
        begun = time.monotonic()
        sent = [pool.submit(network.client.recognize, picture(b"", n)) for n in range(count)]
        ids = {answer.result(timeout=120).result.task_id for answer in sent}
        took_s = time.monotonic() - begun
    assert len(ids) == count
    return took_s


def test_try(network: Network) -> None:
    with ExitStack() as stack:
        for name, seconds in (("fast1", FAST_S), ("fast2", FAST_S), ("slow1", SLOW_S), ("slow2", SLOW_S)):
            stack.enter_context(network.node(name, FAULTY_PICTURE_S=str(seconds)))
        print([(n.name, n.state) for n in network.client.nodes()])
        for count in (1, 4, 600):
            took_s = _makespan_s(network, count)
            ideal_s = count / (2 / FAST_S + 2 / SLOW_S)
            print(count, "took", took_s, "ideal", ideal_s, "ratio", took_s / ideal_s)
            print([(n.name, n.done, n.failed) for n in network.client.nodes()])
        print(network.master.log.read_text()[-3000:])
    assert False
