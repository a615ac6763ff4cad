"""The services of manyeyes on this machine, as their unit files and systemd describe them."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyeyes.cli.service.systemd import Systemd
from manyeyes.cli.service.unit import UNITS
from manyeyes.errors import BadRequest


@dataclass(frozen=True)
class Installed:
    """A unit file that is there."""

    systemd: Systemd
    unit: str
    text: str
    shown: dict[str, str]
    """What systemd says of it; empty if systemd does not answer."""

    @property
    def file(self) -> Path:
        """The unit file."""
        return self.systemd.unit_file(self.unit)

    @property
    def command(self) -> list[str]:
        """The role and its options; empty for a service that 'manyeyes nodes add' made."""
        words = command_of(self.text)
        return words[3:] if words[1:3] == ["-m", "manyeyes.cli.app"] else []

    @property
    def role(self) -> str:
        """Which command it runs."""
        return next(iter(self.command), "node")

    @property
    def data(self) -> Path | None:
        """Its data folder, where its command names one."""
        words = self.command
        return Path(words[words.index("--data") + 1]) if "--data" in words[:-1] else None

    @property
    def runs(self) -> bool:
        """Whether it runs now."""
        return self.shown.get("ActiveState") == "active"

    def lines(self) -> list[str]:
        """For a person."""
        state = self.shown.get("ActiveState") or "unknown: systemd does not answer"
        if self.shown.get("StatusText"):
            state += f" ({self.shown['StatusText']})"
        if not self.runs and self.shown.get("Result", "success") != "success":
            state += f", last end: {self.shown['Result']}"
        again = self.shown.get("NRestarts", "0")
        enabled = self.shown.get("UnitFileState") or "unknown"
        return [
            f"{self.unit}, a {self.systemd.label} service: {state}",
            f"  at boot    {'starts' if enabled == 'enabled' else f'does not start ({enabled})'}",
            *([f"  restarts   {again} since it was started"] if again not in ("", "0") else []),
            f"  runs       {f'manyeyes {shlex.join(self.command)}' if self.command else shlex.join(command_of(self.text))}",
            *([f"  data       {self.data}"] if self.data else []),
            f"  log        journalctl {self.systemd.flags}-u {self.unit}",
        ]

    def as_plain(self) -> dict[str, Any]:
        """For programs."""
        return {
            "unit": self.unit,
            "scope": self.systemd.label,
            "role": self.role,
            "command": self.command,
            "data": str(self.data),
            "unit_file": str(self.file),
            "state": self.shown.get("ActiveState", "unknown"),
            "status": self.shown.get("StatusText", ""),
            "enabled": self.shown.get("UnitFileState") == "enabled",
            "restarts": int(self.shown.get("NRestarts") or 0),
        }


def command_of(unit: str) -> list[str]:
    """The words of `ExecStart` as `unit.quoted` wrote them; the program first."""
    for line in unit.splitlines():
        name, _, value = line.partition("=")
        if name == "ExecStart":
            words = shlex.split(value)
            return [
                word.replace("%%", "%").removeprefix(":" if not number else "")
                for number, word in enumerate(words)
            ]
    return []


def find_installed(system: bool | None) -> list[Installed]:
    """All services of this machine that this user can see; of one systemd where `system` says which."""
    found = []
    for systemd in (Systemd(True), Systemd(False)):
        if system not in (None, systemd.system):
            continue
        for unit in dict.fromkeys(UNITS.values()):
            try:
                text = systemd.unit_file(unit).read_text()
            except OSError:
                continue
            found.append(Installed(systemd, unit, text, systemd.shown_or_nothing(unit)))
    return found


def the_installed(role: str | None, system: bool | None) -> Installed:
    """The one service that is meant.

    Raises:
        BadRequest: none is, or several are.
    """
    found = [one for one in find_installed(system) if role in (None, one.role)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise BadRequest(f"no service{f' that runs {role}' if role else ''} is installed here")
    names = ", ".join(f"{one.role} (--{one.systemd.label})" for one in found)
    raise BadRequest(f"several services are installed: {names}; name one")
