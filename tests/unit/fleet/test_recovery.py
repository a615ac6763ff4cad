"""An unresponsive node comes back by what it lacked, and only then."""

from __future__ import annotations

from manyeyes.contract import Heartbeat, HostFacts
from manyeyes.fleet.node_events import NodeEvent, NodeEvents
from manyeyes.fleet.node_state import Change, Fleet
from manyeyes.fleet.probes import Probes, TakeOut
from manyeyes.fleet.recovery import Recovery

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")


def test_a_node_that_answers_takes_pictures_again_and_one_that_never_lacked_changes_nothing() -> None:
    probes, fleet, events = Probes(60.0, 5.0, 5.0), Fleet(4, 7), NodeEvents()
    happened: list[NodeEvent] = []
    events.subscribe(happened.append)
    recovery = Recovery(probes, fleet, events)
    fleet.heard("a", Heartbeat(state="working", host=HOST), 12.0)
    for now in (0.0, 6.0, 12.0):
        instructions = probes.seen("a", True, 1, 0.0, 0.0, now)
    assert isinstance(instructions[0], TakeOut)
    fleet.unresponsive("a", instructions[0].reason)
    recovery.answered("b", 12.5)
    assert happened == []
    recovery.answered("a", 13.0)
    assert [(event.name, event.new) for event in happened if isinstance(event, Change)] == [("a", "working")]
    recovery.answered("a", 14.0)
    assert len(happened) == 1
