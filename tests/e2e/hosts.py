"""Hosts for tests: network namespaces on one bridge, each with a cable that can be pulled.

The bridge is in a namespace of its own: so the machine's own network does not change, and removing the
namespaces removes everything.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from background import Background

Direction = Literal["out", "in"]

_labs = itertools.count()


def why_not() -> str | None:
    """Why this machine cannot simulate several hosts, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "the command `ip` is missing (Debian: apt-get install iproute2)"
    name = f"me{os.getpid()}try"
    tried = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return None if tried.returncode == 0 else f"no network namespaces here: {tried.stderr.strip()}"


def _in(namespace: str) -> list[str]:
    return ["ip", "netns", "exec", namespace]


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@dataclass(frozen=True)
class Host:
    """One machine of the lab."""

    namespace: str
    address: str
    switch: str
    port: str

    def command(self, command: Sequence[str]) -> list[str]:
        return [*_in(self.namespace), *command]

    def popen(self, command: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> Background:
        """Start a command on this host, in the background."""
        return Background.start(self.command(command), log, env)

    def run(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on this host to its end."""
        return subprocess.run(
            self.command(command),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            env={**os.environ, **(env or {})},
        )

    def cut(self) -> None:
        """Pull the cable: connections are not closed, packets just stop."""
        _ip("-n", self.switch, "link", "set", self.port, "down")

    def heal(self) -> None:
        """Put the cable back, and end the packet loss."""
        _ip("-n", self.switch, "link", "set", self.port, "up")
        for namespace in (self.switch, self.namespace):
            removed = [*_in(namespace), "nft", "delete", "table", "netdev", f"lost-{self.port}"]
            with contextlib.suppress(FileNotFoundError):
                subprocess.run(removed, capture_output=True)

    def lose(self, percent: int, directions: Sequence[Direction] = ("out", "in")) -> None:
        """Drop this percentage of the packets that leave this host, arrive at it, or both; needs `nft`."""
        for direction in directions:
            out = direction == "out"
            namespace, device = (self.switch, self.port) if out else (self.namespace, "eth0")
            table = f"lost-{self.port}"
            some = f"numgen random mod 100 < {percent}" if percent < 100 else ""
            rules = (
                f"add table netdev {table}; add chain netdev {table} lost "
                f"{{ type filter hook ingress device {device} priority 0; }}; "
                f"add rule netdev {table} lost {some} drop"
            )
            subprocess.run([*_in(namespace), "nft", rules], check=True, capture_output=True)

    def slow(self, megabits_per_s: int) -> None:
        """Limit the line's speed in both directions."""
        shape = ["root", "tbf", "rate", f"{megabits_per_s}mbit", "burst", "32kb", "latency", "400ms"]
        for namespace, device in ((self.switch, self.port), (self.namespace, "eth0")):
            command = ["tc", "-n", namespace, "qdisc", "replace", "dev", device, *shape]
            subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def lab(names: Sequence[str], *, ipv6_alone: bool = False) -> Iterator[dict[str, Host]]:
    """Hosts by name, on one network; removed at the end, also after an error.

    Args:
        ipv6_alone: no host has an IPv4 address, not even 127.0.0.1.
    """
    unique = f"me{os.getpid()}x{next(_labs)}"
    switch = f"{unique}sw"
    with contextlib.ExitStack() as stack:

        def namespace(name: str) -> None:
            _ip("netns", "add", name)
            stack.callback(subprocess.run, ["ip", "netns", "del", name], capture_output=True)

        namespace(switch)
        _ip("-n", switch, "link", "add", "bridge0", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge0", "up")
        hosts: dict[str, Host] = {}
        for number, name in enumerate(names, start=1):
            address = f"fd77::{number}" if ipv6_alone else f"10.77.0.{number}"
            host = Host(f"{unique}{name}", address, switch, f"port{number}")
            namespace(host.namespace)
            peer = ("peer", "name", "eth0", "netns", host.namespace)
            _ip("-n", switch, "link", "add", host.port, "type", "veth", *peer)
            _ip("-n", switch, "link", "set", host.port, "master", "bridge0", "up")
            _ip("-n", host.namespace, "link", "set", "lo", "up")
            _ip("-n", host.namespace, "link", "set", "eth0", "up")
            if ipv6_alone:
                _ip("-n", host.namespace, "address", "del", "127.0.0.1/8", "dev", "lo")
                _ip("-n", host.namespace, "address", "add", f"{host.address}/64", "dev", "eth0", "nodad")
            else:
                _ip("-n", host.namespace, "address", "add", f"{host.address}/24", "dev", "eth0")
            hosts[name] = host
        yield hosts
