"""What a role says of itself while it runs: a few lines for a person at a terminal, `ready:` for programs elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from manyeyes.cli.output import say
from manyeyes.config import MasterSettings
from manyeyes.fleet.reach import only_here
from manyeyes.lan.service import is_loopback

_NAME_CHARACTERS = 7


class RoleLines:
    """The lines of one role.

    Args:
        terminal: whether a person reads them; by default if standard error is a terminal.
    """

    def __init__(self, terminal: bool | None = None) -> None:
        self.terminal = sys.stderr.isatty() if terminal is None else terminal

    def step(self, name: str, text: str) -> None:
        """A step of the start is done; said at a terminal only."""
        if self.terminal:
            self._say(name, text)

    def ready(self, text: str) -> None:
        """The role works."""
        if self.terminal:
            self._say("ready", text)
        else:
            say(f"ready: {text}")

    def hint(self, text: str) -> None:
        """What a person may do next; said at a terminal only."""
        self.step("next", text)

    def stopped(self) -> None:
        """The role has ended as it was asked to; said at a terminal only."""
        if self.terminal:
            say("\rstopped")  # over the ^C that a terminal shows

    def _say(self, name: str, text: str) -> None:
        say(f"{name + ':':<{_NAME_CHARACTERS}} {text}")


def addresses_text(settings: MasterSettings, url: str, names: Sequence[str] = ()) -> str:
    """The address for users on this machine, and those for users of other machines.

    Args:
        url: of this machine's own context.
        names: names of an own certificate, which come first.
    """
    if only_here(settings):
        return f"{url} (this machine only)"
    others = [name for name in dict.fromkeys((*names, *settings.advertise)) if not is_loopback(name)]
    at = ", ".join(f"https://{_bracketed(name)}:{settings.https_port}" for name in others)
    return f"{url} (from other machines: {at})" if at else url


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
