"""A master and two nodes on three hosts, the user on a fourth; nodes die and cables are pulled."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from background import MANYEYES, Background

from .conftest import Seed, nodes_of, records
from .hosts import Host, lab, why_not
from .pictures import write_many

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Fleet:
    """Four hosts with everything running on them."""

    hosts: dict[str, Host]
    nodes: dict[str, Background]
    env: dict[str, str]

    def listed(self) -> dict[str, dict[str, Any]]:
        """`nodes list --json`, by name."""
        asked = self.hosts["user"].run([MANYEYES, "nodes", "list", "--json"], self.env)
        assert asked.returncode == 0, asked.stderr
        return nodes_of(asked.stdout)

    def send(self, folder: Path, out: Path, log: Path) -> Background:
        """Begin to send a folder from the user's host."""
        command = [MANYEYES, "send", str(folder), "-o", str(out), "--in-flight", "4"]
        return self.hosts["user"].popen(command, log, self.env)


def wait_for(what: Callable[[], bool], told: str, timeout_s: float = 60.0) -> None:
    until = time.monotonic() + timeout_s
    while not what():
        if time.monotonic() > until:
            raise AssertionError(f"after {timeout_s:.0f} s: {told}")
        time.sleep(0.02)


def lines(out: Path) -> int:
    path = out / "results.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def assert_each_once(out: Path, folder: Path) -> None:
    """Every picture of the folder has exactly one line, a result without error and a picture with a box."""
    written = records(out)
    names = sorted(Path(record["file"]).name for record in written)
    assert names == sorted(path.name for path in folder.iterdir())
    assert [record["file"] for record in written if record.get("error")] == []
    assert [record["file"] for record in written if len(record["faces"]) != 1] == []
    assert len(list(out.rglob("*.jpg"))) == len(names)


@pytest.fixture(scope="module")
def fleet(place: Path, seed: Seed) -> Iterator[Fleet]:
    if reason := why_not():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with ExitStack() as stack:
        hosts = stack.enter_context(lab(["master", "alpha", "beta", "user"]))
        data = place / "hosts-master"
        seed(data)
        address = hosts["master"].address
        where = ["--listen", "0.0.0.0", "--advertise", address]
        ports = ["--https-port", "8443", "--nats-port", "4222"]
        command = [MANYEYES, "master", "--data", str(data), *where, *ports]
        master = hosts["master"].popen(command, place / "hosts-master.log")
        stack.callback(master.stop)
        master.wait_ready()
        env = {
            "MANYEYES_CONTEXT": str(data / "context.json"),
            "MANYEYES_MASTER": f"https://{address}:8443",
        }
        nodes: dict[str, Background] = {}
        for name in ("alpha", "beta"):
            made = hosts["user"].run([MANYEYES, "token", "--expires", "1h"], env)
            assert made.returncode == 0, made.stderr
            joining = ["--join", made.stdout.split()[-1], "--name", name, "--workers", "1"]
            command = [MANYEYES, "node", "--data", str(place / f"hosts-{name}"), *joining]
            nodes[name] = hosts[name].popen(command, place / f"hosts-{name}.log")
            stack.callback(nodes[name].stop)
        for node in nodes.values():
            node.wait_ready()
        yield Fleet(hosts, nodes, env)


def test_no_picture_is_lost_when_a_node_dies(fleet: Fleet, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder, 200)
    sending = fleet.send(folder, out, tmp_path / "send.log")
    try:
        wait_for(lambda: lines(out) >= 90, "fewer than 90 results")
        fleet.nodes["alpha"].kill()
        at_kill = lines(out)
        assert sending.process.wait(120) == 0, sending.output
    finally:
        sending.stop()
    assert at_kill < 195, "alpha died too late to prove anything"
    assert_each_once(out, folder)
    wait_for(lambda: fleet.listed()["alpha"]["state"] == "lost", "alpha is not shown as lost", 30)
    listed = fleet.listed()
    assert listed["beta"]["state"] in ("ready", "working")
    assert listed["alpha"]["done"] > 0
    assert listed["beta"]["done"] > 0
    assert listed["alpha"]["done"] + listed["beta"]["done"] <= 200


def test_no_picture_is_lost_when_a_cable_is_pulled(fleet: Fleet, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder, 60)
    sending = fleet.send(folder, out, tmp_path / "send.log")
    try:
        wait_for(lambda: lines(out) >= 10, "fewer than 10 results")
        fleet.hosts["beta"].cut()
        time.sleep(1.0)
        at_cut = lines(out)
        time.sleep(4.0)
        assert lines(out) == at_cut, "results came through a cable that was pulled"
        fleet.hosts["beta"].heal()
        assert sending.process.wait(120) == 0, sending.output
    finally:
        fleet.hosts["beta"].heal()
        sending.stop()
    assert at_cut < 60, "the cable was pulled too late to prove anything"
    assert_each_once(out, folder)
    wait_for(lambda: fleet.listed()["beta"]["state"] in ("ready", "working"), "beta did not come back", 30)
