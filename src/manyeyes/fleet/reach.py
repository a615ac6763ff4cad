"""Whether other machines reach this master, and the commands that open it to them. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from manyeyes.addresses import is_loopback
from manyeyes.config import MasterSettings, default_data_folder
from manyeyes.wording import listed


def only_here(settings: MasterSettings) -> bool:
    """Whether only programs on this machine reach the master."""
    return is_loopback(settings.listen)


def is_named_here_only(settings: MasterSettings) -> bool:
    """Whether all addresses at which nodes look for the master are of this machine; others may reach it all the same."""
    return all(map(is_loopback, settings.reachable_at))


def how_to_open(settings: MasterSettings) -> str:
    """The commands that open the master to other machines."""
    data = "" if settings.data == default_data_folder() else f" --data {shlex.quote(str(settings.data))}"
    return f"'manyeyes down{data}', then 'manyeyes up{data} --listen 0.0.0.0'; people, nodes and keys stay"


def kept_out_warning(settings: MasterSettings, local: str, machines: Mapping[str, str]) -> str:
    """What is said at the start if nodes of other machines cannot connect; empty if all can.

    Args:
        local: the node beside the master.
        machines: the fingerprint of each node's machine, by the node's name.
    """
    if not only_here(settings):
        return ""
    here = machines.get(local, "")
    out = sorted(name for name, machine in machines.items() if machine and machine != here)
    if not out:
        return ""
    return (
        f"nodes of other machines cannot connect ({listed(out, 3)}), because the master listens on {settings.listen} only; "
        f"{how_to_open(settings)}"
    )


def token_warning(settings: MasterSettings) -> str:
    """What is said with a join token with which no other machine can join; empty if others reach the master."""
    if not (only_here(settings) or is_named_here_only(settings)):
        return ""
    why = (
        f"the master listens on {settings.listen} only"
        if only_here(settings)
        else "it names no address that other machines reach"
    )
    return (
        f"this token works on this machine only: {why}. To open the master to other machines: {how_to_open(settings)}. "
        "Then make a new token"
    )
