"""Ends a role in time after SIGINT, SIGTERM or SIGHUP."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable

from manyeyes.cli.first_signals import EXIT_STOPPED, stopping


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
