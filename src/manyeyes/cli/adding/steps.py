"""The steps that add a machine: preflight, send, install, join, start, wait. Each step can be repeated."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from manyeyes import identity
from manyeyes.api.access import JoinToken
from manyeyes.api.nodes import Node
from manyeyes.cli.adding.bundle import Bundle, Sent, make_bundle
from manyeyes.cli.adding.preflight import (
    FIND_PYTHON,
    PYTHONS,
    Python,
    check_machine,
    choose_python,
    parse_pythons,
)
from manyeyes.errors import InstallFailed, MachineUnfit, TokenRefused, Unavailable
from manyeyes.node.membership.membership import name_note

INSTALLER = Path(__file__).with_name("remote_installer.py")
INSTALL_S = 1800.0
SEND_S = 1800.0
JOIN_S = 90.0
START_S = 200.0
LISTED_S = 90.0
"""Time for a started node to send its first heartbeat."""
TOKEN_S = 300
_THERE = ("ready", "working", "provisioning", "paused", "draining", "waiting for approval")
_FOLDER = '"$HOME/.local/share/manyeyes/agent"'

Tell = Callable[[str], None]


class Machine(Protocol):
    """A machine that commands run on; see `ssh.Remote`."""

    label: str

    async def run(
        self, command: Sequence[str] | str, *, given: bytes = b"", timeout_s: float = 60.0
    ) -> tuple[int, bytes, str]: ...

    def lines(self, command: Sequence[str], *, timeout_s: float) -> Any: ...


class Fleet(Protocol):
    """The master; see `sdk.AsyncClient`."""

    async def create_token(self, expires_s: int = ...) -> JoinToken: ...

    async def nodes(self) -> list[Node]: ...


@dataclass(frozen=True)
class InstallOptions:
    """What the operator asked for."""

    name: str = ""
    python: str = ""
    with_wheels: bool = False
    flags: tuple[str, ...] = ()
    """Flags for `manyeyes node`, used at each start."""


class RemoteInstaller:
    """Runs `remote_installer.py` on the machine."""

    def __init__(self, machine: Machine, python: Python, script: str) -> None:
        self._machine = machine
        self._command = [python.path, "-I", script]

    @classmethod
    async def put(cls, machine: Machine, python: Python) -> RemoteInstaller:
        """Copy the installer to the machine.

        Raises:
            MachineUnfit: the user's home cannot be written to.
        """
        place = f"{_FOLDER}/remote_installer.py"
        command = (
            f"umask 077; mkdir -p {_FOLDER} && cat >{place}.new && mv {place}.new {place} && echo at {place}"
        )
        status, told, said = await machine.run(["sh", "-c", command], given=INSTALLER.read_bytes())
        lines = [line for line in told.decode(errors="replace").splitlines() if line.startswith("at ")]
        if status or not lines:
            raise MachineUnfit(
                f"nothing can be written in ~/.local/share on {machine.label}: {said.strip() or status}"
            )
        return cls(machine, python, lines[-1].removeprefix("at "))

    async def ask(
        self, verb: str, wanted: dict[str, Any], *, given: bytes = b"", timeout_s: float = 60.0
    ) -> Any:
        """Run a verb to its end.

        Raises:
            InstallFailed: the verb failed; the message says why.
        """
        command = [*self._command, verb, json.dumps(wanted)]
        status, told, said = await self._machine.run(command, given=given, timeout_s=timeout_s)
        for line in told.decode(errors="replace").splitlines():
            if (done := self._read(line, lambda step: None)) is not None:
                return done
        raise InstallFailed(f"{self._machine.label}: {said.strip()[-400:] or f'status {status}'}")

    async def follow(self, verb: str, wanted: dict[str, Any], tell: Tell, *, timeout_s: float) -> Any:
        """Run a verb that takes long, and pass its steps to `tell`.

        Raises:
            InstallFailed: the verb failed; the message says why.
        """
        command = [*self._command, verb, json.dumps(wanted)]
        async for line in self._machine.lines(command, timeout_s=timeout_s):
            if (done := self._read(line, tell)) is not None:
                return done
        raise InstallFailed(f"{self._machine.label}: {verb} ended without an answer; run the command again")

    def _read(self, line: str, tell: Tell) -> Any:
        try:
            said = json.loads(line)
        except ValueError:
            return None  # a line of a login message
        if not isinstance(said, dict):
            return None
        if "error" in said:
            raise InstallFailed(f"{self._machine.label}: {said['error']}")
        if "step" in said:
            tell(said["step"])
        return said.get("done")


async def bring_in(machine: Machine, fleet: Fleet, options: InstallOptions, tell: Tell) -> Node:
    """Make the machine a node, or update the node that it already is.

    Returns:
        The node as the master lists it.

    Raises:
        MachineUnfit: the machine cannot be a node; nothing was installed.
        InstallFailed: a step failed; the message says which.
        TokenRefused: the master refused the machine.
        Unavailable: the connection broke, or the master gets no heartbeat from the node.
    """
    made = await fleet.create_token(TOKEN_S)
    if made.warning:
        tell(f"warning: {made.warning}")
    token = identity.JoinToken.decode(made.token)
    ca_fingerprint = identity.ca_fingerprint(token.ca_pem)
    python = await _find_python(machine, options.python)
    installer = await RemoteInstaller.put(machine, python)
    told = await installer.ask("preflight", {"addresses": list(token.addresses)})
    check_machine(told, machine.label, ca_fingerprint=ca_fingerprint, with_wheels=options.with_wheels)
    reached = next(address for address, why in told["reach"].items() if why == "")
    tell(
        f"fits: {told['system']} on {told['machine']}, Python {python.label}, "
        f"{told['free_bytes'] / 1e9:.0f} GB free, reaches the master at {reached}"
    )
    await _install(installer, told, python, options, tell)
    name = await _join(machine, installer, fleet, told, options, tell)
    await _start(installer, options, tell)
    return await _listed(machine, installer, fleet, name, tell)


async def _find_python(machine: Machine, wanted: str) -> Python:
    names = [wanted] if wanted else list(PYTHONS)
    quoted = " ".join("'" + name.replace("'", "'\\''") + "'" for name in names)
    _, told, _ = await machine.run(["sh", "-s"], given=FIND_PYTHON.format(names=quoted).encode())
    return choose_python(parse_pythons(told.decode(errors="replace")), machine.label)


async def _install(
    installer: RemoteInstaller, told: Any, python: Python, options: InstallOptions, tell: Tell
) -> None:
    bundle = await asyncio.to_thread(make_bundle, python.label, with_wheels=False)
    digest = bundle.digest + f"-{python.label}"
    if told["installed"] == digest:
        tell("the agent is installed already")
        return
    if options.with_wheels:
        tell("getting the agent's packages here")
        bundle = await asyncio.to_thread(make_bundle, python.label, with_wheels=True)
    await _send(installer, bundle, told["received"], tell)
    wanted = {
        "digest": digest,
        "requirements": bundle.requirements,
        "own": [sent.name for sent in bundle.own],
        "offline": options.with_wheels,
    }
    await installer.follow("install", wanted, tell, timeout_s=INSTALL_S)
    tell("the agent is installed" if not told["installed"] else "the agent is updated")


async def _send(installer: RemoteInstaller, bundle: Bundle, there: dict[str, int], tell: Tell) -> None:
    """Send the missing files. Wheels made here are always sent: their content can change under the same name."""
    missing = [sent for sent in bundle.wheels if there.get(sent.name) != len(sent.content)]
    to_send: list[Sent] = [*bundle.own, *missing]
    tell(f"sending {len(to_send)} files, {sum(len(sent.content) for sent in to_send) / 1e6:.1f} MB")
    for sent in to_send:
        wanted = {"name": sent.name, "sha256": sent.sha256}
        await installer.ask("receive", wanted, given=sent.content, timeout_s=SEND_S)


async def _join(
    machine: Machine, installer: RemoteInstaller, fleet: Fleet, told: Any, options: InstallOptions, tell: Tell
) -> str:
    """Join, and return the node's name. A machine that joined before keeps its name, unless the master removed it."""
    if (member := told["member"]) is not None:
        if any(node.name == member["name"] for node in await fleet.nodes()):
            tell(f"it is node {member['name']} already")
            _note_name(options.name, member["name"], tell, had_joined=True)
            return str(member["name"])
        tell(f"the master has removed node {member['name']}; it joins again")
        await installer.ask("forget", {}, timeout_s=START_S)
    made = await fleet.create_token(TOKEN_S)
    folder = told["folder"]
    data = f"{folder.rpartition('/')[0]}/node"
    command = [f"{folder}/manyeyes", "node", "--data", data, "--join", "-", "--join-only"]
    command += ["--name", options.name] if options.name else []
    status, output, said = await machine.run(command, given=f"{made.token}\n".encode(), timeout_s=JOIN_S)
    if status:
        why = next(
            (line for line in reversed(said.splitlines()) if line.startswith("error: ")), said.strip()[-400:]
        )
        kind = TokenRefused if status == TokenRefused.exit_code else InstallFailed
        raise kind(f"{machine.label} did not join: {why.removeprefix('error: ')}")
    name = output.decode(errors="replace").split()[-1]
    tell(f"joined as node {name}")
    _note_name(options.name, name, tell, had_joined=False)
    return name


