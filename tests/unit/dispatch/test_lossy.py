"""Whatever is lost, late or sent twice between gateways and nodes: every picture ends once, and no credit leaks."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from tests.unit.dispatch.lossy import WINDOW_BYTES, World

from manyeyes.contract import CHUNK_BYTES

NODES, GATEWAYS = 2, 2
node_number, gateway_number = st.integers(0, NODES - 1), st.integers(0, GATEWAYS - 1)
few = st.integers(0, 3)
SIZES = [CHUNK_BYTES // 10, CHUNK_BYTES, 3 * CHUNK_BYTES]


class Lossy(RuleBasedStateMachine):
    """Two gateways and two nodes, to which anything may happen in any order."""

    @initialize(first=st.integers(1, 3), second=st.integers(1, 3))
    def begin(self, first: int, second: int) -> None:
        self.world = World((first, second), GATEWAYS)
        for gateway in self.world.gateways:
            self.world.broadcast(gateway)
        for _ in range(3):
            for line in self.world.lines():
                self.world.deliver(*line)

    def node(self, number: int) -> str:
        return f"n{number}"

    def gateway(self, number: int) -> str:
        return f"g{number}"

    # what users and workers do

    @rule(number=gateway_number, size=st.sampled_from(SIZES), count=st.integers(1, 3))
    def submit(self, number: int, size: int, count: int) -> None:
        for _ in range(count):
            self.world.gateways[self.gateway(number)].submit(self.world.new_task(), size)

    @rule(gateway=gateway_number, node=node_number)
    def probe(self, gateway: int, node: int) -> None:
        self.world.gateways[self.gateway(gateway)].probe(self.world.new_task(), self.node(node))

    @rule(
        number=node_number,
        place=few,
        status=st.sampled_from(["done", "done", "error", "crashed", "returned"]),
    )
    def end(self, number: int, place: int, status: str) -> None:
        node = self.world.nodes[self.node(number)]
        open_tasks = [task_id for task_id, held in node.held.items() if held.status is None]
        if open_tasks:
            node.end(open_tasks[place % len(open_tasks)], status)  # type: ignore[arg-type]

    @rule(number=node_number)
    def send_outcomes_again(self, number: int) -> None:
        node = self.world.nodes[self.node(number)]
        for task_id in list(node.held):
            node.send_outcome(task_id)

    @rule(number=node_number, capacity=st.integers(0, 3))
    def workers_come_or_go(self, number: int, capacity: int) -> None:
        self.world.nodes[self.node(number)].resize(capacity)

    @rule(number=node_number, closed=st.booleans())
    def pause(self, number: int, closed: bool) -> None:
        node = self.world.nodes[self.node(number)]
        node.grants.closed = closed
        node.heartbeat()

    @rule(number=node_number)
    def crash(self, number: int) -> None:
        self.world.nodes[self.node(number)].crash()

    # what the network does

    @rule(place=st.integers(0, 7), count=st.integers(1, 9))
    def deliver(self, place: int, count: int) -> None:
        lines = self.world.lines()
        if lines:
            self.world.deliver(*lines[place % len(lines)], count)

    @rule()
    def deliver_all(self) -> None:
        for line in self.world.lines():
            self.world.deliver(*line)

    @rule(place=st.integers(0, 7), first=few, count=st.integers(1, 9))
    def lose(self, place: int, first: int, count: int) -> None:
        lines = self.world.lines()
        if lines:
            self.world.network.lose(*lines[place % len(lines)], first, count)

    @rule(number=node_number, carried=few)
    def disconnect_node(self, number: int, carried: int) -> None:
        self.world.disconnect_node(self.node(number), carried)

    @rule(number=node_number)
    def connect_node(self, number: int) -> None:
        self.world.connect_node(self.node(number))

    @rule(number=gateway_number, carried=few)
    def disconnect_gateway(self, number: int, carried: int) -> None:
        self.world.disconnect_gateway(self.gateway(number), carried)

    @rule(number=gateway_number)
    def connect_gateway(self, number: int) -> None:
        self.world.gateways[self.gateway(number)].connected = True

    # what time and rulers do

    @rule(number=node_number)
    def heartbeat(self, number: int) -> None:
        self.world.nodes[self.node(number)].heartbeat()

    @rule(number=gateway_number)
    def flush(self, number: int) -> None:
        self.world.gateways[self.gateway(number)].flush()

    @rule(number=gateway_number)
    def hedge(self, number: int) -> None:
        self.world.gateways[self.gateway(number)].hedge()

    @rule(gateway=gateway_number, node=node_number)
    def unresponsive(self, gateway: int, node: int) -> None:
        self.world.gateways[self.gateway(gateway)].unresponsive(self.node(node))

    @rule(number=gateway_number)
    def broadcast(self, number: int) -> None:
        self.world.broadcast(self.gateway(number))

    @rule(seconds=st.sampled_from([0.1, 0.6, 3.5, 8.0, 61.0]))
    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)

    def teardown(self) -> None:
        """In the end the network is whole again, and everything must have come right."""
        if not hasattr(self, "world"):
            return
        self.world.heal()
        for gateway in self.world.gateways.values():
            assert gateway.waits == set(), "a picture has no end"
            assert len(gateway.table) == 0 and gateway.table._entries == {}
            for node in self.world.nodes.values():
                account = gateway.table._accounts[node.name]
                assert account.held == set()
                assert account.free == max(1, node.capacity), "credit leaked"
                assert account.allowed_bytes - account.sent_bytes == WINDOW_BYTES, "credit for bytes leaked"
        for node in self.world.nodes.values():
            assert node.held == {}, "a node holds what nobody wants"


TestLossy = Lossy.TestCase
TestLossy.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)


DRAWN: dict[str, Callable[[Random], dict[str, Any]]] = {
    "submit": lambda r: {
        "number": r.randrange(2),
        "size": r.choice(SIZES),
        "count": r.randint(1, 3),
    },
    "probe": lambda r: {"gateway": r.randrange(2), "node": r.randrange(2)},
    "end": lambda r: {
        "number": r.randrange(2),
        "place": r.randrange(4),
        "status": r.choice(["done", "done", "error", "crashed", "returned"]),
    },
    "send_outcomes_again": lambda r: {"number": r.randrange(2)},
    "workers_come_or_go": lambda r: {"number": r.randrange(2), "capacity": r.randrange(4)},
    "pause": lambda r: {"number": r.randrange(2), "closed": r.random() < 0.5},
    "crash": lambda r: {"number": r.randrange(2)},
    "deliver": lambda r: {"place": r.randrange(8), "count": r.randint(1, 9)},
    "deliver_all": lambda r: {},
    "lose": lambda r: {"place": r.randrange(8), "first": r.randrange(4), "count": r.randint(1, 9)},
    "disconnect_node": lambda r: {"number": r.randrange(2), "carried": r.randrange(4)},
    "connect_node": lambda r: {"number": r.randrange(2)},
    "disconnect_gateway": lambda r: {"number": r.randrange(2), "carried": r.randrange(4)},
    "connect_gateway": lambda r: {"number": r.randrange(2)},
    "heartbeat": lambda r: {"number": r.randrange(2)},
    "flush": lambda r: {"number": r.randrange(2)},
    "hedge": lambda r: {"number": r.randrange(2)},
    "unresponsive": lambda r: {"gateway": r.randrange(2), "node": r.randrange(2)},
    "broadcast": lambda r: {"number": r.randrange(2)},
    "pass_time": lambda r: {"seconds": r.choice([0.1, 0.6, 3.5, 8.0, 61.0])},
}


@pytest.mark.slow
def test_long_histories_in_which_some_things_happen_often_and_others_never() -> None:
    for seed in range(250):
        random = Random(seed)
        weights = [random.choice([0, 1, 1, 3]) for _ in DRAWN]
        history = Lossy()
        history.begin(first=random.randint(1, 3), second=random.randint(1, 3))
        try:
            for name in random.choices(list(DRAWN), weights, k=80):
                getattr(history, name)(**DRAWN[name](random))
            history.teardown()
        except AssertionError as error:
            raise AssertionError(f"with the seed {seed}: {error}") from error
