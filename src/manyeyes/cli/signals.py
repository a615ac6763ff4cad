"""Ends a role in time after SIGINT, SIGTERM or SIGHUP, from the first moment of its start."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from types import FrameType

ROLES = ("up", "master", "node")
EXIT_STOPPED = 130
_AT_MOST_S = 3
"""After this time a role whose start was ended by a signal is ended by force."""


def stopping() -> tuple[signal.Signals, ...]:
    """The signals that stop a role. One that `nohup` has switched off, SIGHUP, stays so: the role outlives its terminal."""
    hangs_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT, *([signal.SIGHUP] if hangs_up else []))


def heed_from_the_start(arguments: Sequence[str]) -> None:
    """Until `until_signal` follows them, a signal ends a role with status 0: it has begun nothing yet."""
    if role_in(arguments):
        for number in stopping():
            signal.signal(number, _end)


def role_in(arguments: Sequence[str]) -> tuple[str, list[str]] | None:
    """Which role a command line starts, and its own arguments; None where it starts none."""
    words = list(arguments)
    while words and words[0].startswith("--master"):
        words = words[1:] if "=" in words[0] else words[2:]
    return (words[0], words[1:]) if words and words[0] in ROLES else None


def _end(_number: int, _frame: FrameType | None) -> None:
    signal.signal(signal.SIGALRM, lambda _number, _frame: os._exit(0))
    signal.alarm(_AT_MOST_S)
    sys.exit(0)


class Stop(asyncio.Event):
    """Set by the first signal. One that comes before `started` also cancels the start, however long that would take."""

    started = False


async def until_signal(main: Callable[[Stop], Awaitable[None]], noticed: Callable[[], None]) -> bool:
    """Run `main` until it ends; the first signal sets its event, a second one ends the process at once.

    Args:
        noticed: called with the first signal.

    Returns:
        Whether the start was given up, so that threads may still be busy with it.
    """
    stop, loop = Stop(), asyncio.get_running_loop()
    running = asyncio.ensure_future(main(stop))

    def on_signal() -> None:
        if stop.is_set():
            os._exit(EXIT_STOPPED)
        noticed()
        stop.set()
        if not stop.started:
            running.cancel()

    for number in stopping():
        loop.add_signal_handler(number, on_signal)
    try:
        await running
    except (asyncio.CancelledError, Exception):
        if stop.started or not stop.is_set():
            raise
    return stop.is_set() and not stop.started
