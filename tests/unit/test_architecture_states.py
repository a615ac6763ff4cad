"""The diagrams of docs/architecture-states.md show what the modules do: no arrow is missing, none is too much."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest
from tests.unit.node.pictures import outcome, picture

from manyeyes.contract import Grant
from manyeyes.dispatch.instructions import Send
from manyeyes.dispatch.placement import Pace
from manyeyes.dispatch.task_table import TaskTable
from manyeyes.errors import Unavailable, VersionMismatch
from manyeyes.node import node_state
from manyeyes.node.node_state import NodeLife
from manyeyes.node.packs.launch import Launch
from manyeyes.node.worker import slot_state
from manyeyes.node.worker.slot_state import SlotState

PAGE = Path(__file__).parents[2] / "docs" / "architecture-states.md"
T = TypeVar("T")
Arrow = tuple[str, str, str]
"""(from, to, event)."""


def drawn(heading: str) -> set[Arrow]:
    """The arrows under a heading; one from or to a frame is one from each state in it, or to its first."""
    chapter = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    diagram = chapter.partition("```mermaid\n")[2].partition("```")[0]
    arrows: list[Arrow] = []
    inside: dict[str, set[str]] = {}
    first: dict[str, str] = {}
    frame = ""
    for line in map(str.strip, diagram.splitlines()):
        if found := re.fullmatch(r'state ".*" as (\w+) \{', line):
            frame = found[1]
            inside[frame] = set()
        elif line == "}":
            frame = ""
        elif found := re.fullmatch(r"(\S+) --> (\S+?)(?:: (.*))?", line):
            begin, end, label = found[1], found[2], found[3] or ""
            if frame:
                inside[frame] |= {begin, end} - {"[*]"}
            if frame and begin == "[*]":
                first[frame] = end
            elif "[*]" not in (begin, end):
                events = label.partition("(")[0].split("/")
                arrows += [(begin, end, event.strip()) for event in events]
    return {
        (one.replace("_", " "), first.get(end, end).replace("_", " "), event)
        for begin, end, event in arrows
        for one in inside.get(begin, {begin})
    }


def explored(
    start: T,
    steps: Iterable[tuple[str, Callable[[T], Any]]],
    state: Callable[[T], str],
    key: Callable[[T], Any],
) -> set[Arrow]:
    """Every change of state that is reached from `start` by any order of steps."""
    steps = list(steps)
    open_ones, seen, arrows = [start], {repr(key(start))}, set()
    while open_ones:
        here = open_ones.pop()
        for name, step in steps:
            there = copy.deepcopy(here)
            step(there)
            if state(here) != state(there):
                arrows.add((state(here), state(there), name))
            if repr(key(there)) not in seen:
                seen.add(repr(key(there)))
                open_ones.append(there)
    return arrows


def feeding(events: Iterable[Any], *now: float) -> list[tuple[str, Callable[[Any], Any]]]:
    return [
        (type(event).__name__, lambda machine, event=event: machine.handle(event, *now)) for event in events
    ]


nothing: Any = None
ONE, TWO = (Launch(Path("/pack"), name, name, nothing) for name in ("p@1", "p@2"))


def test_a_slot_is_as_drawn() -> None:
    s = slot_state
    events = [
        s.Begin(), s.Started(ONE), s.Started(TWO), s.StartFailed("no"), s.WorkerEnded(), s.Given(picture()),
        s.Worked(outcome()), s.Worked(outcome(status="returned")), s.Worked(outcome(status="crashed")),
        s.PauseOver(), s.Switch(ONE), s.Switch(TWO), s.Drain(),
    ]  # fmt: skip

    def key(slot: SlotState) -> Any:
        return (slot.phase, slot.wanted, slot.running, slot.fit, slot.lost, slot.draining)

    found = explored(SlotState(ONE), feeding(events, 0.0), lambda slot: slot.phase, key)
    assert found == drawn("A slot")


def test_an_agent_is_as_drawn() -> None:
    n = node_state
    events = [
        n.Begin(), n.Connected(), n.Reconnected(), n.Welcomed(True), n.Welcomed(False), n.Approved(), n.StillUnapproved(),
        n.PackHere(ONE), n.ModeChanged("work"), n.ModeChanged("pause"), n.ModeChanged("empty"),
        n.Unresponsive(""), n.Stop(), n.Shutdown(), n.Refused("s", ""), n.Refused("other", ""), n.Removed(),
        n.JoinFailed(VersionMismatch("")), n.Emptied(),
    ]  # fmt: skip
    found = explored(NodeLife("a", "s"), feeding(events), lambda life: life.phase, lambda life: life)
    assert found == drawn("An agent")


class Table:
    """A task table with one task and two nodes, and the last dispatch to each."""

    nodes = ("a", "b")
    paces: ClassVar = {name: Pace(1, 0.1, True) for name in nodes}

    def __init__(self) -> None:
        self.table = TaskTable(max_attempts=2)
        self.sends: dict[str, Send] = {}
        self.number = 0
        self.now = 0.0
        for node in self.nodes:
            self.begin(node)
        self.table.add("t", 10)

    def begin(self, node: str) -> None:
        """A node is in a session of its own."""
        self.number += 1
        session = f"s{self.number}"
        self.table.session(node, session)
        self.table.grant(node, session, Grant(allowed=1000, allowed_bytes=10**9))
        self.sessions = {**getattr(self, "sessions", {}), node: session}

    def grant(self) -> None:
        self.now += 100.0
        for node, session in self.sessions.items():
            self.table.grant(node, session, Grant(allowed=1000, allowed_bytes=10**9))

    def note(self, sends: list[Any]) -> None:
        self.sends |= {send.node: send for send in sends if isinstance(send, Send)}

    def place(self) -> None:
        self.grant()
        self.note(self.table.place(self.now, self.paces))

    def hedge(self) -> None:
        """A while after the task was sent to a node that is slower than the other."""
        self.grant()
        slow = {node: Pace(1, 200.0, True) for node in self.nodes if self.table.holds(node, "t")}
        self.note(self.table.hedge(self.now, {**self.paces, **slow}, 10.0))

    def ended(self, node: str, status: Any) -> None:
        if self.table.holds(node, "t"):
            self.table.ended(node, self.sends[node].attempt_id, status, None, "", self.now)

    def reported(self, node: str, holding: bool) -> None:
        if node in self.sends:
            held = frozenset({self.sends[node].attempt_id} if holding else ())
            self.table.reported(node, self.sessions[node], self.sends[node].number, held, self.now)

    def undelivered(self, node: str) -> None:
        if node in self.sends:
            self.table.undelivered(node, self.sends[node].number)

    def unsent(self, node: str) -> None:
        if node in self.sends:
            self.table.unsent(self.sends[node])

    @property
    def state(self) -> str:
        holders = sum(self.table.holds(node, "t") for node in self.nodes)
        return ("waiting", "sent", "hedged")[holders] if len(self.table) else "answered"

    @property
    def key(self) -> Any:
        """What decides what may come next; told apart by what the table itself keeps of the task."""
        entry = self.table._entries.get("t")
        held = {node: attempt.arrived for node, attempt in entry.attempts.items()} if entry else {}
        return (self.state, held, entry and entry.lost_attempts, self.table.to_send)


def test_a_task_is_as_drawn() -> None:
    steps: list[tuple[str, Callable[[Table], Any]]] = [
        ("place", Table.place),
        ("hedge", Table.hedge),
        ("issue_again", lambda one: one.table.issue_again(["t"])),
        ("fail_all", lambda one: one.table.fail_all(Unavailable("the gateway stops"))),
    ]
    for node in Table.nodes:
        steps += [
            ("ended", lambda one, node=node: one.ended(node, "done")),
            ("ended", lambda one, node=node: one.ended(node, "returned")),
            ("ended", lambda one, node=node: one.ended(node, "crashed")),
            ("reported", lambda one, node=node: one.reported(node, True)),
            ("reported", lambda one, node=node: one.reported(node, False)),
            ("session", lambda one, node=node: one.begin(node)),
            ("undelivered", lambda one, node=node: one.undelivered(node)),
            ("unsent", lambda one, node=node: one.unsent(node)),
            ("node_gone", lambda one, node=node: one.table.node_gone(node)),
        ]
    found = explored(Table(), steps, lambda one: one.state, lambda one: one.key)
    assert found == drawn("A task")


@pytest.mark.parametrize("heading", ["A slot", "An agent", "A task"])
def test_a_diagram_has_arrows(heading: str) -> None:
    assert len(drawn(heading)) > 5
