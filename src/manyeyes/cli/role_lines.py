"""What a role says of itself while it runs: a few lines for people; programs wait for the one that begins with `ready:`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from manyeyes.addresses import is_loopback, with_port
from manyeyes.cli.output import say
from manyeyes.config import MasterSettings
from manyeyes.telemetry import log
from manyeyes.wording import several

_NAME_CHARACTERS = 7


class RoleLines:
    """The lines of one role.

    Args:
        terminal: whether a person reads them; by default if standard error is a terminal.
    """

    def __init__(self, terminal: bool | None = None) -> None:
        self.terminal = sys.stderr.isatty() if terminal is None else terminal

    def step(self, name: str, text: str) -> None:
        """A step of the start is done, or something has changed."""
        say(f"{name + ':':<{_NAME_CHARACTERS}} {text}")

    def ready(self, text: str) -> None:
        """The role works."""
        self.step("ready", text)

    def hint(self, text: str) -> None:
        """What a person may do next."""
        self.step("next", text)

    def stopped(self) -> None:
        """The role has ended as it was asked to."""
        say("stopped", over=self.terminal)  # over the ^C that a terminal shows


class StateLines:
    """Says at a terminal when a node stops taking pictures, why, and when it takes them again.

    Args:
        name: the node's.
    """

    def __init__(self, lines: RoleLines, name: str) -> None:
        self._lines = lines
        self._name = name
        self._said: tuple[str, str] = ("", "")
        self.started = False
        """Whether it was said that the node works, so that it can be said that it works again."""

    def told(self, state: str, reason: str) -> None:
        """The state and its reason at this moment; said if it is new."""
        from manyeyes.fleet.node_state import TAKING

        if state in TAKING:
            said = ("ready", "")
        elif state == "paused":
            said = (state, reason)
        elif state == "draining" and not reason.startswith("0 "):
            said = (state, "")
        else:
            return
        before, self._said = self._said, said
        if said == before:
            return
        if said[0] != "ready":
            self._lines.step(state, f"node {self._name}: {reason}")
        elif before[0] and self.started:
            self._lines.step("ready", f"node {self._name} works again")


def addresses_text(settings: MasterSettings, url: str, names: Sequence[str] = ()) -> str:
    """The address for users on this machine, and those for users of other machines.

    Args:
        url: of this machine's own context.
        names: names of an own certificate, which come first.
    """
    from manyeyes.fleet.reach import only_here

    if only_here(settings):
        return f"{url} (this machine only)"
    others = [name for name in dict.fromkeys((*names, *settings.advertise)) if not is_loopback(name)]
    at = ", ".join(f"https://{with_port(name, settings.https_port)}" for name in others)
    if at:
        return f"{url} (for other machines: {at})"
    return f"{url} (other machines reach it too: it listens on {settings.listen}; --advertise names an address for them)"


def warn_of_kept_out(master: Any, settings: MasterSettings) -> None:
    """Say so if nodes of other machines joined earlier, and cannot connect as this master listens now."""
    from manyeyes.fleet.reach import kept_out_warning

    machines = {name: row.fingerprint for name, row in master.node_service.rows.items()}
    local = local_name(settings)
    if local and (warning := kept_out_warning(settings, local, machines)):
        log().warning(warning)


def local_name(settings: MasterSettings) -> str:
    """The name of the node beside a master; empty until it has joined, which it does anew after it was removed."""
    from manyeyes.node.membership.membership import Membership

    kept = settings.data / "node" / "membership.json"
    return Membership.load(kept).name if kept.exists() else ""


def starts(master: Any, name: str) -> bool:
    """Whether a node is still on its way to work: not there yet, or getting ready."""
    states = {node["name"]: node["state"] for node in master.nodes.all()}
    return states.get(name, "lost") in {"lost", "left", "joining", "provisioning"}


def nodes_text(master: Any) -> str:
    """Which nodes work, with how many workers; if none does, which state they are in."""
    from manyeyes.fleet.node_state import TAKING

    taking = [node for node in master.nodes.all() if node["state"] in TAKING]
    if taking:
        return ", ".join(f"{node['name']}, {several(node['workers'], 'worker')}" for node in taking)
    others = [f"{node['name']} is {node['state']}: {node['reason']}" for node in master.nodes.all()]
    return "; ".join(["none takes pictures", *others])
