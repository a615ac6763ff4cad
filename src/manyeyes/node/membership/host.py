"""Facts about this machine for the registry."""

from __future__ import annotations

import hashlib
import hmac
import platform
import socket
from pathlib import Path

from manyeyes.cgroups import read_machine
from manyeyes.contract import HostFacts
from manyeyes.plain_text import utf8


def host_facts() -> HostFacts:
    """What this machine is, and what of it this process may use."""
    machine = read_machine()
    return HostFacts(
        hostname=utf8(socket.gethostname()),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        cpu=_cpu_name(),
        cores=machine.cores,
        memory_bytes=machine.memory_bytes,
        cores_limit=machine.cores_limit,
        memory_limit_bytes=machine.memory_limit_bytes,
        python=platform.python_version(),
    )


def host_fingerprint(machine_id_file: Path, ca_pem: str) -> str:
    """A name for this machine that only the masters of one CA can compare.

    The system's own random id, keyed with the CA and hashed: the id cannot be read from it, and two
    services cannot tell that they know the same machine. Empty if the machine has no id.
    """
    try:
        machine_id = machine_id_file.read_bytes().strip()
    except OSError:
        return ""
    if not machine_id:
        return ""
    return hmac.new(machine_id, b"manyeyes host " + ca_pem.strip().encode(), hashlib.sha256).hexdigest()


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
