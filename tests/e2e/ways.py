"""The ways in which a node leaves: with a word, without one, or only in part."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
from background import MANYEYES

from .disks import fill, unfill
from .rounds import VICTIM, Scene, Way

MOMENT_S = 1.5
"""What the picture in hand still needs where a node leaves of its own will."""
AWAY_S = 12.0
"""For how long the master is away: longer than a node may be silent."""


# the machine


def _worker(scene: Scene) -> psutil.Process:
    children = psutil.Process(scene.victim.process.pid).children()
    return next(child for child in children if "manyeyes.node.worker" in child.cmdline())


def _signal_worker(scene: Scene, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, StopIteration):
        _worker(scene).send_signal(number)


def _signal_agent(scene: Scene, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(scene.victim.process.pid, number)


def _freeze(scene: Scene) -> None:
    _signal_agent(scene, signal.SIGSTOP)
    _signal_worker(scene, signal.SIGSTOP)


def _wake(scene: Scene) -> None:
    _signal_worker(scene, signal.SIGCONT)
    _signal_agent(scene, signal.SIGCONT)


def _eat(scene: Scene, *, agent_first: bool) -> None:
    """Have the worker take memory until the system ends a process: the largest, or the agent."""
    pid = scene.victim.process.pid
    if agent_first:
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
        Path(f"/proc/{_worker(scene).pid}/oom_score_adj").write_text("-1000")
    scene.gate.tell(VICTIM, "eat")


def _fed(scene: Scene) -> None:
    scene.gate.tell(VICTIM, "")


# the clock


@functools.cache
def faketime() -> str | None:
    """The library that shows a process another time, None where it is not installed."""
    if shutil.which("faketime") is None:
        return None
    shown = subprocess.run(["faketime", "-f", "+0", "env"], capture_output=True, text=True).stdout
    return next(
        (line.split("=", 1)[1] for line in shown.splitlines() if line.startswith("LD_PRELOAD=")), None
    )


def clock(shown: Path, offset: str = "+0") -> dict[str, str]:
    """The environment of a process whose clock is `offset` off, as `+1d`, and follows the file `shown`."""
    shown.write_text(offset)
    return {
        "LD_PRELOAD": faketime() or "",
        "FAKETIME_TIMESTAMP_FILE": str(shown),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _victims_clock(scene: Scene) -> dict[str, str]:
    return clock(scene.fleet.place / "clock")


def _set_clock(scene: Scene, offset: str) -> None:
    (scene.fleet.place / "clock").write_text(offset)


# words


def _nodes(scene: Scene, word: str) -> None:
    log = scene.fleet.place / f"{word}-{scene.rounds:03}.log"
    scene.fleet.hosts["user"].popen([MANYEYES, "nodes", word, VICTIM], log, scene.fleet.env)


def _down(scene: Scene) -> None:
    log = scene.fleet.place / f"down-{scene.rounds:03}.log"
    scene.fleet.hosts[VICTIM].popen([MANYEYES, "down", "--data", str(scene.fleet.data(VICTIM))], log)


def _down_away(scene: Scene) -> None:
    scene.fleet.hosts[VICTIM].cut()
    _down(scene)


def _forget(scene: Scene) -> None:
    """The victim's folder is emptied, so that it comes back as somebody new."""
    scene.victim.stop()
    for path in scene.fleet.data(VICTIM).iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


# the master


def _signal_master(scene: Scene, number: signal.Signals) -> None:
    for process in scene.fleet.master.family():
        process.send_signal(number)


def _heal(scene: Scene) -> None:
    scene.fleet.hosts[VICTIM].heal()


WORDS = (
    Way("`nodes drain`", lambda s: _nodes(s, "drain"), lambda s: _resume(s), needs_s=MOMENT_S),
    Way("`nodes shutdown`", lambda s: _nodes(s, "shutdown"), needs_s=MOMENT_S, status=0),
    Way("`nodes remove`", lambda s: _nodes(s, "remove"), _forget, needs_s=MOMENT_S, status=5),
    Way("`manyeyes down` on the node", _down, needs_s=MOMENT_S, status=0),
    Way("SIGTERM", lambda s: _signal_agent(s, signal.SIGTERM), needs_s=MOMENT_S, status=0),
    Way(
        "SIGTERM twice",
        lambda s: _signal_agent(s, signal.SIGTERM),
        after=((0.3, lambda s: _signal_agent(s, signal.SIGTERM)),),
        needs_s=MOMENT_S,
        status=130,
    ),
    Way("cable cut, then `manyeyes down`", _down_away, _heal, status=0),
)
HARMS = (
    Way("agent and worker killed", lambda s: s.victim.kill()),
    Way("worker killed", lambda s: _signal_worker(s, signal.SIGKILL)),
    Way(
        "agent frozen",
        lambda s: _signal_agent(s, signal.SIGSTOP),
        lambda s: _signal_agent(s, signal.SIGCONT),
    ),
    Way("agent and worker frozen", _freeze, _wake),
    Way("worker frozen", lambda s: _signal_worker(s, signal.SIGSTOP), _wake),
    Way("cable cut", lambda s: s.fleet.hosts[VICTIM].cut(), _heal),
    Way("nothing arrives from the node", lambda s: s.fleet.hosts[VICTIM].lose(100, ["out"]), _heal),
    Way("nothing arrives at the node", lambda s: s.fleet.hosts[VICTIM].lose(100, ["in"]), _heal),
    Way("30 % of the packets lost, both ways", lambda s: s.fleet.hosts[VICTIM].lose(30), _heal, needs_s=8.0),
    Way("out of memory: worker", lambda s: _eat(s, agent_first=False), _fed),
    Way("out of memory: agent", lambda s: _eat(s, agent_first=True), _fed),
    Way("disk full", lambda s: fill(s.disk), lambda s: unfill(s.disk)),
    Way(
        "clock a day ahead",
        lambda s: _set_clock(s, "+1d"),
        lambda s: _set_clock(s, "+0"),
        env=_victims_clock,
    ),
    Way(
        "clock a day behind",
        lambda s: _set_clock(s, "-1d"),
        lambda s: _set_clock(s, "+0"),
        env=_victims_clock,
    ),
)
MASTERS = (
    Way(
        f"master frozen for {AWAY_S:.0f} s",
        lambda s: _signal_master(s, signal.SIGSTOP),
        lambda s: _signal_master(s, signal.SIGCONT),
        after=((AWAY_S, lambda s: _signal_master(s, signal.SIGCONT)),),
    ),
    Way(
        f"master cut off for {AWAY_S:.0f} s",
        lambda s: s.fleet.hosts["master"].cut(),
        lambda s: s.fleet.hosts["master"].heal(),
        after=((AWAY_S, lambda s: s.fleet.hosts["master"].heal()),),
    ),
)


def _resume(scene: Scene) -> None:
    scene.fleet.ordered("nodes", "resume", VICTIM)
