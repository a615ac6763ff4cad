"""manyeyes beside Ray Serve and LitServe, all with the same recogniser, and beside the recogniser alone.

`make bench-peers` runs it and prints Markdown; bench/README.md says how each is set up and how to read it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from bench_pictures import NoPortraits
from load import Load, Target, of_context
from machine import machine
from manyeyes.packs.store import ensure_default
from peer_services import SINGLE, NoPeer, least_path, lit_serve, ray_serve, versions
from service import MB, REPO, Background, running
from whole_path import Bare, make_pictures, one_face, six_faces

OURS, LEAST = "manyeyes", "the least path"
RAY, HAPROXY, LIT = "Ray Serve", "Ray Serve with HAProxy", "LitServe"
ONE, SIX = "512x512, one face", "1280x886, six faces"
FACES = {ONE: 1, SIX: 6}
TARGET_RAY = {ONE: 1.6, SIX: 1.25}
TARGET_BARE = {ONE: 0.70, SIX: 0.88}
TARGET_ADDED_MS = 3.0
DIFFERENT = 20
SINGLE_ONES = 20
"""Single requests of one round."""

Start = Callable[[Path], AbstractContextManager[tuple[Background, Target]]]


@dataclass(frozen=True)
class Picture:
    """One kind of picture."""

    name: str
    files: list[bytes]
    count: int
    """Of one round."""


@dataclass
class Turns:
    """What all rounds gave for one kind of picture and one service, or the recogniser alone."""

    per_s: list[float] = field(default_factory=list)
    one_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    def against(self, other: Turns) -> float:
        """Median of each round's ratio of rates."""
        return statistics.median(a / b for a, b in zip(self.per_s, other.per_s, strict=True))

    def added_ms(self, other: Turns) -> float:
        return statistics.median(self.one_ms) - statistics.median(other.one_ms)


@dataclass
class Measured:
    """Everything, by kind of picture and by service; `bare` is the recogniser alone."""

    turns: dict[str, dict[str, Turns]]
    bare: dict[str, Turns]
    memory_mb: dict[str, list[float]]
    missing: dict[str, str] = field(default_factory=dict)


@contextmanager
def manyeyes(workers: int, folder: Path) -> Iterator[tuple[Background, Target]]:
    """`manyeyes up`, as anybody starts it."""
    folder.mkdir()
    with running(folder, workers) as (service, store):
        yield service, of_context(store / "context.json")


