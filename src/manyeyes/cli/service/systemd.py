"""The systemd of the machine or of the user: a thin shell around `systemctl`."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from manyeyes.cli.adding.remote_installer import session
from manyeyes.errors import BadRequest, StartError

SYSTEM_UNITS = Path("/etc/systemd/system")
BOOTED = Path("/run/systemd/system")
"""There where systemd started the machine; the way in which programs are to find out."""
QUERY_S = 30
_SHOWN = ("ActiveState", "SubState", "UnitFileState", "MainPID", "StatusText", "NRestarts", "Result", "User")


def absent() -> str:
    """Why no systemd can run services here; empty where one does."""
    if shutil.which("systemctl") is None:
        return "this machine has no systemd (there is no program 'systemctl')"
    if not BOOTED.is_dir():
        return f"systemd did not start this machine (there is no {BOOTED})"
    return ""


@dataclass(frozen=True)
class Systemd:
    """One of the two systemds that can run a service."""

    system: bool

    @property
    def label(self) -> str:
        """What people call it."""
        return "system" if self.system else "user"

    @property
    def flags(self) -> str:
        """What `systemctl` and `journalctl` need to find it, with a space behind."""
        return "" if self.system else "--user "

    def unit_file(self, unit: str) -> Path:
        """Where the unit file of this name is, whether it exists or not."""
        folder = SYSTEM_UNITS if self.system else Path.home() / ".config" / "systemd" / "user"
        return folder / unit

    def check(self) -> int:
        """Make sure that it answers.

        Returns:
            Its version.

        Raises:
            StartError: there is none.
        """
        if why_not := absent():
            raise StartError(
                f"{why_not}, so a service can neither be installed nor removed; run 'manyeyes up', 'master' or 'node' "
                "from whatever starts programs here: 'Without systemd' on the page 'Run as a service'"
            )
        told = self._ask("show-environment", timeout_s=QUERY_S)
        if told.returncode:
            why = " ".join(told.stderr.split()) or f"status {told.returncode}"
            hint = "" if self.system else "; log in as this user, not by su or sudo, or use sudo and --system"
            raise StartError(f"the {self.label}'s systemd does not answer: {why}{hint}")
        first = self._ask("--version", timeout_s=QUERY_S).stdout.split()
        return int(first[1]) if len(first) > 1 and first[1].isdigit() else 0

    def do(self, *words: str, timeout_s: float = QUERY_S) -> None:
        """Run `systemctl` with these words.

        Raises:
            StartError: it failed.
        """
        told = self._ask(*words, timeout_s=timeout_s)
        if told.returncode:
            why = " ".join(told.stderr.split()) or f"status {told.returncode}"
            raise StartError(f"systemctl {self.flags}{' '.join(words)} failed: {why}")

    def is_active(self, unit: str) -> bool:
        """Whether the service runs, or starts just now."""
        return self._ask("is-active", "--quiet", unit, timeout_s=QUERY_S).returncode == 0

    def shown(self, unit: str) -> dict[str, str]:
        """What systemd says of a service."""
        told = self._ask("show", unit, f"--property={','.join(_SHOWN)}", timeout_s=QUERY_S)
        lines = (line.partition("=") for line in told.stdout.splitlines())
        return {name: value for name, _, value in lines if name in _SHOWN}

    def shown_or_nothing(self, unit: str) -> dict[str, str]:
        """As `shown`; empty where systemd does not answer."""
        try:
            return self.shown(unit)
        except StartError:
            return {}

    def _ask(self, *words: str, timeout_s: float) -> subprocess.CompletedProcess[str]:
        command = ["systemctl", *([] if self.system else ["--user"]), *words]
        try:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                env=dict(os.environ) if self.system else session(),
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StartError(f"systemctl {self.flags}{' '.join(words)} does not answer: {error}") from error


def chosen(system: bool | None) -> Systemd:
    """The system's systemd if root asks, else the user's; a flag decides otherwise.

    Raises:
        BadRequest: the system's, by somebody who is not root.
    """
    root = os.geteuid() == 0
    wanted = root if system is None else system
    if wanted and not root:
        raise BadRequest(
            "a system service needs root: run this with sudo, or with --user as a service of your own"
        )
    return Systemd(wanted)
