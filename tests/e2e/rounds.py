"""One node is harmed while it holds pictures: what became of them, and how soon.

The victim is held in the middle of a picture until only its pictures are open; then it is harmed. A picture of
its is *taken up* when another node begins it, or when it is answered, whichever comes first.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from background import Background

from .disks import mounted
from .fleets import Fleet, running_fleet
from .gate import Gate, write_numbered
from .memory import bounded_memory

VICTIM = "alpha"
OTHERS = ("beta", "gamma")
PICTURES = 12
DISK = "96m"
MEMORY_BYTES = 400_000_000
LATE_S = 1.0
"""In which a node that is well again has sent what it still had."""
QUIET_S = 0.4
"""Nothing was begun and nothing answered for so long: what is open lies with the victim."""


@dataclass(frozen=True)
class Taken:
    """What came of one round; times in seconds since the harm."""

    held: int
    taken_up_s: float
    lost: int
    doubled: int
    status: int | None
    """The victim's exit status; None where it ran on."""
    ended_s: float


@dataclass
class Scene:
    """A fleet with a victim: its data folder lies on a small disk, its memory is bounded where that can be."""

    fleet: Fleet
    gate: Gate
    disk: Path
    cgroup: Path | None
    rounds: int = 0
    env: dict[str, str] = field(default_factory=dict)
    """What the victim that runs was started with."""

    @property
    def victim(self) -> Background:
        return self.fleet.nodes[VICTIM]

    def start_victim(self, env: Mapping[str, str]) -> None:
        """Start the victim, on its small disk and in its bounded memory."""
        wrap = ["sh", "-c", f'echo $$ > {self.cgroup}/cgroup.procs; exec "$@"', "sh"] if self.cgroup else []
        self.env = dict(env)
        self.fleet.start_node(VICTIM, env={**self.gate.env(VICTIM), **env}, wrap=wrap)

    def alive(self) -> bool:
        return VICTIM in self.fleet.nodes and self.victim.process.poll() is None


@dataclass(frozen=True)
class Way:
    """A way of leaving.

    Attributes:
        title: as the table has it.
        harm: done to the victim while it holds pictures; returns at once.
        undo: makes it good again once every picture is answered; the victim may have ended.
        needs_s: what the picture in hand still needs when the harm is done.
        status: how the victim must end by itself; None where it need not.
        env: what the victim is started with.
        after: more to do, so many seconds after the harm.
    """

    title: str
    harm: Callable[[Scene], None]
    undo: Callable[[Scene], None] = lambda _: None
    needs_s: float = 0.0
    status: int | None = None
    env: Callable[[Scene], dict[str, str]] = lambda _: {}
    after: tuple[tuple[float, Callable[[Scene], None]], ...] = ()


class Answers:
    """When each picture was answered, read while the user sends."""

    def __init__(self, out: Path) -> None:
        self._path = out / "results.jsonl"
        self._read = 0
        self.at_s: dict[str, float] = {}
        self.lines: Counter[str] = Counter()
        self.errors: dict[str, str] = {}

    def look(self) -> bool:
        """Read what is new; whether there was anything."""
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


def play(scene: Scene, way: Way, folder: Path, within_s: float) -> Taken:
    """Send pictures, harm the victim while it holds some, wait until all are answered.

    Raises:
        AssertionError: a picture was not answered in `within_s`, or the victim did not end as it should.
    """
    fleet, gate = scene.fleet, scene.gate
    _as_it_should_be(scene, way)
    scene.rounds += 1
    names = [f"{scene.rounds:03}-{number:04}" for number in range(PICTURES)]
    write_numbered(folder / "in", names)
    before = _counted(fleet)
    gate.tell(VICTIM, "hold")
    answers = Answers(folder / "out")
    sending = fleet.send([folder / "in"], folder / "out", folder / "send.log", in_flight=PICTURES)
    victim = scene.victim
    try:
        held = _held(scene, names, answers)
        harm_at = time.monotonic()
        way.harm(scene)
        steps = [(way.needs_s, lambda scene: scene.gate.open(VICTIM)), *way.after]
        steps.sort(key=lambda step: step[0])
        ended_at = None
        while sending.process.poll() is None or (way.status is not None and ended_at is None):
            now = time.monotonic()
            while steps and now >= harm_at + steps[0][0]:
                steps.pop(0)[1](scene)
            answers.look()
            if ended_at is None and victim.process.poll() is not None:
                ended_at = now
            assert now < harm_at + within_s, (
                f"{way.title}: after {within_s:.0f} s {sorted(set(held) - set(answers.at_s))} is not answered, "
                f"the node's status is {victim.process.poll()}\n{fleet.log(VICTIM)[-3000:]}"
            )
            time.sleep(0.005)
        answers.look()
    finally:
        gate.open(VICTIM)
        way.undo(scene)
        sending.stop()
    if way.status is not None:
        status = victim.process.wait(1)
        assert status == way.status, f"{way.title}: status {status}\n{victim.output[-3000:]}"
    return Taken(
        held=len(held),
        taken_up_s=max(_taken_up_at(scene, name, harm_at, answers) for name in held) - harm_at,
        lost=sum(name not in answers.at_s or name in answers.errors for name in names),
        doubled=sum(answers.lines.values()) - len(answers.lines) + _surplus(scene, before),
        status=victim.process.poll(),
        ended_s=(ended_at or harm_at) - harm_at,
    )


