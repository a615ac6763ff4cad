"""The steps in order, with a machine and a master of paper."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from manyeyes import identity
from manyeyes.api.access import JoinToken
from manyeyes.api.nodes import Node
from manyeyes.cli.adding import steps
from manyeyes.cli.adding.bundle import Bundle, Sent
from manyeyes.cli.adding.steps import InstallOptions, bring_in
from manyeyes.errors import InstallFailed, MachineUnfit, TokenRefused, Unavailable

FOLDER = "/home/ada/.local/share/manyeyes/agent"
PREFLIGHT: dict[str, Any] = {
    "python": "3.11",
    "system": "Linux",
    "machine": "x86_64",
    "libc": "glibc",
    "hostname": "lab-2",
    "folder": FOLDER,
    "free_bytes": 50_000_000_000,
    "reach": {"10.0.0.4:4222": ""},
    "systemd": False,
    "installed": "",
    "received": {},
    "member": None,
    "running": None,
}


class Master:
    """It hands out tokens and lists one node, if any."""

    def __init__(self, ca_pem: str) -> None:
        self.ca_pem = ca_pem
        self.tokens: list[str] = []
        self.listed: list[Node] = []

    async def create_token(self, expires_s: int = 3600) -> JoinToken:
        made = identity.JoinToken(f"t{len(self.tokens)}", ("10.0.0.4:4222",), self.ca_pem, "seed", 2**31)
        self.tokens.append(made.encode())
        return JoinToken(token=self.tokens[-1], expires_at=datetime.now(UTC))

    async def nodes(self) -> list[Node]:
        return self.listed


class Machine:
    """It answers as `remote_installer.py` would, and writes down what it was asked."""

    label = "lab-2"

    def __init__(self, master: Master) -> None:
        self.master = master
        self.told: list[tuple[str, str, bytes]] = []
        self.preflight = dict(PREFLIGHT)
        self.pythons = "/usr/bin/python3\t3.11\t1\n"
        self.join_status, self.join_said = 0, ""
        self.running: int | None = 4711
        self.log: list[str] = ["said last"]
        self.fails = ""

    @property
    def verbs(self) -> list[str]:
        return [verb for verb, _, _ in self.told]

    async def run(
        self, command: Sequence[str] | str, *, given: bytes = b"", timeout_s: float = 60
    ) -> tuple[int, bytes, str]:
        if command[:2] == ["sh", "-s"]:
            return 0, self.pythons.encode(), ""
        if command[0] == "sh":
            return 0, f"Welcome!\nat {FOLDER}/remote_installer.py\n".encode(), ""
        if command[0] == f"{FOLDER}/manyeyes":
            self.told.append(("join", " ".join(command), given))
            self.master.listed = [Node(name="lab-2", state="provisioning")]
            return self.join_status, b"lab-2\n", self.join_said
        verb, wanted = command[3:]
        self.told.append((verb, wanted, given))
        if verb == self.fails:
            return 1, json.dumps({"error": "the disk is full"}).encode(), ""
        return 0, f"Welcome!\n{json.dumps({'done': self.answer(verb)})}\n".encode(), ""

    async def lines(self, command: Sequence[str], *, timeout_s: float) -> AsyncIterator[str]:
        self.told.append((command[3], command[4], b""))
        yield "Welcome!"
        yield json.dumps({"step": "installing"})
        if command[3] == self.fails:
            yield json.dumps({"error": "no matching distribution"})
        yield json.dumps({"done": {"changed": True}})

    def answer(self, verb: str) -> dict[str, Any]:
        match verb:
            case "preflight":
                return self.preflight
            case "start":
                return {"service": False, "restarted": True, "start": f"{FOLDER}/start"}
            case "state":
                return {"running": self.running, "log": self.log}
            case _:
                return {}


@pytest.fixture(scope="module")
def ca_pem(tmp_path_factory: pytest.TempPathFactory) -> str:
    return identity.make_certificates(tmp_path_factory.mktemp("ca"), ()).ca.read_text()


@pytest.fixture
def machine(ca_pem: str, monkeypatch: pytest.MonkeyPatch) -> Machine:
    def make_bundle(python: str, *, with_wheels: bool) -> Bundle:
        wheels = (Sent("a.whl", b"aa"), Sent("b.whl", b"bb")) if with_wheels else ()
        return Bundle((Sent("manyeyes-1-py3-none-any.whl", b"own"),), "a==1\n", wheels)

    async def at_once(_: float) -> None:
        return None

    monkeypatch.setattr(steps, "make_bundle", make_bundle)
    monkeypatch.setattr(steps.asyncio, "sleep", at_once)
    return Machine(Master(ca_pem))


def bring(machine: Machine, **options: Any) -> tuple[Node, list[str]]:
    said: list[str] = []
    return asyncio.run(bring_in(machine, machine.master, InstallOptions(**options), said.append)), said


def test_a_bare_machine(machine: Machine) -> None:
    node, said = bring(machine, name="lab-2", flags=("--workers", "2"))
    assert node.name == "lab-2"
    assert machine.verbs == ["preflight", "receive", "install", "join", "start", "state"]
    assert json.loads(machine.told[4][1]) == {"flags": ["--workers", "2"]}
    assert any("@reboot" in line for line in said)


def test_a_name_that_it_does_not_get_is_said(machine: Machine) -> None:
    _, said = bring(machine, name="lab 2")
    assert (
        "warning: the name 'lab 2' became lab-2: names of nodes have the letters a to z, digits and - only"
        in said
    )
    machine.preflight["member"] = member(machine)
    _, said = bring(machine, name="attic")
    assert any("node lab-2 already, and keeps this name: 'attic' is not used" in line for line in said)
    _, said = bring(machine, name="lab-2")
    assert not any("warning" in line for line in said)


def test_the_token_goes_by_standard_input_and_is_fresh(machine: Machine) -> None:
    bring(machine)
    [(_, command, given)] = [told for told in machine.told if told[0] == "join"]
    assert given.decode().strip() == machine.master.tokens[-1] != machine.master.tokens[0]
    assert "--join - --join-only" in command
    assert not [told for told in machine.told if "me1_" in told[1]]


def test_wheels_that_are_there_are_not_sent_again(machine: Machine) -> None:
    machine.preflight["received"] = {"a.whl": 2, "b.whl": 1, "manyeyes-1-py3-none-any.whl": 3}
    bring(machine, with_wheels=True)
    sent = [json.loads(wanted)["name"] for verb, wanted, _ in machine.told if verb == "receive"]
    assert sent == ["manyeyes-1-py3-none-any.whl", "b.whl"]


def test_again_is_harmless(machine: Machine) -> None:
    bring(machine)
    digest = json.loads(next(wanted for verb, wanted, _ in machine.told if verb == "install"))["digest"]
    machine.preflight |= {"installed": digest, "member": member(machine)}
    machine.told.clear()
    _, said = bring(machine)
    assert machine.verbs == ["preflight", "start", "state"]
    assert "the agent is installed already" in said


def member(machine: Machine) -> dict[str, str]:
    return {"name": "lab-2", "ca": identity.ca_fingerprint(machine.master.ca_pem)}


def test_one_that_was_removed_joins_anew(machine: Machine) -> None:
    machine.preflight["member"] = member(machine)
    bring(machine)
    assert machine.verbs == ["preflight", "receive", "install", "forget", "join", "start", "state"]


def test_nothing_is_installed_on_a_machine_that_does_not_fit(machine: Machine) -> None:
    machine.preflight["reach"] = {"10.0.0.4:4222": "timed out"}
    with pytest.raises(MachineUnfit, match="does not reach the master"):
        bring(machine)
    assert machine.verbs == ["preflight"]
    machine.pythons = ""
    with pytest.raises(MachineUnfit, match="no Python"):
        bring(machine)


@pytest.mark.parametrize(
    ("verb", "told"), [("receive", "disk is full"), ("install", "no matching"), ("start", "disk")]
)
def test_a_step_that_fails_says_what_failed(machine: Machine, verb: str, told: str) -> None:
    machine.fails = verb
    with pytest.raises(InstallFailed, match=f"lab-2: .*{told}"):
        bring(machine)
    assert machine.verbs[-1] == verb


def test_a_join_that_is_refused(machine: Machine) -> None:
    machine.join_status, machine.join_said = 5, '{"event": "x"}\nerror: the join token expired\n'
    with pytest.raises(TokenRefused, match="lab-2 did not join: the join token expired"):
        bring(machine)
    machine.join_status = 6
    with pytest.raises(InstallFailed, match="did not join"):
        bring(machine)


def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter(range(0, 100_000, 5))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ticks)))


def test_a_node_that_does_not_stay_up(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.running = None
    clock(monkeypatch)
    with pytest.raises(InstallFailed, match="does not stay up on lab-2; its last output: said last"):
        bring(machine)


def test_a_node_that_the_master_does_not_hear_of(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    clock(monkeypatch)

    async def none() -> list[Node]:
        return []

    monkeypatch.setattr(machine.master, "nodes", none)
    with pytest.raises(Unavailable, match="has had no heartbeat from it"):
        bring(machine)
