"""What the path itself costs: pictures through the whole service with a recogniser that does nothing.

    python bench/path.py [--rounds 5] [--pictures 2000] [--program OTHER/.venv/bin/manyeyes]
    python bench/path.py --profile FOLDER

`make bench-path` runs it and prints Markdown; bench/README.md says how to read it. It speaks HTTP and the command line
only, so `--program` may be the command of another checkout.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pstats
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from load import Load, of_context
from machine import machine
from service import MANYEYES, Background, cpu_s, ports, running

REPO = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPO))

from tests.one_file_packs import write_pack  # noqa: E402

TARGET_CPU_MS = 1.5
TARGET_PER_S = 1200
PICTURE_BYTES = 64 * 1024
SIDE_PX = 264
"""Of noise, this side gives a JPEG of a little less than `PICTURE_BYTES`."""
DIFFERENT = 50
ONE_AT_A_TIME = 200
TOP = 25
ANSWERS = {"result": "application/json", "both": "multipart/mixed"}
"""What is asked for, as the header Accept says it."""
SAID = {"result": "the result", "both": "result and picture"}
ROLES = ("client", "master", "nats-server", "agent", "worker")
UNTHROTTLED = {"MANYEYES_RATE_LIMIT_MESSAGES_PER_S": "1e6", "MANYEYES_RATE_LIMIT_BYTES_PER_S": "1e10"}
"""One node answers for a whole fleet here: what a master serves for one node at most would be the limit."""


@dataclass
class Level:
    """All rounds with so many pictures under way at once."""

    per_s: list[float] = field(default_factory=list)
    cpu_ms: list[Counter[str]] = field(default_factory=list)
    """A picture's, for each role."""

    @property
    def median_per_s(self) -> float:
        return statistics.median(self.per_s)

    @property
    def median_cpu_ms(self) -> float:
        return statistics.median(used.total() for used in self.cpu_ms)

    def of_role_ms(self, name: str) -> float:
        return statistics.median(used[name] for used in self.cpu_ms)


@dataclass
class Measured:
    """All rounds; medians are taken at the end."""

    levels: dict[int, Level]
    one_ms: list[float] = field(default_factory=list)

    @property
    def best(self) -> int:
        """The number under way that gave most pictures a second."""
        return max(self.levels, key=lambda number: self.levels[number].median_per_s)


def make_pictures(size_bytes: int) -> list[bytes]:
    """JPEGs of noise, each with bytes of its own and of `size_bytes` exactly: what they lack is a comment."""
    made = []
    for seed in range(DIFFERENT):
        noise = np.random.default_rng(seed).integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, "JPEG", quality=90)
        content = buffer.getvalue()
        lacks = size_bytes - len(content) - 4
        if not 0 <= lacks <= 65533 - 2:
            raise SystemExit(f"a picture has {len(content)} bytes, {size_bytes} are wanted; change SIDE_PX")
        comment = b"\xff\xfe" + (lacks + 2).to_bytes(2) + bytes(lacks)
        made.append(content[:2] + comment + content[2:])
    return made


def used_s(service: Background, load: Load) -> Counter[str]:
    """Processor time so far of every process that takes part."""
    return cpu_s(service) + Counter({"client": load.cpu_s()})


