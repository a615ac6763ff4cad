"""Cleans what nodes report of themselves, before a master shows or uses it."""

from __future__ import annotations

from manyeyes.contract import Heartbeat, HostFacts
from manyeyes.plain_text import plain

MAX_PICTURE_S = 60.0
"""The longest time for a picture that a master believes; it waits a few times as long."""


def plain_host(host: HostFacts) -> HostFacts:
    """A machine's facts, fit to be shown."""
    told = {name: plain(getattr(host, name), 100) for name in ("hostname", "system", "cpu", "python")}
    return host.model_copy(update=told)


def plain_heartbeat(heartbeat: Heartbeat) -> Heartbeat:
    """A heartbeat whose texts are fit to be shown, and whose times are to be believed."""
    told = {
        "reason": plain(heartbeat.reason),
        "pack": plain(heartbeat.pack, 100),
        "host": plain_host(heartbeat.host),
        "picture_s": min(heartbeat.picture_s, MAX_PICTURE_S),
    }
    return heartbeat.model_copy(update=told)
