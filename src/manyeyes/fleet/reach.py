"""Whether other machines reach this master, and the commands that open it to them. Pure."""

from __future__ import annotations

import shlex

from manyeyes.config import MasterSettings, default_data_folder
from manyeyes.lan.service import is_loopback


def only_here(settings: MasterSettings) -> bool:
    """Whether only programs on this machine reach the master."""
    named = settings.advertise or ("127.0.0.1",)
    return is_loopback(settings.listen) or all(is_loopback(address) for address in named)


def how_to_open(settings: MasterSettings) -> str:
    """The commands that open the master to other machines."""
    data = "" if settings.data == default_data_folder() else f" --data {shlex.quote(str(settings.data))}"
    return f"'manyeyes down{data}', then 'manyeyes up{data} --listen 0.0.0.0'; people, nodes and keys stay"


def token_warning(settings: MasterSettings) -> str:
    """What is said with a join token with which no other machine can join; empty if others reach the master."""
    if not only_here(settings):
        return ""
    return (
        "this token works on this machine only, because the master listens on 127.0.0.1 only. To open it to other "
        f"machines: {how_to_open(settings)}. Then make a new token"
    )
