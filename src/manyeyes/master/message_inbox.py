"""Where what nodes say comes in: dropped where it is too much, else handled one at a time, each node in its turn."""

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
    """A fair queue; one per master.

    Args:
        speaker: who said a message, told from its subject.
        handle: called with each message, one at a time; a node's own in their order. It must not wait.
        cut_off: called with who says far too much, and what was seen; again until it falls silent.
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
        """Every line that is not empty, the next one first."""
        self._filled = asyncio.Event()

    def receive(self, message: Incoming) -> None:
        """A message arrived: handled at once where nobody waits, else in its turn; dropping costs next to nothing."""
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
        """Handle what waits, for ever: one message of each node in turn."""
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
        """Put a line in front that is due, and say 0; else for how long none is, None where all are empty."""
        now, soonest_s = time.monotonic(), None
        for _ in range(len(self._turns)):
            due_in_s = self._rates.due_in_s(self._turns[0], now)
            if due_in_s == 0.0:
                return 0.0
            soonest_s = due_in_s if soonest_s is None else min(soonest_s, due_in_s)
            self._turns.rotate(-1)
        return soonest_s
