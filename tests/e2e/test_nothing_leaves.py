"""Nothing leaves the machines: a service on its own hosts, and all packets, name look-ups and files of its processes.

Each host's default route leads to a host that records packets and names, and answers the look-ups. Each role has an
empty home and empty temporary folders. CI systems silence some libraries, so their variables are removed.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from background import Background

from tests.as_users_run_it import environment, files_below
from tests.needs import needed

from . import outside
from .conftest import ROOT, Seed, records
from .fleet import Fleet, wait_for
from .hosts import Host, lab, why_not
from .pictures import write_many

LOOKED_S = 8.0
"""How long to watch, in seconds: ONNX Runtime sends telemetry about 5 s after it is loaded."""
TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
PLANTED_TARGET, PLANTED_NAME = "203.0.113.9:9", "planted.example"
_OF_ANY_NETWORK = re.compile(
    r"arp|igmp .*"
    r"|icmp6-(13[3-6]|143) \S+ > (ff02|fe80):\S+"  # neighbour and router discovery, multicast group reports
    r"|udp \S+:5353 > (224\.0\.0\.251|ff02::fb):5353"  # the master's announcement
)


@dataclass(frozen=True)
class Boxed(Host):
    """A host whose processes have their home, start folder and temporary folders in `box`, and no others."""

    box: Path
    folder: Path
    """The folder that processes may write to: data folders and contexts."""

    @classmethod
    def of(cls, host: Host, folder: Path, name_server: str) -> Boxed:
        """Make the box of a host."""
        box = folder / f"box-{host.namespace}"
        for place in ("home", "start", *(path.strip("/") for path in TEMPORARY)):
            (box / place).mkdir(parents=True)
        etc = folder / f"etc-{host.namespace}"
        etc.mkdir()
        (etc / "resolv.conf").write_text(f"nameserver {name_server}\noptions timeout:1 attempts:1\n")
        (etc / "nsswitch.conf").write_text("hosts: files dns\n")
        (etc / "hosts").write_text("127.0.0.1 localhost\n")
        return cls(host.namespace, host.address, host.switch, host.port, box, folder)

    def command(self, command: Sequence[str]) -> list[str]:
        """Wrap a command. `ip netns exec` gives a process its own mounts: only this process sees those made here."""
        mounts = [
            f"mount --bind {shlex.quote(str(path))} /etc/{path.name}"
            for path in sorted((self.folder / f"etc-{self.namespace}").iterdir())
            if Path("/etc", path.name).exists()
        ]
        for temporary in map(Path, TEMPORARY):
            inside = self.box / str(temporary).strip("/")
            for wanted in {self.folder, ROOT, Path(sys.prefix), Path(sys.base_prefix)}:
                if wanted.is_relative_to(temporary):
                    kept = inside / wanted.relative_to(temporary)
                    kept.mkdir(parents=True, exist_ok=True)
                    mounts.append(f"mount --bind {shlex.quote(str(wanted))} {shlex.quote(str(kept))}")
            mounts.append(f"mount --rbind {shlex.quote(str(inside))} {temporary}")
        start = shlex.quote(str(self.box / "start"))
        script = "\n".join(["set -e", *mounts, f"cd {start}", 'exec "$@"'])
        own = environment(self.box / "home")
        gone = [word for name in os.environ if name not in own for word in ("-u", name)]
        plain = ["env", *gone, f"HOME={own['HOME']}"]
        return super().command([*plain, "sh", "-c", script, "sh", *command])


@dataclass(frozen=True)
class Noted:
    """The packets and names that were recorded, and the files that the roles left in their boxes."""

    packets: tuple[str, ...]
    names: tuple[str, ...]
    files: tuple[str, ...]
    planted: tuple[str, ...]
    """The files that were there after files were planted."""
    addresses: dict[str, str]

    def is_own(self, packet: str) -> bool:
        """Whether a packet is the service's (node and engine, user and gateway), or occurs on any network."""
        if _OF_ANY_NETWORK.fullmatch(packet):
            return True
        _, *ends = packet.replace(" > ", " ").split(" ")
        for one, other in (ends, ends[::-1]):
            for role, port in (("node", 4222), ("user", 8443)):
                if one == f"{self.addresses['master']}:{port}" and other.startswith(
                    f"{self.addresses[role]}:"
                ):
                    return packet.startswith("tcp ")
        return False


def use_it(fleet: Fleet, seed: Seed, folder: Path) -> None:
    """Do what a small service does: a master, a node, a person, pictures, the console's first page."""
    seed(fleet.data("master"))
    fleet.start_master()
    fleet.start_node("node")
    looked_from = time.monotonic()
    write_many(folder / "in", 3)
    fleet.ordered("people", "add", "Ada", str(folder / "in" / "0000.jpg"))
    fleet.ordered("send", str(folder / "in"), "-o", str(folder / "out"))
    assert [face["name"] for record in records(folder / "out") for face in record["faces"]] == ["Ada"] * 3
    fleet.ordered("status")
    page = (
        "import ssl, urllib.request as r; c = ssl._create_unverified_context(); "
        f"print(r.urlopen('https://{fleet.hosts['master'].address}:8443/', context=c).status)"
    )
    opened = fleet.hosts["user"].run([sys.executable, "-c", page])
    assert opened.stdout.strip() == "200", opened.stderr
    time.sleep(max(0.0, looked_from + LOOKED_S - time.monotonic()))


