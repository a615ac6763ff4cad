"""Tells nodes which outcomes their gateway has received or no longer needs.

A confirmation waits a moment for a dispatch to the same node and travels in it. After that it is sent alone.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

from manyeyes.broker.masterlink import MasterLink
from manyeyes.broker.transfer import frame_head
from manyeyes.contract import Dispatch

SETTLE_S = 0.05
"""How long a confirmation waits for a dispatch to travel in."""
MOST_SETTLED = 256
"""The most confirmations in one message."""


class Confirmations:
    """Collects the confirmations of one gateway by node, and sends those that no dispatch carried.

    Args:
        sessions: the agent session of each node; the owner keeps it up to date.
    """

    def __init__(self, link: MasterLink, gateway: str, sessions: Mapping[str, str]) -> None:
        self._link = link
        self._gateway = gateway
        self._sessions = sessions
        self._waiting: defaultdict[str, list[str]] = defaultdict(list)
        self._due: asyncio.TimerHandle | None = None

    def add(self, node: str, attempt_id: str) -> None:
        """The gateway no longer needs an attempt."""
        self._waiting[node].append(attempt_id)
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(SETTLE_S, self.flush)

    def take(self, node: str) -> tuple[str, ...]:
        """Take the confirmations that a dispatch to this node carries."""
        waiting = self._waiting.pop(node, [])
        if len(waiting) > MOST_SETTLED:
            self._waiting[node] = waiting[MOST_SETTLED:]
        return tuple(waiting[:MOST_SETTLED])

    def put_back(self, node: str, attempt_ids: Sequence[str]) -> None:
        """The dispatch that carried them was not sent."""
        self._waiting[node] = [*attempt_ids, *self._waiting.pop(node, [])]

    def forget(self, node: str) -> None:
        """A node is gone."""
        self._waiting.pop(node, None)

    def flush(self) -> None:
        """Send the confirmations that no dispatch carried."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        settled, self._waiting = self._waiting, defaultdict(list)
        for node, attempt_ids in settled.items():
            session = self._sessions.get(node, "")
            for begin in range(0, len(attempt_ids), MOST_SETTLED):
                part = tuple(attempt_ids[begin : begin + MOST_SETTLED])
                word = Dispatch(gateway=self._gateway, session=session, settled=part)
                self._link.dispatch(node, frame_head(word.wire()))
