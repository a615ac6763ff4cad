"""Receives the messages of nodes: drops what is too much, and handles the rest one at a time, each node in turn."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable

from manyeyes.broker.connection import Incoming
from manyeyes.fleet.rate_limits import RateLimiter
from manyeyes.telemetry import log


class MessageInbox:
    """A fair queue for the messages of all nodes: each node in turn, within its rate limits.

    Args:
        speaker: the sender of a message, read from its subject.
        handle: called with each message, one at a time; those of one node in their order. It must not wait.
        cut_off: called with the name of a sender that is far over its limits, and the reason; again for each further
            message that is dropped.
    """

    def __init__(
        self,
        rates: RateLimiter,
        speaker: Callable[[str], str],
        handle: Callable[[Incoming], None],
        cut_off: Callable[[str, str], None],
    ) -> None:
        self._rates = rates
        self._speaker = speaker
        self._handle = handle
        self._cut_off = cut_off
        self._lines: dict[str, deque[Incoming]] = {}
        self._turns: deque[str] = deque()
        """Names whose line is not empty, the next one first."""
        self._filled = asyncio.Event()

    def receive(self, message: Incoming) -> None:
        """A message arrived. It is handled at once if no other waits, else in its turn, or dropped at almost no cost."""
        now = time.monotonic()
        name = self._speaker(message.subject)
        verdict = self._rates.arrived(name, len(message.data), now)
        if verdict == "take":
            if not self._turns and self._rates.due_in_s(name, now) == 0.0:
                self._handled(name, message)
                return
            line = self._lines.get(name)
            if line is None:
                line = self._lines[name] = deque()
                self._turns.append(name)
            line.append(message)
            self._filled.set()
        elif verdict == "cut-off":
            self._cut_off(name, f"{self._rates.dropped(name)} messages over its limits were dropped at once")

    async def serve(self) -> None:
        """Handle waiting messages until cancelled: one message of each node in turn."""
        while True:
            pause_s = self._next_turn()
            if pause_s == 0.0:
                name = self._turns.popleft()
                self._handled(name, self._lines[name].popleft())
                if self._lines[name]:
                    self._turns.append(name)
                else:
                    del self._lines[name]
                await asyncio.sleep(0)
                continue
            self._filled.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._filled.wait()

    def _handled(self, name: str, message: Incoming) -> None:
        try:
            self._handle(message)
        except Exception:
            log().exception("handler failed", subject=message.subject)
        self._rates.served(name, len(message.data), time.monotonic())

    def _next_turn(self) -> float | None:
        """Move a line that may be served now to the front and return 0.

        If there is none, return the seconds until there is one; None if all lines are empty."""
        now, soonest_s = time.monotonic(), None
        for _ in range(len(self._turns)):
            due_in_s = self._rates.due_in_s(self._turns[0], now)
            if due_in_s == 0.0:
                return 0.0
            soonest_s = due_in_s if soonest_s is None else min(soonest_s, due_in_s)
            self._turns.rotate(-1)
        return soonest_s
