"""What stands above every table of figures: the machine that they are from."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

REPO = Path(__file__).resolve().parents[1]
FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "asimddp")
"""What the recogniser's speed depends on."""


def machine(*packages: str, repo: Path = REPO) -> str:
    """Processor, what it can do, cores, memory, Python, the named packages' versions, the checkout's commit, load."""
    lines = _cpuinfo()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((set(line.split()) for line in lines if line.startswith(("flags", "Features"))), set())
    cores = len(os.sched_getaffinity(0))
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = [f"{name} {metadata.version(name)}" for name in packages]
    return (
        f"{names[0] if names else platform.machine()}, {cores} cores, "
        f"{' '.join(flag for flag in FLAGS if flag in flags) or 'no flags'}, {memory_gib:.0f} GiB; "
        f"{', '.join([f'Python {platform.python_version()}', *versions])}; commit {_commit(repo)}; "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.is_file() else []


def _commit(repo: Path) -> str:
    asked = subprocess.run(
        ["git", "-C", str(repo), "rev-parse", "--short", "HEAD"], capture_output=True, text=True
    )
    return asked.stdout.strip() or "unknown"
