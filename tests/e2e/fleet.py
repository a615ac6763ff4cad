"""A master, nodes and a user, each on a host of its own, all driven by the installed command."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from background import MANYEYES, Background

from .hosts import Host, lab


@dataclass
class Fleet:
    """The hosts with everything that runs on them.

    Attributes:
        folder: data and logs of all of them.
        pack: the pack that the master serves; None: the pack in its data folder.
        nodes: the last process of each node, by the node's name.
    """

    hosts: dict[str, Host]
    folder: Path
    pack: Path | None
    master: Background = field(init=False)
    nodes: dict[str, Background] = field(default_factory=dict)
    _started: list[Background] = field(default_factory=list)
    _token: str = ""

    @property
    def env(self) -> dict[str, str]:
        """The variables with which the user's commands find the master."""
        context = str(self.data("master") / "context.json")
        address = self.hosts["master"].address
        return {"MANYEYES_CONTEXT": context, "MANYEYES_MASTER": f"https://{address}:8443"}

    def user(self, *arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run one command on the user's host, to its end."""
        return self.hosts["user"].run([MANYEYES, *arguments], self.env, timeout_s)

    def user_begins(self, *arguments: str, log: Path | None = None) -> Background:
        """Start one command on the user's host, in the background; output and errors go to its log."""
        return self._start("user", "user", [MANYEYES, *arguments], self.env, log=log)

    def ordered(self, *arguments: str) -> str:
        """Run a command of the user, which must succeed; returns its output."""
        done = self.user(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def send(self, inputs: Sequence[Path], out: Path, log: Path, in_flight: int = 4) -> Background:
        """Begin to send pictures, or folders of them, from the user's host."""
        flags = ["-o", str(out), "--in-flight", str(in_flight)]
        return self.user_begins("send", *map(str, inputs), *flags, log=log)

    def token(self, *flags: str) -> str:
        """A token with which a node may join."""
        return str(json.loads(self.ordered("token", "--json", *flags))["token"])

    def listed(self) -> dict[str, dict[str, Any]]:
        """`nodes list --json`, by name."""
        return nodes_of(self.ordered("nodes", "list", "--json"))

    def data(self, name: str) -> Path:
        """The data folder of a node, or of the master."""
        return self.folder / name

    def log(self, name: str) -> str:
        """The logs of all starts of a node."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob(f"{name}.*.log")))

    def received_bytes(self, host: str) -> int:
        """How many bytes the host's network interface has received."""
        told = self.hosts[host].run(["cat", "/sys/class/net/eth0/statistics/rx_bytes"])
        return int(told.stdout)

    def start_master(self, pack: Path | None = None) -> None:
        """Start the master, or start it again with the same data; `pack` replaces the fleet's pack."""
        where = ["--listen", "0.0.0.0", "--advertise", self.hosts["master"].address]
        ports = ["--https-port", "8443", "--nats-port", "4222"]
        command = [MANYEYES, "master", "--data", str(self.data("master")), *where, *ports]
        if served := pack or self.pack:
            command += ["--pack", str(served)]
        self.master = self._start("master", "master", command, {})
        self.master.wait_ready()

    def start_node(
        self,
        name: str,
        *flags: str,
        host: str = "",
        data: Path | None = None,
        machine: str | None = "",
        program: str = MANYEYES,
        env: Mapping[str, str] | None = None,
        wrap: Sequence[str] = (),
        wait: bool = True,
    ) -> Background:
        """Start a node; it joins if it has not joined before.

        Args:
            host: the host to run on; the host with the node's name if empty.
            machine: the content of the machine's id file, the host's name if empty; None: there is no such file.
            program: the `manyeyes` of another environment.
            wrap: arguments put before the whole command.
            wait: wait until the node is ready.
        """
        host, folder = host or name, data or self.data(name)
        id_file = self.folder / "no-machine"
        if machine is not None:
            id_file = self.folder / f"machine-{machine or host}"
            id_file.write_text(f"{machine or host}\n")
        if not (folder / "membership.json").exists() and "--join" not in flags:
            self._token = self._token or self.token("--expires", "1h")
            flags = (*flags, "--join", self._token)
        command = [program, "node", "--data", str(folder), "--name", name, "--workers", "1", *flags]
        own = {"MANYEYES_NODE_MACHINE_ID_FILE": str(id_file), **(env or {})}
        node = self.nodes[name] = self._start(name, host, command, own, wrap)
        if wait:
            node.wait_ready(60)
        return node

    def _start(
        self,
        name: str,
        host: str,
        command: Sequence[str],
        env: Mapping[str, str],
        wrap: Sequence[str] = (),
        log: Path | None = None,
    ) -> Background:
        log = log or self.folder / f"{name}.{len(self._started):04}.log"
        own = {"MANYEYES_CONTEXT": str(self.folder / "own.json"), **env}
        started = Background.start([*wrap, *self.hosts[host].command(command)], log, own)
        self._started.append(started)
        return started

    def wait_ready(self, *names: str, timeout_s: float = 40.0) -> None:
        """Wait until the master lists these nodes, by default all, as `ready`: without pictures."""
        until = time.monotonic() + timeout_s
        while True:
            listed = self.listed()
            others = {name: listed[name] for name in names or self.nodes if listed[name]["state"] != "ready"}
            if not others:
                return
            told = {name: (node["state"], node["reason"]) for name, node in others.items()}
            assert time.monotonic() < until, f"after {timeout_s:.0f} s not ready: {told}"
            time.sleep(0.1)

    def stop(self) -> None:
        """Stop everything that still runs, the master last."""
        running = [started for started in reversed(self._started) if started.process.poll() is None]
        for started in sorted(running, key=lambda started: started is self.master):
            started.stop()


@contextmanager
def running_fleet(
    folder: Path,
    names: Sequence[str],
    *,
    pack: Path | None = None,
    seed: Callable[[Path], None] | None = None,
) -> Iterator[Fleet]:
    """A running master, with hosts for it, for nodes (with these names) and for a user; all are removed at the end.

    Args:
        folder: for data and logs.
        pack: the pack to serve; None takes the default pack, which `seed` puts into the master's folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        fleet = Fleet(stack.enter_context(lab(["master", *names, "user"])), folder, pack)
        if seed is not None:
            seed(fleet.data("master"))
        stack.callback(fleet.stop)
        fleet.start_master()
        yield fleet


def nodes_of(document: str) -> dict[str, dict[str, Any]]:
    """`nodes list --json`, by name."""
    return {node["name"]: node for node in json.loads(document)}


def wait_for(what: Callable[[], bool], told: str, timeout_s: float = 60.0) -> None:
    """Wait until `what()` is true; raises AssertionError with `told` after `timeout_s`."""
    until = time.monotonic() + timeout_s
    while not what():
        if time.monotonic() > until:
            raise AssertionError(f"after {timeout_s:.0f} s: {told}")
        time.sleep(0.02)


def lines(out: Path) -> int:
    """How many lines OUT/results.jsonl has."""
    path = out / "results.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0
