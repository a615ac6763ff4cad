"""A master whose address changes is found again by mDNS, whatever an attacker on the same network announces."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from background import MANYEYES, Background

from manyeyes import identity
from tests.integration.conftest import faulty_pack, picture

from .fleet import nodes_of
from .hosts import Host, lab, why_not

__all__ = ["faulty_pack"]
pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

LIAR = Path(__file__).with_name("liar.py")


@dataclass
class Site:
    """A master that moves, and machines that look for it."""

    folder: Path
    hosts: dict[str, Host]
    stack: ExitStack
    master: Background
    address: str

    @property
    def env(self) -> dict[str, str]:
        return {"MANYEYES_CONTEXT": str(self.folder / "m" / "context.json")}

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.hosts["master"].run([MANYEYES, *words], self.env)

    def start(self, host: str, *words: str, name: str = "") -> Background:
        command = [MANYEYES, "node", "--data", str(self.folder / host), "--workers", "1", *words]
        log = self.folder / f"{host}{name}.log"
        service = self.hosts[host].popen(command, log)
        self.stack.callback(service.stop)
        return service

    def move(self, to: str) -> None:
        """Give the master another address; its old address no longer answers."""
        at = ["ip", "-n", self.hosts["master"].namespace, "address"]
        subprocess.run([*at, "del", f"{self.address}/24", "dev", "eth0"], check=True)
        subprocess.run([*at, "add", f"{to}/24", "dev", "eth0"], check=True)
        self.address = to

    def addresses(self, host: str) -> list[str]:
        kept: list[str] = json.loads((self.folder / host / "membership.json").read_text())["addresses"]
        return kept

    def wait_found(self, host: str, timeout_s: float = 60) -> None:
        """Wait until a node has stored the master's address, and the master has had a heartbeat from it since."""
        end = time.monotonic() + timeout_s
        while self.addresses(host)[0] != f"{self.address}:4222":
            assert time.monotonic() < end, self.addresses(host)
            time.sleep(0.1)
        kept = datetime.now(UTC)
        while True:
            node = nodes_of(self.command("nodes", "list", "--json").stdout)[host]
            if node["state"] == "ready" and datetime.fromisoformat(node["last_seen"]) > kept:
                return
            assert time.monotonic() < end, node
            time.sleep(0.2)


@pytest.fixture
def site(tmp_path: Path, faulty_pack: Path) -> Iterator[Site]:
    with lab(["master", "one", "two", "liar"]) as hosts, ExitStack() as stack:
        master = hosts["master"]
        command = [MANYEYES, "master", "--data", str(tmp_path / "m"), "--pack", str(faulty_pack)]
        command += ["--advertise", master.address]
        env = {"MANYEYES_CONTEXT": str(tmp_path / "m" / "context.json")}
        service = master.popen(command, tmp_path / "master.log", env)
        stack.callback(service.stop)
        service.wait_ready()
        yield Site(tmp_path, hosts, stack, service, master.address)


def start_liar(site: Site, told: Path) -> None:
    """Start the liar on its own host; it writes what it receives to `told`."""
    certificates = identity.make_certificates(site.folder / "other-ca", ())
    fingerprint = identity.ca_fingerprint((site.folder / "m" / "identity" / "ca.pem").read_text())
    host = site.hosts["liar"]
    command = [sys.executable, str(LIAR), fingerprint, host.address, str(told)]
    command += [str(certificates.certificate), str(certificates.key)]
    service = host.popen(command, site.folder / "liar.log", {"PYTHONPATH": os.pathsep.join(sys.path)})
    site.stack.callback(service.stop)
    service.wait_ready(30)


@pytest.mark.chaos
def test_a_master_that_moved_is_found_beside_a_liar(site: Site) -> None:
    told = site.folder / "told"
    token = site.command("token").stdout.split()[-1]
    one = site.start("one", "--join", token, "--name", "one")
    one.wait_ready()
    start_liar(site, told)

    first = site.address
    site.move("10.77.0.101")
    subprocess.run(
        ["ip", "-n", site.hosts["liar"].namespace, "address", "add", f"{first}/24", "dev", "eth0"], check=True
    )

    # a new machine, with a token that names the old address
    two = site.start("two", "--join", token, "--name", "two")
    two.wait_ready(60)
    assert site.addresses("two") == ["10.77.0.101:4222", f"{first}:4222"]
    # a node that was connected to the old address
    site.wait_found("one")
    assert site.addresses("one") == ["10.77.0.101:4222", f"{first}:4222"]
    assert one.process.poll() is None, "it went on as the process that it was"
    assert one.output.count("ready:") == 1
    joined = site.master.output.count("joined for the first time")
    assert joined == 2, site.master.output

    # a node that is restarted: its stored address no longer answers
    assert two.stop() == 0
    site.move("10.77.0.102")
    again = site.start("two", name="-again")
    again.wait_ready(60)
    assert site.addresses("two")[0] == "10.77.0.102:4222"
    site.wait_found("one")

    sent = site.folder / "picture.png"
    sent.write_bytes(picture())
    done = site.command("send", str(sent), "-o", str(site.folder / "out"))
    assert done.returncode == 0, done.stderr
    assert not told.exists(), f"the liar was told something: {told.read_bytes()[:2000]!r}"


def test_nothing_is_announced_where_it_is_turned_off(tmp_path: Path, faulty_pack: Path) -> None:
    with lab(["master", "node"]) as hosts:
        env = {"MANYEYES_CONTEXT": str(tmp_path / "m" / "context.json")}
        command = [
            MANYEYES,
            "master",
            "--data",
            str(tmp_path / "m"),
            "--pack",
            str(faulty_pack),
            "--no-announce",
        ]
        # the advertised address is the joining machine's own, where nobody listens
        master = hosts["master"].popen([*command, "--advertise", "10.77.0.2"], tmp_path / "master.log", env)
        try:
            master.wait_ready()
            token = hosts["master"].run([MANYEYES, "token"], env).stdout.split()[-1]
            joining = [MANYEYES, "node", "--data", str(tmp_path / "n"), "--join", token]
            tried = hosts["node"].run(joining)
            assert tried.returncode == 6, tried.stderr
            assert "no master answers at 10.77.0.2:4222" in tried.stderr
            assert "asking the network" in tried.stderr
            unasked = hosts["node"].run(joining, {"MANYEYES_NODE_FIND": "false"})
            assert unasked.returncode == 6
            assert "asking the network" not in unasked.stderr
        finally:
            master.stop()