def _note_name(wanted: str, name: str, tell: Tell, *, had_joined: bool) -> None:
    if note := name_note(wanted, name, had_joined=had_joined):
        tell(f"warning: {note}")


async def _start(installer: RemoteInstaller, options: InstallOptions, tell: Tell) -> None:
    done = await installer.ask("start", {"flags": list(options.flags)}, timeout_s=START_S)
    if done["service"]:
        tell("runs as the systemd user service manyeyes-node" + ("" if done["restarted"] else ", as before"))
        if not done["linger"]:
            tell(
                "it ends with the user's last login and starts with the next one; on that machine, "
                "'sudo loginctl enable-linger USER' has it run always"
            )
        return
    tell(
        "runs in the background"
        + ("" if done["restarted"] else ", as before")
        + ": there is no systemd for this user"
    )
    tell(
        f"it does not come back after a restart of the machine; 'crontab -e' there, and add: @reboot {done['start']}"
    )


async def _listed(machine: Machine, installer: RemoteInstaller, fleet: Fleet, name: str, tell: Tell) -> Node:
    """Wait for the node's first heartbeat at the master."""
    until = time.monotonic() + LISTED_S
    running_s = time.monotonic()
    while True:
        state = await installer.ask("state", {})
        node = next((node for node in await fleet.nodes() if node.name == name), None)
        if state["running"] is not None:
            running_s = time.monotonic()
            if node is not None and node.state in _THERE:
                return node
        said = next(iter(reversed(state["log"])), "it printed nothing")
        if time.monotonic() - running_s > 15:
            raise InstallFailed(
                f"node {name} does not stay up on {machine.label}; its last output: {said[-400:]}"
            )
        if time.monotonic() > until:
            seen = node.state if node else "not listed"
            raise Unavailable(
                f"node {name} runs on {machine.label}, and the master has had no heartbeat from it in {LISTED_S:.0f} s "
                f"({seen}); its last output: {said[-400:]}"
            )
        await asyncio.sleep(1)