def _as_it_should_be(scene: Scene, way: Way) -> None:
    """The victim runs with the way's environment, and all nodes are ready."""
    scene.gate.tell(VICTIM, "")
    wanted = way.env(scene)
    if scene.alive() and wanted != scene.env:
        scene.victim.stop()
    if not scene.alive():
        scene.start_victim(wanted)
    scene.fleet.wait_ready()


def _held(scene: Scene, names: list[str], answers: Answers) -> list[str]:
    """Wait until only the victim has something to do; the pictures that it holds."""
    began = time.monotonic()
    quiet_since, seen = began, 0
    while True:
        now = time.monotonic()
        begun = sum(entry.name in names for entry in scene.gate.begun())
        if answers.look() or begun != seen:
            quiet_since, seen = now, begun
        if answers.at_s and now - quiet_since > QUIET_S:
            break
        assert now - began < 30, f"no answers\n{scene.fleet.log(VICTIM)[-2000:]}"
        time.sleep(0.01)
    held = [name for name in names if name not in answers.at_s]
    assert held, "the victim holds nothing, which proves nothing"
    return held


def _taken_up_at(scene: Scene, name: str, harm_at: float, answers: Answers) -> float:
    elsewhere = [
        entry.at_s
        for entry in scene.gate.begun()
        if entry.name == name and entry.node != VICTIM and entry.at_s > harm_at
    ]
    return min([*elsewhere, answers.at_s[name]])


def _counted(fleet: Fleet) -> Counter[str]:
    """Pictures that the master counts as answered: in all, and by nodes."""
    tasks = json.loads(fleet.ordered("status", "--json"))["tasks"]
    counted = Counter({"all": tasks["done"] + tasks["failed"]})
    for name, node in fleet.listed().items():
        counted[name] = node["done"] + node["failed"]
    return counted


def _surplus(scene: Scene, before: Counter[str]) -> int:
    """How many answers the master counts beyond one for each picture; each is some node's."""
    if scene.alive():
        time.sleep(LATE_S)
        scene.fleet.wait_ready()
    after = _counted(scene.fleet)
    new = {name: after[name] - before[name] for name in after}
    everybody = set(before) <= set(after)
    assert not everybody or new["all"] == sum(new.values()) - new["all"], f"counts do not add up: {new}"
    return max(new["all"] - PICTURES, 0)


@contextmanager
def scene_of(place: Path, pack: Path) -> Iterator[Scene]:
    """A fleet of three nodes with the gated pack, all ready."""
    gate = Gate(place / "gate")
    with ExitStack() as stack:
        disk = stack.enter_context(mounted(place / VICTIM, f"size={DISK}"))
        cgroup = stack.enter_context(bounded_memory(MEMORY_BYTES))
        fleet = stack.enter_context(running_fleet(place, [VICTIM, *OTHERS], pack=pack))
        scene = Scene(fleet, gate, disk, cgroup)
        scene.start_victim({})
        for name in OTHERS:
            fleet.start_node(name, env=gate.env(name))
        yield scene


def play_under_load(scene: Scene, way: Way, folder: Path, pictures: int, within_s: float) -> float:
    """Harm the victim while pictures flow; how long the slowest took, of those that were open or came later.

    Four pictures are under way at a time, fewer than the nodes ask for: some are handed to the victim just when
    it is harmed, and after that.

    Raises:
        AssertionError: a picture was lost or answered twice.
    """
    in_flight = 4
    _as_it_should_be(scene, way)
    scene.rounds += 1
    names = [f"{scene.rounds:03}-{number:04}" for number in range(pictures)]
    write_numbered(folder / "in", names)
    before = _counted(scene.fleet)
    answers = Answers(folder / "out")
    paths = [folder / "in" / f"{name}.png" for name in names]
    sending = scene.fleet.send(paths, folder / "out", folder / "send.log", in_flight=in_flight)
    harm_at = 0.0
    try:
        began = time.monotonic()
        while sending.process.poll() is None:
            answers.look()
            if not harm_at and len(answers.at_s) > pictures // 8:
                harm_at = time.monotonic()
                way.harm(scene)
            assert time.monotonic() < began + within_s, f"{way.title}: {len(answers.at_s)} of {pictures}"
            time.sleep(0.005)
        answers.look()
    finally:
        way.undo(scene)
        sending.stop()
    order = sorted(answers.at_s.values())
    sent = [began] * in_flight + order
    waits = [
        answers.at_s[name] - max(sent[number], harm_at)
        for number, name in enumerate(names)
        if answers.at_s[name] > harm_at
    ]
    lost = sorted(set(names) - set(answers.at_s)) + sorted(answers.errors.values())
    assert not lost, f"{way.title}: lost {lost}"
    _surplus(scene, before)
    assert sum(answers.lines.values()) == pictures
    if __import__("os").environ.get("SHOW"):
        for number, name in enumerate(names):
            at = answers.at_s[name]
            if at > harm_at and at - max(sent[number], harm_at) > 2:
                print(
                    name,
                    "sent",
                    round(sent[number] - harm_at, 2),
                    "answered",
                    round(at - harm_at, 2),
                    [(b.node, round(b.at_s - harm_at, 2)) for b in scene.gate.begun() if b.name == name],
                )
    return max(waits)
