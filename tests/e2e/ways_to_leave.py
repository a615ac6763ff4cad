"""The ways in which a node leaves: on request, without notice, or only in part."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path

import psutil
from background import MANYEYES

from tests.clocks import clock

from .disks import fill, unfill
from .rounds import Victim, Way

MOMENT_S = 1.5
"""Seconds that the current picture still takes after a node is asked to leave."""
AWAY_S = 12.0
"""Seconds for which the master is away: longer than a node may be silent."""


def why_no_filter() -> str | None:
    """Why packets cannot be dropped on purpose here, or None."""
    return None if shutil.which("nft") else "the command `nft` is missing (Debian: apt-get install nftables)"


# the machine


def _worker(victim: Victim) -> psutil.Process:
    children = psutil.Process(victim.node.process.pid).children()
    return next(child for child in children if "manyeyes.node.worker.main" in child.cmdline())


def _signal_worker(victim: Victim, number: signal.Signals) -> None:
    with contextlib.suppress(psutil.NoSuchProcess, StopIteration):
        _worker(victim).send_signal(number)


def _signal_agent(victim: Victim, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim.node.process.pid, number)


def _freeze(victim: Victim) -> None:
    _signal_agent(victim, signal.SIGSTOP)
    _signal_worker(victim, signal.SIGSTOP)


def _wake(victim: Victim) -> None:
    _signal_worker(victim, signal.SIGCONT)
    _signal_agent(victim, signal.SIGCONT)


def _eat(victim: Victim, *, agent_first: bool) -> None:
    """Make the worker take memory until the kernel kills a process: the largest one, or the agent."""
    pid = victim.node.process.pid
    if agent_first:
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000")
        Path(f"/proc/{_worker(victim).pid}/oom_score_adj").write_text("0")
    victim.gate.tell(victim.name, "eat")


def _fed(victim: Victim) -> None:
    victim.gate.tell(victim.name, "")


def _fill(victim: Victim) -> None:
    assert victim.disk is not None
    fill(victim.disk)


def _unfill(victim: Victim) -> None:
    assert victim.disk is not None
    unfill(victim.disk)


# the clock


def _victims_clock(victim: Victim) -> dict[str, str]:
    return clock(victim.fleet.folder / f"{victim.name}.clock")


def _set_clock(victim: Victim, offset: str) -> None:
    (victim.fleet.folder / f"{victim.name}.clock").write_text(offset)


# requests to leave


def _nodes(victim: Victim, word: str, *more: str) -> None:
    log = victim.fleet.folder / f"{word}-{victim.name}.log"
    victim.fleet.hosts["user"].popen([MANYEYES, "nodes", word, victim.name, *more], log, victim.fleet.env)


def _down(victim: Victim) -> None:
    log = victim.fleet.folder / f"down-{victim.name}.log"
    victim.fleet.hosts[victim.name].popen(
        [MANYEYES, "down", "--data", str(victim.fleet.data(victim.name))], log
    )


def _down_away(victim: Victim) -> None:
    victim.fleet.hosts[victim.name].cut()
    _down(victim)


def _forget(victim: Victim) -> None:
    """Empty the victim's data folder, so that it comes back as a new node."""
    victim.node.stop()
    for path in victim.fleet.data(victim.name).iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


# the master


def _signal_master(victim: Victim, number: signal.Signals) -> None:
    for process in victim.fleet.master.family():
        process.send_signal(number)


def _heal(victim: Victim) -> None:
    victim.fleet.hosts[victim.name].heal()


WORDS = (
    Way("`nodes drain`", lambda v: _nodes(v, "drain"), lambda v: _resume(v), needs_s=MOMENT_S),
    Way("`nodes shutdown`", lambda v: _nodes(v, "shutdown"), needs_s=MOMENT_S, status=0),
    Way("`nodes remove`", lambda v: _nodes(v, "remove", "--yes"), _forget, needs_s=MOMENT_S, status=5),
    Way("`manyeyes down` on the node", _down, needs_s=MOMENT_S, status=0),
    Way("SIGTERM", lambda v: _signal_agent(v, signal.SIGTERM), needs_s=MOMENT_S, status=0),
    Way(
        "SIGTERM twice",
        lambda v: _signal_agent(v, signal.SIGTERM),
        after=((0.3, lambda v: _signal_agent(v, signal.SIGTERM)),),
        needs_s=MOMENT_S,
        status=130,
    ),
    Way("cable cut, then `manyeyes down`", _down_away, _heal, status=0),
)
HARMS = (
    Way("agent and worker killed", lambda v: v.node.kill()),
    Way("worker killed", lambda v: _signal_worker(v, signal.SIGKILL)),
    Way(
        "agent frozen",
        lambda v: _signal_agent(v, signal.SIGSTOP),
        lambda v: _signal_agent(v, signal.SIGCONT),
    ),
    Way("agent and worker frozen", _freeze, _wake),
    Way("worker frozen", lambda v: _signal_worker(v, signal.SIGSTOP), _wake),
    Way("cable cut", lambda v: v.fleet.hosts[v.name].cut(), _heal),
    Way("nothing arrives from the node", lambda v: v.fleet.hosts[v.name].lose(100, ["out"]), _heal),
    Way("nothing arrives at the node", lambda v: v.fleet.hosts[v.name].lose(100, ["in"]), _heal),
    Way("30 % of the packets lost, both ways", lambda v: v.fleet.hosts[v.name].lose(30), _heal, needs_s=8.0),
    Way("out of memory: worker", lambda v: _eat(v, agent_first=False), _fed),
    Way("out of memory: agent", lambda v: _eat(v, agent_first=True), _fed),
    Way("disk full", lambda v: _fill(v), lambda v: _unfill(v)),
    Way(
        "clock a day ahead",
        lambda v: _set_clock(v, "+1d"),
        lambda v: _set_clock(v, "+0"),
        env=_victims_clock,
    ),
    Way(
        "clock a day behind",
        lambda v: _set_clock(v, "-1d"),
        lambda v: _set_clock(v, "+0"),
        env=_victims_clock,
    ),
)
MASTERS = (
    Way(
        f"master frozen for {AWAY_S:.0f} s",
        lambda v: _signal_master(v, signal.SIGSTOP),
        lambda v: _signal_master(v, signal.SIGCONT),
        after=((AWAY_S, lambda v: _signal_master(v, signal.SIGCONT)),),
    ),
    Way(
        f"master cut off for {AWAY_S:.0f} s",
        lambda v: v.fleet.hosts["master"].cut(),
        lambda v: v.fleet.hosts["master"].heal(),
        after=((AWAY_S, lambda v: v.fleet.hosts["master"].heal()),),
    ),
)


def _resume(victim: Victim) -> None:
    victim.fleet.ordered("nodes", "resume", victim.name)
