"""Facts about this machine for the registry."""

from __future__ import annotations

import os
import platform
import socket
from pathlib import Path

import psutil

from manyeyes.contract import HostFacts


def host_facts() -> HostFacts:
    """What this machine is."""
    return HostFacts(
        hostname=socket.gethostname(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=_cpu_name(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=psutil.virtual_memory().total,
        python=platform.python_version(),
    )


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
