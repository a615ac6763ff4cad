"""The account that a service runs as, and what is done in its name while the service is installed."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyeyes.errors import BadRequest, DataFolderUnusable

STATE = Path("/var/lib/manyeyes")
"""The data of accounts without a home."""


@dataclass(frozen=True)
class Account:
    """A user of this machine."""

    name: str
    uid: int
    gid: int
    home: Path

    @property
    def has_home(self) -> bool:
        """Whether its home is a folder of its own."""
        try:
            return self.home.is_dir() and self.home.stat().st_uid == self.uid
        except OSError:
            return False

    def run(
        self, command: Sequence[str], *, given: str = "", timeout_s: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as this account; root can do that for everybody. Status 126: the account cannot start it."""
        become: dict[str, Any] = {}
        if os.geteuid() != self.uid:
            groups = os.getgrouplist(self.name, self.gid)
            become = {"user": self.uid, "group": self.gid, "extra_groups": groups, "cwd": "/"}
        home = self.home if self.has_home else Path("/")
        try:
            return subprocess.run(
                command,
                input=given,
                capture_output=True,
                text=True,
                timeout=timeout_s,
                env={**os.environ, "HOME": str(home), "USER": self.name, "LOGNAME": self.name},
                **become,
            )
        except OSError as error:
            return subprocess.CompletedProcess(command, 126, "", error.strerror or str(error))

    def make_folder(self, folder: Path) -> None:
        """Make a folder that belongs to this account, if it is not there yet.

        Raises:
            DataFolderUnusable: it cannot be made, or the account cannot write to it.
        """
        if folder.is_relative_to(STATE) and not STATE.exists():
            STATE.mkdir(mode=0o700, parents=True)
            os.chown(STATE, self.uid, self.gid)
        told = self.run(["sh", "-c", 'umask 077; mkdir -p -- "$1" && test -w "$1"', "sh", str(folder)])
        if told.returncode:
            why = " ".join(told.stderr.split()) or "permission denied"
            raise DataFolderUnusable(
                f"the account {self.name} cannot write to {folder}: {why}; "
                "choose another folder with --data, or give this one to the account with 'chown'"
            )


def account_of(name: str) -> Account:
    """The account of a name.

    Raises:
        BadRequest: there is none.
    """
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise BadRequest(
            f"this machine has no account {name!r}; make it with 'useradd --system {name}', or name another with --run-as"
        ) from None
    return Account(found.pw_name, found.pw_uid, found.pw_gid, Path(found.pw_dir))


def account_for_system(run_as: str | None, environ: Mapping[str, str]) -> Account:
    """The account of a system service: the one asked for, else the one that called sudo.

    Raises:
        BadRequest: nobody is named, or root.
    """
    name = run_as or environ.get("SUDO_USER")
    if not name or (account := account_of(name)).uid == 0:
        raise BadRequest(
            "a service of manyeyes does not run as root; name the account that it is to run as: --run-as USER "
            "('useradd --system manyeyes' makes one)"
        )
    return account


def this_account() -> Account:
    """The account that runs this process."""
    found = pwd.getpwuid(os.getuid())
    return Account(found.pw_name, found.pw_uid, found.pw_gid, Path.home())
