"""Checks whether a machine can be a node, from the facts that it reported. No I/O."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manyeyes.errors import MachineUnfit

LEAST_PYTHON = (3, 11)
NEEDED_BYTES = 2_000_000_000
"""Free disk space for the agent, a pack's environment and the pack."""
MACHINES = ("x86_64", "aarch64", "arm64")

FIND_PYTHON = """\
for name in {names}; do
  path=$(command -v "$name" 2>/dev/null) || continue
  "$path" -I -c '
import sys, importlib.util as find
has = lambda name: find.find_spec(name) is not None
print(sys.argv[1], "%d.%d" % sys.version_info[:2], int(has("venv") and has("ensurepip")), sep="\\t")
' "$path" 2>/dev/null
done
"""
PYTHONS = ("python3", *(f"python3.{minor}" for minor in range(20, 10, -1)))


@dataclass(frozen=True)
class Python:
    """A Python interpreter found on the machine."""

    path: str
    version: tuple[int, int]
    makes_environments: bool

    @property
    def label(self) -> str:
        """The version as X.Y."""
        return f"{self.version[0]}.{self.version[1]}"


def parse_pythons(told: str) -> list[Python]:
    """Parse the output of `FIND_PYTHON`; other lines, such as a login message, are ignored."""
    found = []
    for line in told.splitlines():
        match line.split("\t"):
            case [path, version, able] if version.replace(".", "").isdigit() and version.count(".") == 1:
                major, minor = version.split(".")
                found.append(Python(path, (int(major), int(minor)), able == "1"))
    return found


def choose_python(found: list[Python], label: str, *, own: tuple[int, int] = sys.version_info[:2]) -> Python:
    """Choose an interpreter: one of the operator's own version, with which everything was tried, else the newest.

    Raises:
        MachineUnfit: no interpreter is suitable; the message says what to install.
    """
    fitting = [python for python in found if python.version >= LEAST_PYTHON]
    if not fitting:
        seen = ", ".join(dict.fromkeys(python.label for python in found)) or "none"
        raise MachineUnfit(
            f"{label} has no Python 3.11 or newer (seen: {seen}); install python3.11 or newer there, or name one "
            "with --python"
        )
    able = [python for python in fitting if python.makes_environments]
    if not able:
        raise MachineUnfit(
            f"{fitting[0].path} on {label} cannot make environments with pip in them; install its venv there "
            "(Debian, Ubuntu: apt-get install python3-venv)"
        )
    return next((python for python in able if python.version == own), max(able, key=lambda one: one.version))


def check_machine(told: Mapping[str, Any], label: str, *, ca_fingerprint: str, with_wheels: bool) -> None:
    """Check the facts that the machine reported.

    Args:
        ca_fingerprint: of the CA of the master that the machine is to join.

    Raises:
        MachineUnfit: the machine cannot be a node; the message says why, and what to do.
    """
    if told["system"] != "Linux" or told["machine"] not in MACHINES:
        raise MachineUnfit(
            f"{label} is {told['system']} on {told['machine']}; a node must be Linux on x86-64 or 64-bit ARM"
        )
    here = (platform.system(), platform.machine(), platform.libc_ver()[0])
    there = (told["system"], told["machine"], told["libc"])
    if with_wheels and here != there:
        raise MachineUnfit(
            f"--wheels sends the packages of this machine's kind, {' '.join(here)}, and {label} is {' '.join(there)}; "
            "run the command on a machine of that kind, or without --wheels"
        )
    if not told["installed"] and told["free_bytes"] < NEEDED_BYTES:
        raise MachineUnfit(
            f"{label} has {told['free_bytes'] / 1e9:.1f} GB free in {told['folder']}, "
            f"{NEEDED_BYTES / 1e9:.0f} GB are needed; free some"
        )
    reach: Mapping[str, str] = told["reach"]
    if not any(why == "" for why in reach.values()):
        tried = "; ".join(f"{address}: {why}" for address, why in reach.items())
        raise MachineUnfit(
            f"{label} does not reach the master ({tried}); start the master with --listen 0.0.0.0 and --advertise "
            "ADDRESS, an address that this machine reaches, and let TCP through to its port for nodes"
        )
    member = told["member"]
    if member is not None and member["ca"] != ca_fingerprint:
        raise MachineUnfit(
            f"{label} is node {member['name']!r} of another master already; to take it over, run 'manyeyes down' "
            f"there and delete its node's data folder, beside {told['folder']}"
        )
