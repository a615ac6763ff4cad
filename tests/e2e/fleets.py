"""A master, nodes and a user, each on a host of its own: what the tests and the bench of leaving nodes run on."""

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

    `master_command` is what the master was started with, `nodes` what runs of each node.
    """

    hosts: dict[str, Host]
    place: Path
    env: dict[str, str]
    master: Background
    master_command: Sequence[str]
    master_env: Mapping[str, str]
    nodes: dict[str, Background] = field(default_factory=dict)
    _starts: int = 0
    _token: str = ""

    def manyeyes(self, *arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        """One command of the user, to its end."""
        return self.hosts["user"].run([MANYEYES, *arguments], self.env, timeout_s)

    def ordered(self, *arguments: str) -> str:
        """What a command of the user prints; it must end well."""
        done = self.manyeyes(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def listed(self) -> dict[str, dict[str, Any]]:
        """`nodes list --json`, by name."""
        return {node["name"]: node for node in json.loads(self.ordered("nodes", "list", "--json"))}

    def done(self) -> int:
        """How many pictures were answered well since the master's start."""
        return int(json.loads(self.ordered("status", "--json"))["tasks"]["done"])

    def data(self, name: str) -> Path:
        """The data folder of a node."""
        return self.place / name

    def log(self, name: str) -> str:
        """All that a node has said, over its starts."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.place.glob(f"{name}.*.log")))

    def start_node(
        self,
        name: str,
        *flags: str,
        env: Mapping[str, str] | None = None,
        wrap: Sequence[str] = (),
        wait: bool = True,
    ) -> Background:
        """Start a node on its host, joining where it has not; `wrap` is put before the whole command."""
        if not (self.data(name) / "membership.json").exists() and "--join" not in flags:
            self._token = self._token or self.ordered("token", "--expires", "1h").split()[-1]
            flags = (*flags, "--join", self._token)
        command = [MANYEYES, "node", "--data", str(self.data(name)), "--name", name, "--workers", "1", *flags]
        self._starts += 1
        log = self.place / f"{name}.{self._starts:03}.log"
        self.nodes[name] = Background.start([*wrap, *self.hosts[name].command(command)], log, env)
        if wait:
            self.nodes[name].wait_ready(60)
        return self.nodes[name]

    def start_master(self) -> None:
        """Start the master again, with the data that it had."""
        self._starts += 1
        log = self.place / f"master.{self._starts:03}.log"
        self.master = self.hosts["master"].popen(self.master_command, log, self.master_env)
        self.master.wait_ready(60)

    def send(self, inputs: Sequence[Path], out: Path, log: Path, in_flight: int = 4) -> Background:
        """Begin to send pictures, or folders of them, from the user's host."""
        command = [MANYEYES, "send", *map(str, inputs), "-o", str(out), "--in-flight", str(in_flight)]
        return self.hosts["user"].popen(command, log, self.env)

    def wait_ready(self, *names: str, timeout_s: float = 40.0) -> None:
        """Wait until the master lists these nodes, all by default, as ready with nothing in hand."""
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
        for running in [*self.nodes.values(), self.master]:
            running.stop()


@contextmanager
def running_fleet(
    place: Path,
    names: Sequence[str],
    *,
    pack: Path | None = None,
    seed: Callable[[Path], None] | None = None,
    master_env: Mapping[str, str] | None = None,
) -> Iterator[Fleet]:
    """A master that waits for nodes; hosts for it, for the nodes of these names and for a user.

    Args:
        place: a folder for data and logs.
        pack: the pack to serve; None takes the default pack, which `seed` puts into the master's folder.
    """
    data = place / "master"
    place.mkdir(parents=True, exist_ok=True)
    if seed is not None:
        seed(data)
    with ExitStack() as stack:
        hosts = stack.enter_context(lab(["master", *names, "user"]))
        address = hosts["master"].address
        where = ["--listen", "0.0.0.0", "--advertise", address]
        ports = ["--https-port", "8443", "--nats-port", "4222"]
        command = [MANYEYES, "master", "--data", str(data), *where, *ports]
        command += ["--pack", str(pack)] if pack else []
        own = {"MANYEYES_CONTEXT": str(place / "own.json"), **(master_env or {})}
        master = hosts["master"].popen(command, place / "master.000.log", own)
        env = {
            "MANYEYES_CONTEXT": str(data / "context.json"),
            "MANYEYES_MASTER": f"https://{address}:8443",
        }
        fleet = Fleet(hosts, place, env, master, command, own)
        stack.callback(fleet.stop)
        master.wait_ready()
        yield fleet


def wait_for(what: Callable[[], bool], told: str, timeout_s: float = 60.0) -> None:
    """Wait until `what()`; AssertionError with `told` after `timeout_s`."""
    until = time.monotonic() + timeout_s
    while not what():
        if time.monotonic() > until:
            raise AssertionError(f"after {timeout_s:.0f} s: {told}")
        time.sleep(0.02)


def lines(out: Path) -> int:
    """How many lines OUT/results.jsonl has."""
    path = out / "results.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0