def measure(asked: argparse.Namespace, pack: Path, folder: Path) -> Measured:
    seen = Measured({number: Level() for number in asked.in_flight})
    env = {} if asked.shipped_limits else UNTHROTTLED
    with running(folder, asked.workers, pack=pack, program=asked.program, env=env) as (service, store):
        load = Load(of_context(store / "context.json", ANSWERS[asked.answer]), make_pictures(PICTURE_BYTES))
        load.run(asked.pictures // 2, max(asked.in_flight))
        for number in range(asked.rounds):
            print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
            for in_flight, level in seen.levels.items():
                load.open(in_flight)
                before = used_s(service, load)
                level.per_s.append(load.send(asked.pictures).per_s)
                used = used_s(service, load)
                each = {name: (used[name] - before[name]) * 1000 / asked.pictures for name in used}
                level.cpu_ms.append(Counter(each))
            seen.one_ms += load.run(ONE_AT_A_TIME, 1).took_ms
        load.close()
    return seen


def measured_machine(asked: argparse.Namespace) -> str:
    """The machine, with the commit of the checkout that the measured command belongs to."""
    return machine(repo=Path(asked.program).absolute().parents[2])


def verdict(reached: bool) -> str:
    return "reached" if reached else "**not reached**"


def report(asked: argparse.Namespace, seen: Measured) -> str:
    """The Markdown that `make bench-path` prints."""
    best = seen.levels[seen.best]
    p95 = statistics.quantiles(seen.one_ms, n=20)[-1]
    lines = [
        f"{measured_machine(asked)}; {asked.rounds} rounds of {asked.pictures} pictures of {PICTURE_BYTES // 1024} KiB, answered "
        f"with {SAID[asked.answer]}; {asked.workers} workers; medians.",
        "",
        "| measured | | target | |",
        "|---|---|---|---|",
        f"| CPU-ms a picture, all processes | {best.median_cpu_ms:.2f} | ≤ {TARGET_CPU_MS} "
        f"| {verdict(best.median_cpu_ms <= TARGET_CPU_MS)} |",
        f"| most pictures/s ({seen.best} in flight) | {best.median_per_s:.0f} | ≥ {TARGET_PER_S} "
        f"| {verdict(best.median_per_s >= TARGET_PER_S)} |",
        f"| one at a time, ms | {statistics.median(seen.one_ms):.2f} (p95 {p95:.2f}) | | |",
        "",
        "| in flight | pictures/s | " + " | ".join(f"{name}, CPU-ms" for name in ROLES) + " | sum |",
        "|---|---|" + "---|" * (len(ROLES) + 1),
    ]
    for number, level in seen.levels.items():
        rates = f"{level.median_per_s:.0f} ({min(level.per_s):.0f} to {max(level.per_s):.0f})"
        each = " | ".join(f"{level.of_role_ms(name):.2f}" for name in ROLES)
        lines.append(f"| {number} | {rates} | {each} | {level.median_cpu_ms:.2f} |")
    others = sorted({name for used in best.cpu_ms for name in used} - set(ROLES))
    if others:
        lines += ["", "In the sums too: " + ", ".join(f"{n} {best.of_role_ms(n):.2f}" for n in others) + "."]
    return "\n".join(lines)


@contextmanager
def profiled_roles(asked: argparse.Namespace, pack: Path, folder: Path) -> Iterator[dict[str, Background]]:
    """A master and a node that joined it, each under `profiled.py`; both ready."""
    python, env = str(Path(asked.program).with_name("python")), {**UNTHROTTLED}
    env["MANYEYES_CONTEXT"] = str(folder / "master" / "context.json")
    roles: dict[str, Background] = {}

    def start(name: str, *words: str) -> None:
        profile = str(asked.profile.absolute() / f"{name}.prof")
        command = [python, str(REPO / "bench" / "profiled.py"), profile, *words]
        roles[name] = Background.start(command, folder / f"{name}.log", env)
        roles[name].wait_ready()

    def data(name: str) -> list[str]:
        return ["--data", str(folder / name)]

    try:
        here = ["--listen", "127.0.0.1", "--no-announce", *ports()]
        start("master", "master", *data("master"), *here, "--pack", str(pack))
        told = subprocess.run(
            [asked.program, "token", "--json"], env={**os.environ, **env}, capture_output=True, check=True
        )
        joining = ["--join", json.loads(told.stdout)["token"], "--workers", str(asked.workers)]
        start("agent", "node", *data("agent"), *joining)
        yield roles
    finally:
        for started in reversed(roles.values()):
            started.stop()


def profile(asked: argparse.Namespace, pack: Path, folder: Path) -> str:
    """Where master and agent spend their time under load, as Markdown."""
    asked.profile.mkdir(parents=True, exist_ok=True)
    for old in asked.profile.glob("*.prof"):
        old.unlink()
    with profiled_roles(asked, pack, folder) as roles:
        context = folder / "master" / "context.json"
        load = Load(of_context(context, ANSWERS[asked.answer]), make_pictures(PICTURE_BYTES))
        in_flight = asked.in_flight[len(asked.in_flight) // 2]
        load.run(asked.pictures // 2, in_flight)
        load.open(in_flight)
        for started in roles.values():
            started.process.send_signal(signal.SIGUSR1)
        sent = load.send(asked.pictures)
        for started in roles.values():
            started.process.send_signal(signal.SIGUSR1)
        load.close()
        written = [_written(asked.profile / f"{name}.prof") for name in roles]
    head = f"{measured_machine(asked)}; {asked.pictures} pictures, {in_flight} in flight, {sent.per_s:.0f} a second under cProfile."
    return "\n\n".join([head, *(profile_table(path, asked.pictures) for path in written)])


def _written(path: Path) -> Path:
    until = time.monotonic() + 60
    while not path.exists():
        if time.monotonic() > until:
            raise SystemExit(f"{path.name} was not written in a minute")
        time.sleep(0.1)
    return path


def profile_table(path: Path, pictures: int) -> str:
    """The functions of most own time, milliseconds a picture."""
    clock = json.loads(path.with_suffix(".json").read_text())
    stats = pstats.Stats(str(path)).stats  # type: ignore[attr-defined]
    rows = sorted(stats.items(), key=lambda row: row[1][2], reverse=True)[:TOP]
    main_ms, all_ms = (clock[key] * 1000 / pictures for key in ("thread_s", "process_s"))
    lines = [
        f"**{path.stem}**: {main_ms:.2f} CPU-ms a picture in the main thread, which the table is of, {all_ms:.2f} in all "
        "threads. The table is in clock time, with the profile's own cost in it.",
        "",
        "| own ms a picture | with what it calls | calls a picture | function |",
        "|---|---|---|---|",
    ]
    for function, (_, calls, own_s, all_s, _) in rows:
        each = f"{own_s * 1000 / pictures:.4f} | {all_s * 1000 / pictures:.4f} | {calls / pictures:.1f}"
        lines.append(f"| {each} | {function_name(*function)} |")
    return "\n".join(lines)


def function_name(file: str, line: int, name: str) -> str:
    """Short: the module below `site-packages` or `src`."""
    if file in ("~", ""):
        return f"`{name}`"
    short = file
    for mark in ("/site-packages/", "/src/", "/lib/"):
        if mark in file:
            short = file.rpartition(mark)[2]
            break
    return f"`{short}:{line} {name}`"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=2000, help="of one run")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--answer",
        choices=ANSWERS,
        default="result",
        help="the result alone, or a predicted picture of 64 KB too",
    )
    parser.add_argument("--in-flight", type=int, nargs="+", default=[8, 16, 32], metavar="N")
    parser.add_argument(
        "--shipped-limits", action="store_true", help="leave one node's rate limits as they are"
    )
    parser.add_argument("--program", default=MANYEYES, help="the command 'manyeyes' to measure")
    parser.add_argument(
        "--profile", type=Path, metavar="FOLDER", help="profile master and agent into it instead"
    )
    parser.add_argument("--json", type=Path, help="write every single measurement here too")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="manyeyes-path-") as name:
        pack = write_pack(Path(name) / "nothing", REPO / "bench" / "nothing.py")
        if asked.profile:
            print(profile(asked, pack, Path(name)))
            return 0
        seen = measure(asked, pack, Path(name))
    print(report(asked, seen))
    if asked.json:
        asked.json.write_text(json.dumps(vars(seen), default=vars, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
