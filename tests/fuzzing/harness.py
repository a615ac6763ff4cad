"""Feeds broken pictures to a recogniser in a process of its own, and counts what comes out."""

from __future__ import annotations

import json
import os
import select
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.fuzzing.mutations import Broken

MAX_CPU_MS = 5000.0
HANG_S = 60.0
"""Of wall time; other processes may have the processor meanwhile."""


@dataclass
class Seen:
    """What came out of many inputs."""

    found: Counter[str] = field(default_factory=Counter)
    slowest_cpu_ms: float = 0.0
    slowest: str = ""
    total_cpu_ms: float = 0.0
    peak_mb: float = 0.0
    """The most that a process had above its size after loading the pack."""
    failures: list[str] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        return self.found.total()

    def as_markdown(self) -> str:
        lines = ["| ended as | inputs |", "|---|---|"]
        lines += [f"| {name} | {count} |" for name, count in self.found.most_common()]
        lines += [
            f"| **all** | **{self.inputs}** |",
            "",
            f"slowest {self.slowest_cpu_ms:.0f} ms of processor time ({self.slowest}), mean "
            f"{self.total_cpu_ms / max(1, self.inputs):.1f} ms, limit {MAX_CPU_MS:.0f}; "
            f"peak memory {self.peak_mb:.0f} MB above the loaded recogniser; {len(self.failures)} failures",
        ]
        return "\n".join([*lines, *self.failures])


class Child:
    """One recogniser process."""

    def __init__(self, pack: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzzing.child", str(pack)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        self._read()

    def _read(self) -> dict[str, Any] | None:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], HANG_S)[0]:
            self._process.kill()
            return {"found": f"hung: no answer in {HANG_S:.0f} s"}
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def give(self, data: bytes, *, draw: bool) -> dict[str, Any]:
        """What came of one input; a dead process is told by its status."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(struct.pack("<I?", len(data), draw) + data)
            self._process.stdin.flush()
            told = self._read()
        except BrokenPipeError:
            told = None
        return told or {"found": f"process ended with status {self._process.wait(10)}"}

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


def feed(pack: Path, inputs: Iterable[Broken], keep: Path | None = None) -> Seen:
    """Give every input to a recogniser; every fourth without drawing.

    Args:
        keep: a folder for the inputs that failed.
    """
    seen, child = Seen(), Child(pack)
    try:
        for number, one in enumerate(inputs):
            told = child.give(one.data, draw=number % 4 != 3)
            _count(seen, one, told, keep)
            if not child.alive:
                child.close()
                child = Child(pack)
    finally:
        child.close()
    return seen


def _count(seen: Seen, one: Broken, told: dict[str, Any], keep: Path | None) -> None:
    found = str(told["found"])
    typed = " " not in found
    seen.found[found if typed else found.partition(":")[0]] += 1
    cpu_ms = told.get("cpu_ms", 0.0)
    seen.total_cpu_ms += cpu_ms
    seen.peak_mb = max(seen.peak_mb, told.get("peak_mb", 0.0))
    if cpu_ms > seen.slowest_cpu_ms:
        seen.slowest_cpu_ms, seen.slowest = cpu_ms, f"seed {one.seed}: {one.story}: {found}"
    if not typed or cpu_ms > MAX_CPU_MS:
        seen.failures.append(f"seed {one.seed} ({one.story}): {found}, {cpu_ms:.0f} ms")
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / f"{one.seed}.bin").write_bytes(one.data)
