"""Events reach everybody who subscribed, before `publish` returns."""

from __future__ import annotations

from manyeyes.fleet.node_events import CutOff, Listed, NodeEvent, NodeEvents


def test_all_subscribers_hear_each_event_in_order() -> None:
    events = NodeEvents()
    events.publish(Listed())
    first: list[NodeEvent] = []
    second: list[NodeEvent] = []
    events.subscribe(first.append)
    events.publish(CutOff("a"))
    events.subscribe(second.append)
    events.publish(Listed())
    assert first == [CutOff("a"), Listed()] and second == [Listed()]
