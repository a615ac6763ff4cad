"""A machine with SSH access only: a real sshd on a host of the lab, with a home folder of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from background import Background

from .hosts import Host

SSHD = "/usr/sbin/sshd"
USER = getpass.getuser()


def why_not() -> str | None:
    """Why there is no SSH on this machine, or None."""
    if not Path(SSHD).exists() or shutil.which("ssh-keygen") is None:
        return "sshd or ssh-keygen is missing (Debian: apt-get install openssh-server)"
    return None


def make_key(path: Path) -> None:
    """Make a key pair with ssh-keygen."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, stdin=subprocess.DEVNULL
    )


def fingerprint(key: Path) -> str:
    """The fingerprint of a key, from ssh-keygen."""
    told = subprocess.run(["ssh-keygen", "-lf", str(key)], check=True, capture_output=True, text=True)
    return told.stdout.split()[1]


@dataclass
class Machine:
    """A bare machine: an sshd, a home, and the system's own programs."""

    host: Host
    folder: Path
    service: Background

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def agent(self) -> Path:
        return self.home / ".local" / "share" / "manyeyes" / "agent"

    @property
    def host_key(self) -> Path:
        return self.folder / "host_key"

    @classmethod
    def start(cls, host: Host, folder: Path, operator_key: Path, env: Mapping[str, str]) -> Machine:
        """Start a machine's sshd; `env` is added to the environment of its logins."""
        for inside in ("home", "bin"):
            (folder / inside).mkdir(parents=True, exist_ok=True)
        if not (folder / "host_key").exists():
            make_key(folder / "host_key")
        shutil.copyfile(operator_key.with_suffix(".pub"), folder / "authorized_keys")
        Path("/run/sshd").mkdir(exist_ok=True)
        python = Path(sys.base_prefix) / "bin"
        found = {
            "HOME": str(folder / "home"),
            "PATH": f"{folder / 'bin'}:{python}:/usr/sbin:/usr/bin:/sbin:/bin",
            **env,
        }
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress {host.address}:22\n"
            f"HostKey {folder / 'host_key'}\n"
            f"AuthorizedKeysFile {folder / 'authorized_keys'}\n"
            "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\n"
            f"SetEnv {' '.join(f'{name}={value}' for name, value in found.items())}\n"
        )
        service = host.popen([SSHD, "-D", "-e", "-f", str(config)], folder / "sshd.log")
        machine = cls(host, folder, service)
        end = time.monotonic() + 10
        while "Server listening" not in service.output:
            assert service.process.poll() is None and time.monotonic() < end, service.output
            time.sleep(0.05)
        return machine

    def commands(self) -> list[str]:
        """The command lines of the processes that logins have started and that still run."""
        return [line for _, line in self._processes()]

    def stop(self) -> None:
        """Stop the sshd and all processes of this machine."""
        self.service.stop()
        for process, _ in self._processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def _processes(self) -> Iterator[tuple[int, str]]:
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            with contextlib.suppress(OSError):
                if f"HOME={self.home}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if line:  # a zombie has an empty line
                        yield int(folder.name), line