def plant(host: Host) -> None:
    """Send a packet, look up a name and write files, in a process of a role."""
    address, port = PLANTED_TARGET.split(":")
    code = (
        "import socket, pathlib, contextlib\n"
        f"socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ({address!r}, {port}))\n"
        f"print(socket.getaddrinfo({PLANTED_NAME!r}, 443)[0][4][0])\n"
        f"for place in (pathlib.Path.home() / '.cache', pathlib.Path('.'), *map(pathlib.Path, {TEMPORARY!r})):\n"
        "    place.mkdir(exist_ok=True)\n"
        "    (place / 'planted').touch()\n"
    )
    done = host.run([sys.executable, "-c", code])
    assert done.stdout.strip() == outside.ANSWER, done.stderr


@pytest.fixture(scope="module")
def noted(place: Path, seed: Seed) -> Iterator[Noted]:
    needed(why_not())
    folder = place / "nothing-leaves"
    folder.mkdir()
    with ExitStack() as stack:
        hosts = stack.enter_context(lab(["master", "node", "user", "outside"]))
        world = hosts.pop("outside")
        own = ["ip", "netns", "exec", world.namespace, "sysctl", "-qw", "net.ipv4.ip_forward=0"]
        subprocess.run(own, check=True)  # a new namespace has the machine's value, which is 1 beside Docker
        boxes: dict[str, Path] = {}
        for name, host in hosts.items():
            subprocess.run(
                ["ip", "-n", host.namespace, "route", "add", "default", "via", world.address], check=True
            )
            hosts[name] = boxed = Boxed.of(host, folder, world.address)
            boxes[name] = boxed.box
        notes: dict[str, Path] = {}
        for what, where in (("packets", replace(world, namespace=world.switch)), ("names", world)):
            notes[what] = folder / what
            watching = [sys.executable, str(outside.__file__), what, str(notes[what])]
            started = Background.start(where.command(watching), folder / f"{what}.log")
            stack.callback(started.stop)
            started.wait_ready(10)
        fleet = Fleet(hosts, folder, None)
        stack.callback(fleet.stop)
        use_it(fleet, seed, folder)
        fleet.stop()

        def left() -> tuple[str, ...]:
            return tuple(f"{name}/{file}" for name in hosts for file in files_below(boxes[name]))

        files = left()
        plant(hosts["node"])
        wait_for(lambda: PLANTED_NAME in notes["names"].read_text(), "the planted name was not noted", 5)
        wait_for(lambda: PLANTED_TARGET in notes["packets"].read_text(), "no planted packet was noted", 5)
        packets, names = (tuple(notes[what].read_text().splitlines()) for what in ("packets", "names"))
        addresses = {name: host.address for name, host in {**hosts, "outside": world}.items()}
        yield Noted(packets, names, files, left(), addresses)


def test_the_watch_sees_what_is_planted(noted: Noted) -> None:
    node = noted.addresses["node"]
    assert any(
        packet.endswith(f"> {PLANTED_TARGET}") and not noted.is_own(packet) for packet in noted.packets
    )
    assert PLANTED_NAME in noted.names
    new = set(noted.planted) - set(noted.files)
    expected = ("home/.cache", "start", *(path.strip("/") for path in TEMPORARY))
    assert new == {f"node/{folder}/planted" for folder in expected}
    for role, port in (("node", 4222), ("user", 8443)):
        begun = f"tcp {noted.addresses[role]}:"
        ended = f"> {noted.addresses['master']}:{port}"
        assert any(packet.startswith(begun) and packet.endswith(ended) for packet in noted.packets), role
    assert not noted.is_own(f"tcp {node}:40000 > {outside.ANSWER}:443")
    assert not noted.is_own(f"udp {node}:4222 > {noted.addresses['master']}:8443")


def test_no_packet_goes_anywhere_else(noted: Noted) -> None:
    """Except the planted packet and the name look-ups: the next test checks the names."""
    node, server = (re.escape(noted.addresses[name]) for name in ("node", "outside"))
    target = re.escape(PLANTED_TARGET)
    aside = re.compile(rf"udp {node}:\d+ > ({target}|{server}:53)|udp {server}:53 > {node}:\d+")
    strange = [packet for packet in noted.packets if not noted.is_own(packet)]
    assert [packet for packet in strange if not aside.fullmatch(packet)] == []


def test_no_name_is_asked_for(noted: Noted) -> None:
    assert [name for name in noted.names if name != PLANTED_NAME] == []


def test_no_file_appears_outside_the_data_folders(noted: Noted) -> None:
    assert list(noted.files) == []
