"""A master, nodes and a user on hosts of their own, all driven by the installed command."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from background import MANYEYES, Background

from tests.e2e.conftest import nodes_of
from tests.e2e.hosts import Host, lab


class Fleet:
    """One master's data folder, and everything that was started on the hosts."""

    def __init__(self, hosts: dict[str, Host], folder: Path, pack: Path) -> None:
        self.hosts = hosts
        self.folder = folder
        self.pack = pack
        self.address = hosts["master"].address
        self.started: list[Background] = []
        self.nodes: dict[str, Background] = {}
        self.master: Background

    @property
    def env(self) -> dict[str, str]:
        context = str(self.folder / "m" / "context.json")
        return {"MANYEYES_CONTEXT": context, "MANYEYES_MASTER": f"https://{self.address}:8443"}

    def start_master(self, pack: Path | None = None) -> None:
        """Start the master, or start it again."""
        command = [MANYEYES, "master", "--data", str(self.folder / "m"), "--pack", str(pack or self.pack)]
        self.master = self._start("master", [*command, "--advertise", self.address], {})
        self.master.wait_ready(60)

    def token(self, *flags: str) -> str:
        return str(json.loads(self.user("token", "--json", *flags).stdout)["token"])

    def node(
        self,
        name: str,
        host: str,
        *flags: str,
        data: Path | None = None,
        machine: str | None = "",
        program: str = MANYEYES,
        ready: bool = True,
    ) -> Background:
        """Start a node.

        Args:
            machine: what stands in the machine's id file, the host's name if empty; None: it has no id.
        """
        file = self.folder / f"machine-{machine or host}"
        if machine is not None:
            file.write_text(f"{machine or host}\n")
        own = {"MANYEYES_NODE_MACHINE_ID_FILE": str(file if machine is not None else self.folder / "none")}
        folder = data or self.folder / name
        joining = (
            [] if (folder / "membership.json").exists() or "--join" in flags else ["--join", self.token()]
        )
        command = [program, "node", "--data", str(folder), "--name", name, "--workers", "1", *joining, *flags]
        node = self.nodes[name] = self._start(host, command, own)
        if ready:
            node.wait_ready(60)
        return node

    def _start(self, host: str, command: list[str], env: dict[str, str]) -> Background:
        log = self.folder / f"{len(self.started)}-{command[1]}.log"
        started = self.hosts[host].popen(command, log, {**env, "MANYEYES_CONTEXT": str(self.folder / "ctx")})
        self.started.append(started)
        return started

    def user(self, *arguments: str, timeout_s: float = 120, **env: str) -> subprocess.CompletedProcess[str]:
        """One command on the user's host, to its end."""
        return self.hosts["user"].run([MANYEYES, *arguments], {**self.env, **env}, timeout_s)

    def user_begins(self, *arguments: str) -> Background:
        """One command on the user's host, in the background; output and errors in its log."""
        command = self.hosts["user"].command([MANYEYES, *arguments])
        begun = Background.start(command, self.folder / f"{len(self.started)}-user.log", self.env)
        self.started.append(begun)
        return begun

    def listed(self) -> dict[str, dict[str, Any]]:
        """`nodes list --json`, by name."""
        asked = self.user("nodes", "list", "--json")
        assert asked.returncode == 0, asked.stderr
        return nodes_of(asked.stdout)

    def received_bytes(self, host: str) -> int:
        """What the host's cable has brought since it was plugged in."""
        told = self.hosts[host].run(["cat", "/sys/class/net/eth0/statistics/rx_bytes"])
        return int(told.stdout)


@contextmanager
def fleet_of(names: list[str], folder: Path, pack: Path) -> Iterator[Fleet]:
    """Hosts by these names, "master" and "user" among them, and a running master; all ended on leaving."""
    folder.mkdir(exist_ok=True)
    with ExitStack() as stack:
        fleet = Fleet(stack.enter_context(lab(names)), folder, pack)
        stack.callback(lambda: [started.stop() for started in reversed(fleet.started)])
        fleet.start_master()
        yield fleet


def until(met: Callable[[], bool], told: str, timeout_s: float = 30) -> float:
    """Wait; returns the seconds that it took."""
    began_s = time.monotonic()
    while not met():
        assert time.monotonic() - began_s < timeout_s, f"after {timeout_s:.0f} s: {told}"
        time.sleep(0.02)
    return time.monotonic() - began_s
