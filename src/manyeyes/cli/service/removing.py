"""Removes a service: stops it, then its unit file goes."""

from __future__ import annotations

from manyeyes.cli.output import say
from manyeyes.cli.service.installed import Installed
from manyeyes.cli.service.systemd import chosen
from manyeyes.cli.service.unit import STOP_S
from manyeyes.errors import FileTrouble


def remove_service(one: Installed) -> None:
    """Stop and disable a service and remove its unit. One that was removed half-way is removed again.

    Raises:
        BadRequest: it is a system service, and this is not root.
        StartError: systemd does not answer, or does not stop it.
        FileTrouble: the unit file cannot be removed.
    """
    chosen(one.systemd.system)
    one.systemd.check()
    say(f"stopping {one.unit}")
    one.systemd.do("disable", "--now", "--quiet", one.unit, timeout_s=STOP_S + 60)
    try:
        one.file.unlink(missing_ok=True)
    except OSError as error:
        raise FileTrouble(f"{one.file} cannot be removed: {error.strerror}") from error
    one.systemd.do("daemon-reload")
    say(f"removed {one.unit}")
