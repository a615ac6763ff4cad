"""Nodes of different speed share a job: its makespan beside the ideal, and beside Celery with the same workers.

`make spread` runs it and prints Markdown; bench/README.md says what is measured. It needs root: each host is a network
namespace.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from machine import machine

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "scripts")]

from tests.e2e.fleet import Fleet, running_fleet  # noqa: E402
from tests.e2e.hosts import why_not  # noqa: E402
from tests.one_file_packs import write_pack  # noqa: E402

from celery_peer import NoPeer, makespan_s  # noqa: E402

FAST_S, SLOW_S = 0.1, 1.0
LIMIT = 1.05
PICTURES = 600
IN_FLIGHT = 32
JOB = """
import asyncio, io, sys, time
from PIL import Image
from manyeyes import AsyncClient

def picture(number):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (number % 256, number // 256, 7)).save(buffer, "PNG")
    return buffer.getvalue()

async def main(count, in_flight):
    numbers = iter(range(count))
    ids = set()
    async with AsyncClient() as client:
        await client.status()
        begun = time.monotonic()
        async def send():
            for number in numbers:
                ids.add((await client.recognize(picture(number))).result.task_id)
                print(time.monotonic() - begun, flush=True)
        await asyncio.gather(*(send() for _ in range(in_flight)))
    assert len(ids) == count

asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
"""


@dataclass(frozen=True)
class Job:
    """One job that ran: when each answer came, in seconds from its start."""

    answered_s: tuple[float, ...]

    @property
    def makespan_s(self) -> float:
        return self.answered_s[-1]


def run_job(fleet: Fleet, count: int, half_way: Callable[[], None] | None = None) -> tuple[Job, float]:
    """Send `count` pictures from the user's host; `half_way` is called once half of them are answered.

    Returns:
        The job, and when `half_way` had returned, in seconds from the job's start.
    """
    command = fleet.hosts["user"].command([sys.executable, "-c", JOB, str(count), str(IN_FLIGHT)])
    running = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **fleet.env})
    assert running.stdout is not None
    answered: list[float] = []
    changed_s = 0.0
    for line in running.stdout:
        answered.append(float(line))
        if half_way is not None and len(answered) == count // 2:
            began = time.monotonic()
            half_way()
            changed_s = answered[-1] + time.monotonic() - began
    assert running.wait() == 0 and len(answered) == count
    return Job(tuple(answered)), changed_s


def rate(speeds_s: Sequence[float]) -> float:
    """Pictures a second of workers that take so long for one."""
    return sum(1.0 / seconds for seconds in speeds_s)


def ideal_s(job: Job, before: Sequence[float], after: Sequence[float], changed_s: float) -> float:
    """What nodes without any loss would need, when those of `before` were replaced by those of `after` at `changed_s`."""
    done = changed_s * rate(before)
    return changed_s + max(len(job.answered_s) - done, 0) / rate(after)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    asked = parser.parse_args()
    if reason := why_not():
        print(f"spread: {reason}", file=sys.stderr)
        return 2
    print(f"{machine('nats-py', 'uvloop')}; {asked.rounds} rounds, medians\n", flush=True)
    print("| nodes, seconds a picture | pictures | ideal s | took s | times the ideal (worst) |")
    print("|---|---|---|---|---|", flush=True)
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="manyeyes-spread-") as name:
        place = Path(name)
        pack = write_pack(place / "faulty", REPO / "tests" / "integration" / "faulty.py")
        names = ["fast1", "fast2", "slow1", "slow2", "late", "crawl"]
        with running_fleet(place / "fleet", names, pack=pack) as fleet:
            for node in names[:4]:
                _start(fleet, node)
            worst = max(worst, _steady(fleet, asked.rounds, asked.pictures))
            worst = max(worst, _joined(fleet, asked.rounds, asked.pictures))
            worst = max(worst, _removed(fleet, asked.rounds, asked.pictures))
            _held_up(fleet, asked.rounds, asked.pictures // 3)
    _peer(asked.rounds, asked.pictures)
    return 0 if worst <= LIMIT else 1


def _start(fleet: Fleet, name: str, seconds: float | None = None) -> None:
    pace_s = seconds or (FAST_S if name.startswith("fast") else SLOW_S)
    fleet.start_node(name, env={"FAULTY_PICTURE_S": str(pace_s)})


def _row(what: str, count: int, ideals: Sequence[float], took: Sequence[float]) -> float:
    ratios = [seconds / ideal for seconds, ideal in zip(took, ideals, strict=True)]
    ratio = statistics.median(ratios)
    print(
        f"| {what} | {count} | {statistics.median(ideals):.2f} | {statistics.median(took):.2f} "
        f"| {ratio:.3f} ({max(ratios):.3f}) |",
        flush=True,
    )
    return ratio


FOUR = (FAST_S, FAST_S, SLOW_S, SLOW_S)


def _steady(fleet: Fleet, rounds: int, count: int) -> float:
    jobs = [run_job(fleet, count)[0] for _ in range(rounds)]
    ideals = [count / rate(FOUR)] * rounds
    return _row(f"two {FAST_S:g}, two {SLOW_S:g}", count, ideals, [job.makespan_s for job in jobs])


def _joined(fleet: Fleet, rounds: int, count: int) -> float:
    """A fast node joins half-way."""
    ideals, took = [], []
    for _ in range(rounds):
        job, changed_s = run_job(fleet, count, lambda: _start(fleet, "late", FAST_S))
        ideals.append(ideal_s(job, FOUR, (*FOUR, FAST_S), changed_s))
        took.append(job.makespan_s)
        fleet.ordered("nodes", "shutdown", "late")
        fleet.nodes["late"].process.wait(30)
    return _row(f"the same, one more of {FAST_S:g} joins half-way", count, ideals, took)


def _removed(fleet: Fleet, rounds: int, count: int) -> float:
    """A fast node is drained half-way."""
    ideals, took = [], []

    def drain() -> None:
        fleet.ordered("nodes", "drain", "fast2")

    for _ in range(rounds):
        job, changed_s = run_job(fleet, count, drain)
        ideals.append(ideal_s(job, FOUR, (FAST_S, SLOW_S, SLOW_S), changed_s))
        took.append(job.makespan_s)
        fleet.ordered("nodes", "resume", "fast2")
        fleet.wait_ready("fast2")
    return _row(f"the same, one of {FAST_S:g} is drained half-way", count, ideals, took)


def _held_up(fleet: Fleet, rounds: int, count: int) -> None:
    """A node so slow that its one picture outlasts the whole job."""
    crawl_s = 30.0
    _start(fleet, "crawl", crawl_s)
    jobs = [run_job(fleet, count)[0] for _ in range(rounds)]
    ideals = [count / rate((*FOUR, crawl_s))] * rounds
    _row(f"the same, and one of {crawl_s:g}", count, ideals, [job.makespan_s for job in jobs])


def _peer(rounds: int, count: int) -> None:
    """Celery, as it is set up by default and as its manual has it for long tasks."""
    for prefetch, what in ((4, "its defaults"), (1, "prefetch 1, fair")):
        title = f"Celery, {what}: two {FAST_S:g}, two {SLOW_S:g}"
        try:
            took = [makespan_s(FOUR, count, prefetch) for _ in range(rounds)]
        except NoPeer as error:
            print(f"| {title} | | | not to be had: {error} | |", flush=True)
            continue
        _row(title, count, [count / rate(FOUR)] * rounds, took)


if __name__ == "__main__":
    sys.exit(main())
