"""What one tick of the master's clock does, and in which order."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import pytest
from tests.unit.call_recorder import CallRecorder

from manyeyes.contract import Heartbeat, HostFacts
from manyeyes.fleet.node_events import NodeEvent, NodeEvents
from manyeyes.fleet.node_state import Change, Fleet
from manyeyes.master.clock import SILENT_S, Clock
from manyeyes.master.schedule import TICK_S

HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")


class Broadcaster:
    """Sends nothing; counts."""

    def __init__(self) -> None:
        self.sent_at = float("-inf")
        self.sent = 0

    def send(self) -> None:
        self.sent += 1


class Scene:
    """A clock over one node that is ready; the time is the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(time, "monotonic", lambda: 100.0)
        self.fleet, self.dispatcher, self.probing, self.activity = (
            Fleet(4, 7),
            CallRecorder(),
            CallRecorder(),
            CallRecorder(),
        )
        self.fleet.heard("a", Heartbeat(state="ready", session="s", host=HOST), 100.0)
        self.broadcaster = Broadcaster()
        self.happened: list[NodeEvent] = []
        self.followed: list[float] = []
        events = NodeEvents()
        events.subscribe(self.happened.append)
        parts: Any = (self.dispatcher, self.probing, self.broadcaster, self.activity)
        self.clock = Clock(self.fleet, events, *parts, (self.followed.append,))


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_a_tick_looks_at_the_nodes_and_does_what_is_due(scene: Scene) -> None:
    scene.clock.tick(100.5)
    assert scene.happened == [] and scene.dispatcher.calls == []
    assert scene.probing.calls == [("look", 100.5)] and scene.activity.calls == [("record",)]
    assert scene.broadcaster.sent == 1 and scene.followed == [100.5]
    scene.broadcaster.sent_at = 100.5
    scene.clock.tick(101.0)
    assert scene.broadcaster.sent == 1 and len(scene.activity.calls) == 1, "neither is due"


def test_a_node_that_falls_silent_is_looked_for_then_suspect_then_lost(scene: Scene) -> None:
    now = 100.0
    for _ in range(16):
        now += TICK_S
        scene.clock.tick(now)
    changes = [event for event in scene.happened if isinstance(event, Change)]
    assert [change.new for change in changes] == ["suspect", "lost"]
    assert scene.dispatcher.calls[0] == ("look_for", "a")
    assert len(scene.dispatcher.calls) < 16 - SILENT_S / TICK_S, "not once it is lost"


def test_after_standing_still_nobody_is_taken_for_silent(scene: Scene) -> None:
    scene.clock.tick(160.5)
    assert scene.happened == [] and scene.dispatcher.calls == []


def test_a_full_disk_ends_no_tick_and_is_said_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full = [sqlite3.OperationalError("database or disk is full"), OSError(28, "No space left on device")]

    def write(*_: object) -> None:
        if full:
            raise full[0]

    monkeypatch.setattr(scene.clock._activity, "record", write, raising=False)
    scene.clock._followers = (write, scene.followed.append)
    for now in (100.5, 111.0, 122.0):
        scene.clock.tick(now)
    assert scene.followed == [100.5, 111.0, 122.0], "what comes after is done"
    assert capsys.readouterr().out.count("the registry cannot be written") == 1
    del full[0]
    scene.clock.tick(133.0)
    full.clear()
    scene.clock.tick(144.0)
    assert "the registry can be written again" in capsys.readouterr().out


def test_a_defect_is_not_taken_for_a_full_disk(scene: Scene) -> None:
    def wrong(_: float) -> None:
        raise ValueError

    scene.clock._followers = (wrong,)
    with pytest.raises(ValueError):
        scene.clock.tick(100.5)
