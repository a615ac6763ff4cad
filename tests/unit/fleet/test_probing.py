"""Which nodes are watched: whoever says that they take pictures, and has somebody to work on them."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from PIL import Image

from manyeyes.contract import Directive, Heartbeat, HostFacts, WorkerReport
from manyeyes.dispatch.order import Order
from manyeyes.fleet.node_events import NodeEvent, NodeEvents
from manyeyes.fleet.node_state import Change, Fleet
from manyeyes.fleet.probes import Probes
from manyeyes.fleet.probing import PROBE_SIDE_PX, Probing, probe_picture, says_it_takes
from manyeyes.fleet.recovery import Recovery

State = Literal["starting", "idle", "busy", "resting"]
HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")


@pytest.mark.parametrize(
    ("workers", "holds", "takes"),
    [
        (("idle",), 0, True),
        (("resting", "busy"), 0, True),
        (("resting",), 0, False),
        (("starting", "resting"), 0, False),
        ((), 0, False),
        (("resting",), 1, True),
    ],
)
def test_a_node_whose_workers_rest_is_not_unresponsive(
    workers: tuple[State, ...], holds: int, takes: bool
) -> None:
    reports = tuple(WorkerReport(index=index, state=state) for index, state in enumerate(workers))
    assert says_it_takes(Heartbeat(state="working", workers=reports, host=HOST), holds) is takes
    assert not says_it_takes(Heartbeat(state="draining", workers=reports, host=HOST), holds)


class Dispatcher:
    """Says what the test has it say, and keeps what it is told."""

    waiting = 0
    holds = 0
    credit = True

    def __init__(self) -> None:
        self.probed: list[tuple[str, str, tuple[str, ...]]] = []
        self.given_up: list[str] = []

    def held(self, node: str) -> int:
        return self.holds

    def grants(self, node: str) -> bool:
        return self.credit

    def line_s(self, node: str) -> float:
        return 0.0

    def send_probe(self, node: str, data: bytes, order: Order, now: float) -> None:
        self.probed.append((node, order.kind, order.wants))

    def node_unresponsive(self, node: str) -> None:
        self.given_up.append(node)


class Scene:
    """Probing with what stands around it; one node that says that it works."""

    def __init__(self) -> None:
        self.fleet, self.dispatcher = Fleet(4, 7), Dispatcher()
        self.changes: list[tuple[str, str]] = []
        self.told: list[tuple[str, Directive]] = []
        link: Any = SimpleNamespace(
            send=lambda subject, data: self.told.append((subject, Directive.model_validate_json(data)))
        )
        dispatcher: Any = self.dispatcher
        probes, events = Probes(60.0, 5.0, 5.0), NodeEvents()
        events.subscribe(self._keep)
        self.recovery = Recovery(probes, self.fleet, events)
        self.probing = Probing(probes, self.recovery, self.fleet, dispatcher, link, events, "p@1")

    def _keep(self, event: NodeEvent) -> None:
        assert isinstance(event, Change)
        self.changes.append((event.name, event.new))

    def look(self, now: float) -> None:
        """Its heartbeat comes, and it is looked at."""
        idle = (WorkerReport(index=0, state="idle"),)
        self.fleet.heard("a", Heartbeat(state="working", workers=idle, host=HOST), now)
        self.probing.look(now)


def test_an_unresponsive_node_is_told_so_and_others_get_what_it_holds_until_it_answers() -> None:
    scene = Scene()
    scene.dispatcher.holds = 1
    scene.look(0.0)
    scene.look(5.0)
    assert scene.dispatcher.probed == [("a", "recognize", ("picture",))] and scene.changes == []
    scene.look(10.0)
    assert scene.changes == [("a", "suspect")] and scene.dispatcher.given_up == ["a"]
    ((subject, word),) = scene.told
    assert subject == "me.directive.a" and word.kind == "unresponsive" and "probe" in word.detail
    assert not scene.fleet.paces["a"].taking
    scene.recovery.answered("a", 11.0)
    assert scene.changes[-1] == ("a", "working") and scene.fleet.paces["a"].taking


def test_a_node_that_grants_nothing_while_pictures_wait_is_unresponsive_until_it_grants() -> None:
    scene = Scene()
    scene.dispatcher.waiting, scene.dispatcher.credit = 3, False
    for second in range(6):
        scene.look(float(second))
    assert scene.changes == [] and scene.dispatcher.probed == []
    scene.look(6.0)
    assert scene.changes == [("a", "suspect")]
    scene.dispatcher.credit = True
    scene.look(7.0)
    assert scene.changes[-1] == ("a", "working")


def test_a_node_that_is_not_heard_is_not_probed() -> None:
    scene = Scene()
    scene.look(0.0)
    for second in range(5, 200):
        scene.probing.look(float(second))
    assert scene.dispatcher.probed == []


def test_the_probe_is_a_picture() -> None:
    with Image.open(io.BytesIO(probe_picture())) as opened:
        assert opened.size == (PROBE_SIDE_PX, PROBE_SIDE_PX)
    assert len(probe_picture()) > 10_000, "more than one packet"
