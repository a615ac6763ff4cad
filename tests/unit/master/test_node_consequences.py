"""What follows when something happens to a node."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.call_recorder import CallRecorder

from manyeyes.fleet.node_events import CutOff, Greeted, Listed, NodeEvents, Removed
from manyeyes.fleet.node_state import Change
from manyeyes.master.node_consequences import NodeConsequences


class Scene:
    """The parts that hear of nodes; each keeps its calls."""

    def __init__(self) -> None:
        self.dispatcher, self.calls, self.enforcer, self.probing = (
            CallRecorder(),
            CallRecorder(),
            CallRecorder(),
            CallRecorder(),
        )
        self.activity, self.logs, self.monitor, self.pages = (
            CallRecorder(),
            CallRecorder(),
            CallRecorder(),
            CallRecorder(),
        )
        parts: Any = (
            self.dispatcher, self.calls, self.enforcer, self.probing, self.activity, self.logs,
            self.monitor, self.pages,
        )  # fmt: skip
        self.events = NodeEvents()
        self.events.subscribe(NodeConsequences(*parts).follow)


@pytest.mark.parametrize(
    ("state", "dispatcher", "calls"),
    [
        ("ready", [], []),
        ("suspect", [("node_unresponsive", "a")], []),
        ("lost", [("node_gone", "a")], [("node_gone", "a", "why")]),
        ("left", [("node_gone", "a")], [("node_gone", "a", "why")]),
    ],
)
def test_a_change_of_state(state: str, dispatcher: list[Any], calls: list[Any]) -> None:
    scene = Scene()
    scene.events.publish(Change("a", "working", state, "why"))
    assert scene.dispatcher.calls == dispatcher and scene.calls.calls == calls
    assert [call[:2] for call in scene.monitor.calls] == [("node_changed", "a")]


def test_a_node_that_is_cut_off_gives_back_what_it_holds_and_may_return() -> None:
    scene = Scene()
    scene.events.publish(CutOff("a"))
    assert scene.dispatcher.calls == [("node_gone", "a")]
    assert scene.calls.calls == [("node_gone", "a", "cut off")]
    assert scene.pages.calls == [("notify", "nodes")]
    assert scene.enforcer.calls == scene.probing.calls == [], "its ban goes on"


def test_a_removed_node_is_forgotten_everywhere() -> None:
    scene = Scene()
    scene.events.publish(Removed("a"))
    for part in (scene.dispatcher, scene.enforcer, scene.probing, scene.activity, scene.logs):
        assert part.calls == [("forget", "a")]
    assert scene.calls.calls == [("node_gone", "a", "it was removed")]
    assert scene.monitor.calls == [("node_removed", "a")]


def test_a_node_that_greets_and_one_that_has_other_facts() -> None:
    scene = Scene()
    scene.events.publish(Greeted("a", new_process=True))
    scene.events.publish(Listed())
    assert scene.calls.calls == [("node_greets", "a", {"new_process": True})]
    assert scene.pages.calls == [("notify", "nodes")] and scene.dispatcher.calls == []