def kinds(asked: argparse.Namespace) -> list[Picture]:
    return [
        Picture(ONE, make_pictures(DIFFERENT, one_face(512)), asked.pictures),
        Picture(SIX, make_pictures(DIFFERENT, six_faces()), asked.pictures // 3),
    ]


def cpu_s(processes: Sequence[psutil.Process]) -> float:
    """Processor time so far, user and system."""
    used = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            used += times.user + times.system
    return used


def pss_mb(processes: Sequence[psutil.Process]) -> float:
    """Proportional set size, summed up."""
    found = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            found += process.memory_full_info().pss / MB
    return found


def run_bare(bare: Bare, count: int, turns: Turns) -> None:
    processes = [psutil.Process(pid) for pid in bare.pids()]
    before = cpu_s(processes)
    turns.per_s.append(bare.per_second(count))
    turns.cpu_ms.append((cpu_s(processes) - before) * 1000 / count)
    turns.one_ms += [bare.one_ms() for _ in range(SINGLE_ONES)]


def run_service(service: Background, target: Target, picture: Picture, in_flight: int, turns: Turns) -> None:
    load = Load(target, picture.files)
    try:
        faces = load.first_answer().count(b'"box_xyxy_px"')
        if faces != FACES[picture.name]:
            raise SystemExit(f"{target.url} answers {faces} faces for {picture.name}")
        load.run(8 * in_flight, in_flight)
        load.open(in_flight)
        before = cpu_s(service.family())
        turns.per_s.append(load.send(picture.count).per_s)
        turns.cpu_ms.append((cpu_s(service.family()) - before) * 1000 / picture.count)
        turns.one_ms += load.run(SINGLE_ONES, 1).took_ms
    finally:
        load.close()


def measure(asked: argparse.Namespace, folder: Path) -> Measured:
    """Each service is started for its turn and ended after it, so that none disturbs another."""
    pack, pictures, in_flight = ensure_default(REPO / ".cache"), kinds(asked), 2 * asked.workers + 2
    starts: dict[str, Start] = {
        OURS: partial(manyeyes, asked.workers),
        LEAST: partial(least_path, pack, asked.workers),
        RAY: partial(ray_serve, pack, asked.workers, False),
        HAPROXY: partial(ray_serve, pack, asked.workers, True),
        LIT: partial(lit_serve, pack, asked.workers),
    }
    if asked.floor_only:
        starts = {name: starts[name] for name in (OURS, LEAST)}
    seen = Measured(
        {picture.name: {name: Turns() for name in starts} for picture in pictures},
        {picture.name: Turns() for picture in pictures},
        {"bare": [], **{name: [] for name in starts}},
    )
    with ExitStack() as stack:
        bare = {picture.name: Bare(pack, picture.files, asked.workers) for picture in pictures}
        for each in bare.values():
            stack.callback(each.close)
            each.per_second(4 * asked.workers)
        for number in range(asked.rounds):
            for picture in pictures:
                run_bare(bare[picture.name], picture.count, seen.bare[picture.name])
            seen.memory_mb["bare"].append(pss_mb([psutil.Process(pid) for pid in bare[SIX].pids()]))
            for place, (name, start) in enumerate(starts.items()):
                if name in seen.missing:
                    continue
                print(f"round {number + 1} of {asked.rounds}: {name}", file=sys.stderr)
                try:
                    with start(folder / f"{number}{place}") as (service, target):
                        for picture in pictures:
                            run_service(service, target, picture, in_flight, seen.turns[picture.name][name])
                        seen.memory_mb[name].append(pss_mb(service.family()))
                except NoPeer as error:
                    seen.missing[name] = str(error)
    return seen


def verdict(reached: bool) -> str:
    return "reached" if reached else "**not reached**"


def row(name: str, turns: Turns, bare: Turns, memory_mb: Sequence[float]) -> str:
    rates = f"{statistics.median(turns.per_s):.1f} ({min(turns.per_s):.1f} to {max(turns.per_s):.1f})"
    compared = "" if turns is bare else f"{turns.against(bare):.2f}"
    added = "" if turns is bare else f"{turns.added_ms(bare):+.1f}"
    return (
        f"| {name} | {rates} | {compared} | {statistics.median(turns.one_ms):.1f} | {added} "
        f"| {statistics.median(turns.cpu_ms):.1f} | {statistics.median(memory_mb):.0f} |"
    )


def table(seen: Measured, picture: str, titles: dict[str, str]) -> list[str]:
    bare = seen.bare[picture]
    lines = [
        "",
        f"**{picture}**",
        "",
        "| service | pictures/s | of bare | one at a time, ms | added, ms | CPU-ms a picture | all processes, MB (PSS) |",
        "|---|---|---|---|---|---|---|",
        row("the recogniser alone", bare, bare, seen.memory_mb["bare"]),
    ]
    for name, turns in seen.turns[picture].items():
        if name in seen.missing:
            lines.append(f"| {titles[name]} | cannot be fetched: {seen.missing[name]} | | | | | |")
        else:
            lines.append(row(titles[name], turns, bare, seen.memory_mb[name]))
    return lines


def targets(seen: Measured) -> list[str]:
    lines = ["", "| manyeyes | measured | target | |", "|---|---|---|---|"]
    for picture, turns in seen.turns.items():
        ours, bare = turns[OURS], seen.bare[picture]
        for name in (RAY, HAPROXY, LIT):
            if name in turns and name not in seen.missing:
                times = ours.against(turns[name])
                target = TARGET_RAY[picture] if name == RAY else None
                wanted = f"≥ {target} | {verdict(times >= target)}" if target else " | "
                lines.append(f"| {picture}: times {name} | {times:.2f} | {wanted} |")
        share, added = ours.against(bare), ours.added_ms(bare)
        lines += [
            f"| {picture}: of bare | {share:.2f} | ≥ {TARGET_BARE[picture]:.2f} "
            f"| {verdict(share >= TARGET_BARE[picture])} |",
            f"| {picture}: added, one at a time | {added:+.1f} ms | ≤ {TARGET_ADDED_MS:.0f} ms "
            f"| {verdict(added <= TARGET_ADDED_MS)} |",
        ]
    return lines


def report(asked: argparse.Namespace, seen: Measured) -> str:
    """The Markdown that `make bench-peers` prints."""
    pinned = versions()
    ray = f"Ray Serve {pinned['ray']}"
    titles = {
        OURS: OURS,
        LEAST: LEAST,
        RAY: ray,
        HAPROXY: f"{ray} with HAProxy",
        LIT: f"LitServe {pinned['litserve']}",
    }
    lines = [
        f"{machine('onnxruntime')}; {asked.rounds} rounds of {asked.pictures} and {asked.pictures // 3} pictures, "
        f"{asked.workers} workers each; medians. manyeyes and the least path answer over HTTPS, the others over HTTP."
    ]
    for picture in seen.turns:
        lines += table(seen, picture, titles)
    return "\n".join(lines + targets(seen))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--pictures", type=int, default=240, help="of one round; a third of them with six faces"
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--floor-only", action="store_true", help="manyeyes and the least path, no peers")
    parser.add_argument("--json", type=Path, help="write every single measurement here too")
    asked = parser.parse_args()
    os.environ.update({**SINGLE, "ORT_DISABLE_TELEMETRY": "1"})
    try:
        with tempfile.TemporaryDirectory(prefix="me-") as name:
            seen = measure(asked, Path(name))
    except NoPortraits as error:
        sys.exit(f"the pictures cannot be fetched: {error}")
    print(report(asked, seen))
    if asked.json:
        asked.json.write_text(json.dumps(vars(seen), default=vars, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
