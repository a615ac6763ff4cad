"""Harms nodes while they hold pictures, and measures what happens to these pictures, and how soon.

The victims are held in the middle of a picture until only their pictures are open; then they are harmed. A picture
is *taken up* when a healthy node begins it, or when it is answered, whichever comes first.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from background import Background

from .disks import mounted
from .fleet import Fleet, running_fleet
from .gate import Gate, write_numbered
from .memory import bounded_memory

WELL = ("beta", "gamma")
"""Nodes that are never harmed."""
DISK = "96m"
MEMORY_BYTES = 400_000_000
STARTS = 5
"""How many nodes are started at a time."""
QUIET_S = 0.15
"""Seconds without a picture begun or answered, after which all open pictures are held by the victims."""
OPEN_S = 0.5
"""Seconds after which victims that all hold a picture are harmed in any case: a little later the master gives their
pictures to other nodes as well, because they take too long."""
TRIES = 4
"""How often a round is tried; it is repeated if the victims held no picture."""
LATE_S = 1.0
"""Seconds in which a node that works again has sent the results that it still had."""


@dataclass
class Victim:
    """A node that is to be harmed; with a small disk and limited memory if `disk` and `cgroup` are set."""

    name: str
    fleet: Fleet
    gate: Gate
    disk: Path | None = None
    cgroup: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    """The variables with which it was started last."""

    @property
    def node(self) -> Background:
        return self.fleet.nodes[self.name]

    @property
    def alive(self) -> bool:
        return self.name in self.fleet.nodes and self.node.process.poll() is None

    def start(self, env: Mapping[str, str], *, wait: bool = True) -> None:
        self.env = dict(env)
        wrap = ["sh", "-c", f'echo $$ > {self.cgroup}/cgroup.procs; exec "$@"', "sh"] if self.cgroup else []
        self.fleet.start_node(self.name, env={**self.gate.env(self.name), **env}, wrap=wrap, wait=wait)


Act = Callable[[Victim], None]


def nothing(_: Victim) -> None:
    """Leave the victim alone."""


@dataclass(frozen=True)
class Way:
    """A way of leaving.

    Attributes:
        title: its name in the table.
        harm: done to the victim while it holds pictures; returns at once.
        undo: ends the harm after every picture is answered; the victim may have ended.
        after: further actions, each with the seconds after the harm.
        needs_s: how long the current picture still takes when the harm is done.
        status: the exit status with which the victim must end by itself; None if it need not end.
        env: the variables with which the victim is started.
    """

    title: str
    harm: Act
    undo: Act = nothing
    after: tuple[tuple[float, Act], ...] = ()
    needs_s: float = 0.0
    status: int | None = None
    env: Callable[[Victim], dict[str, str]] = lambda _: {}


@dataclass(frozen=True)
class Taken:
    """The outcome of one round; times in seconds since the harm."""

    held: int
    taken_up_s: float
    lost: int
    doubled: int
    ended: dict[str, tuple[int, float]]
    """The victims that ended, by name: exit status, and when."""


@dataclass
class Scene:
    """A fleet with victims and two healthy nodes."""

    fleet: Fleet
    gate: Gate
    victims: dict[str, Victim]
    rounds: int = 0


class Answers:
    """When each picture was answered, read while the user sends."""

    def __init__(self, out: Path) -> None:
        self._path = out / "results.jsonl"
        self._read = 0
        self.at_s: dict[str, float] = {}
        self.lines: Counter[str] = Counter()
        self.errors: dict[str, str] = {}

    def look(self) -> bool:
        """Read new lines. Returns whether there were any."""
        if not self._path.exists():
            return False
        whole = self._path.read_bytes()[self._read :]
        whole = whole[: whole.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            record = json.loads(line)
            name = Path(record["file"]).stem
            self.at_s.setdefault(name, time.monotonic())
            self.lines[name] += 1
            if record.get("error"):
                self.errors[name] = record["error"]["detail"]
        return bool(whole)


@contextmanager
def scene_of(place: Path, pack: Path, ways: Mapping[str, Way]) -> Iterator[Scene]:
    """A fleet with the gated pack, all nodes ready: victims by name, each started for its way, and healthy nodes."""
    gate = Gate(place / "gate")
    with ExitStack() as stack:
        disks = {name: stack.enter_context(mounted(place / name, f"size={DISK}")) for name in ways}
        groups = {name: stack.enter_context(bounded_memory(MEMORY_BYTES)) for name in ways}
        fleet = stack.enter_context(running_fleet(place, [*ways, *WELL], pack=pack))
        victims = {name: Victim(name, fleet, gate, disks[name], groups[name]) for name in ways}
        starts = [
            partial(victim.start, ways[name].env(victim), wait=False) for name, victim in victims.items()
        ]
        starts += [partial(fleet.start_node, name, env=gate.env(name), wait=False) for name in WELL]
        for first in range(0, len(starts), STARTS):
            for start in starts[first : first + STARTS]:
                start()
            for node in fleet.nodes.values():
                node.wait_ready(90)
        yield Scene(fleet, gate, victims)


def play(scene: Scene, ways: Mapping[str, Way], folder: Path, within_s: float) -> Taken:
    """Send pictures, harm the victims with these names while they hold some, and wait until all are answered.

    Raises:
        AssertionError: a picture was not answered in `within_s`, a victim did not end as it should, or the victims
            held nothing in all tries.
    """
    for number in range(TRIES):
        if (taken := _play(scene, ways, folder / str(number), within_s)) is not None:
            return taken
    raise AssertionError("the victims hold nothing, which proves nothing")


def _play(scene: Scene, ways: Mapping[str, Way], folder: Path, within_s: float) -> Taken | None:
    """One try; None if the victims held nothing and were not harmed."""
    victims = {name: scene.victims[name] for name in ways}
    _make_ready(scene, ways)
    names, before = _pictures(scene, folder, 4 * (len(victims) + len(WELL))), _counted(scene.fleet)
    for name in victims:
        scene.gate.tell(name, "hold")
    answers, ended, harmed = Answers(folder / "out"), dict[str, tuple[int, float]](), False
    sending = scene.fleet.send([folder / "in"], folder / "out", folder / "send.log", in_flight=len(names))
    try:
        held = _held(scene, names, answers)
        if not held:
            return None
        harmed = True
        harm_at = time.monotonic()
        for name, way in ways.items():
            way.harm(victims[name])
        steps = [(way.needs_s, _opened, name) for name, way in ways.items()]
        steps += [(after_s, act, name) for name, way in ways.items() for after_s, act in way.after]
        steps.sort(key=lambda step: step[0])
        due = {name for name, way in ways.items() if way.status is not None}
        while sending.process.poll() is None or due - set(ended):
            now = time.monotonic()
            while steps and now >= harm_at + steps[0][0]:
                _, act, name = steps.pop(0)
                act(victims[name])
            answers.look()
            for name, victim in victims.items():
                if name not in ended and (status := victim.node.process.poll()) is not None:
                    ended[name] = (status, now - harm_at)
            if now > harm_at + within_s:
                raise AssertionError(_told(scene, ways, set(held) - set(answers.at_s), due - set(ended)))
            time.sleep(0.005)
        answers.look()
    finally:
        for name, way in ways.items():
            scene.gate.open(name)
            if harmed:
                way.undo(victims[name])
        sending.stop()
    for name in due:
        seen = ended[name][0]
        assert seen == ways[name].status, f"{ways[name].title}: {seen}\n{victims[name].node.output[-3000:]}"
    return Taken(
        held=len(held),
        taken_up_s=max(_taken_up_at(scene, name, harm_at, answers) for name in held) - harm_at,
        lost=sum(name not in answers.at_s or name in answers.errors for name in names),
        doubled=sum(answers.lines.values()) - len(answers.lines) + _surplus(scene, before, len(names)),
        ended=ended,
    )


def play_under_load(scene: Scene, name: str, way: Way, folder: Path, pictures: int, within_s: float) -> float:
    """Harm a victim while pictures are sent.

    Four pictures are in flight at a time, fewer than the nodes ask for: so some are given to the victim just when
    it is harmed, and after that.

    Returns:
        How long the slowest picture took, in seconds, of those that were open at the harm or sent later.

    Raises:
        AssertionError: a picture was lost or answered twice.
    """
    in_flight, victim = 4, scene.victims[name]
    _make_ready(scene, {name: way})
    names, before = _pictures(scene, folder, pictures), _counted(scene.fleet)
    answers = Answers(folder / "out")
    paths = [folder / "in" / f"{picture}.png" for picture in names]
    began = time.monotonic()
    sending = scene.fleet.send(paths, folder / "out", folder / "send.log", in_flight=in_flight)
    harm_at = float("inf")
    try:
        while sending.process.poll() is None:
            answers.look()
            if harm_at > time.monotonic() and len(answers.at_s) > pictures // 8:
                harm_at = time.monotonic()
                way.harm(victim)
            assert time.monotonic() < began + within_s, f"{way.title}: {len(answers.at_s)} of {pictures}"
            time.sleep(0.005)
        answers.look()
    finally:
        way.undo(victim)
        sending.stop()
    assert not answers.errors, answers.errors
    assert answers.lines == Counter(names), f"{way.title}: not each picture once"
    assert _surplus(scene, before, pictures) == 0
    sent = [began] * in_flight + sorted(answers.at_s.values())
    return max(
        answers.at_s[picture] - max(sent[number], harm_at)
        for number, picture in enumerate(names)
        if answers.at_s[picture] > harm_at
    )


def _make_ready(scene: Scene, ways: Mapping[str, Way]) -> None:
    """Make the victims run with the environments of their ways, and wait until all nodes are ready.

    A victim that was held before is restarted: the master considers it slow, and would give its pictures to others.
    """
    for name, way in ways.items():
        victim = scene.victims[name]
        scene.gate.tell(name, "")
        env = way.env(victim)
        if victim.alive and (scene.rounds or env != victim.env):
            victim.node.stop()
        if not victim.alive:
            victim.start(env)
    scene.fleet.wait_ready(*ways, *WELL)


def _pictures(scene: Scene, folder: Path, count: int) -> list[str]:
    scene.rounds += 1
    names = [f"{scene.rounds:03}-{number:04}" for number in range(count)]
    write_numbered(folder / "in", names)
    return names


def _opened(victim: Victim) -> None:
    victim.gate.open(victim.name)


def _held(scene: Scene, names: list[str], answers: Answers) -> list[str]:
    """Wait until all victims hold a picture and, if that happens in time, until only they hold pictures.

    Returns:
        The pictures that are not answered and that no healthy node has begun.
    """
    began, held_since = time.monotonic(), float("inf")
    quiet_since, seen = began, 0
    told = [name for name in scene.victims if scene.gate.told(name) == "hold"]
    while True:
        now = time.monotonic()
        begun = [entry for entry in scene.gate.begun() if entry.name in names]
        if answers.look() or len(begun) != seen:
            quiet_since, seen = now, len(begun)
        if set(told) <= {entry.node for entry in begun}:
            held_since = min(held_since, now)
            if answers.at_s and (now - quiet_since > QUIET_S or now - held_since > OPEN_S):
                break
        assert now - began < 30, f"not all hold something\n{scene.fleet.log(told[0])[-2000:]}"
        time.sleep(0.01)
    well = {entry.name for entry in begun if entry.node in WELL}
    return [name for name in names if name not in answers.at_s and name not in well]


def _taken_up_at(scene: Scene, name: str, harm_at: float, answers: Answers) -> float:
    elsewhere = [
        entry.at_s
        for entry in scene.gate.begun()
        if entry.name == name and entry.node in WELL and entry.at_s > harm_at
    ]
    return min([*elsewhere, answers.at_s[name]])


def _told(scene: Scene, ways: Mapping[str, Way], missing: set[str], running: set[str]) -> str:
    logs = "\n".join(f"{name}: {scene.fleet.log(name)[-3000:]}" for name in ways)
    titles = ", ".join(way.title for way in ways.values())
    return f"{titles}: not answered {sorted(missing)}, not ended {sorted(running)}\n{logs}"


def _counted(fleet: Fleet) -> Counter[str]:
    """Pictures that the master counts as answered: in all, and by nodes."""
    tasks = json.loads(fleet.ordered("status", "--json"))["tasks"]
    counted = Counter({"all": tasks["done"] + tasks["failed"]})
    for name, node in fleet.listed().items():
        counted[name] = node["done"] + node["failed"]
    return counted


def _surplus(scene: Scene, before: Counter[str], pictures: int) -> int:
    """How many answers the master counts beyond one for each picture. Checks that the nodes' counts add up."""
    time.sleep(LATE_S)
    scene.fleet.wait_ready(*WELL, *(name for name, victim in scene.victims.items() if victim.alive))
    after = _counted(scene.fleet)
    new = {name: after[name] - before[name] for name in after}
    if set(before) <= set(after):
        assert new["all"] == sum(new.values()) - new["all"], f"counts do not add up: {new}"
    return max(new["all"] - pictures, 0)
