"""Decides how much each gateway may send to this node, from what arrived and the clock; no I/O.

A grant names totals: the highest dispatch number and the total bytes that a gateway may send. So a lost message does
no harm: the next grant replaces it. Each worker has one picture in hand, and one more ahead if that saves time.
Gateways that are sending share these places.
"""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.contract import Grant

ACTIVE_S = 1.0
"""A gateway is active, and shares the places, for this long after its last task."""
GONE_S = 60.0
"""A gateway is forgotten after this long without a message, if none of its tasks is open."""
LIVE_S = 5.0
"""A gateway is live for this long after its last message."""


@dataclass
class _Gateway:
    heard_at: float
    received: int = 0
    received_bytes: int = 0
    holding: int = 0
    """How many of its tasks have no outcome yet."""
    sent_at: float = float("-inf")
    """When its last dispatch arrived."""
    told: int = 0
    """The highest dispatch number that it was last allowed."""


class Grants:
    """Counts what each gateway sent in one agent session, and decides what it may send next."""

    def __init__(self) -> None:
        self._gateways: dict[str, _Gateway] = {}
        self.capacity = 0
        """How many pictures this node can hold without an outcome: in hand and ahead."""
        self.window_bytes = 0
        """Bytes that may be under way on the line."""
        self.line_bytes_per_s = 0.0
        self.closed = False
        """Whether nothing more is granted, because the node leaves."""

    def __contains__(self, gateway: str) -> bool:
        return gateway in self._gateways

    @property
    def gateways(self) -> list[str]:
        """All known gateways."""
        return list(self._gateways)

    def live(self, now: float) -> list[str]:
        """The gateways that sent something in the last `LIVE_S` seconds."""
        return [name for name, gateway in self._gateways.items() if now - gateway.heard_at < LIVE_S]

    def received(self, gateway: str) -> int:
        """The highest dispatch number that arrived."""
        return self._gateways[gateway].received if gateway in self._gateways else 0

    def heard(self, gateway: str, now: float) -> bool:
        """A message of a gateway arrived. Returns whether the gateway is new."""
        known = self._gateways.get(gateway)
        if known is None:
            self._gateways[gateway] = _Gateway(now)
            return True
        known.heard_at = now
        return False

    def gone(self, now: float) -> list[str]:
        """Forget the gateways that are gone and whose tasks have all ended. Returns their names."""
        names = [
            name
            for name, gateway in self._gateways.items()
            if now - gateway.heard_at > GONE_S and not gateway.holding
        ]
        for name in names:
            del self._gateways[name]
        return names

    def arrived(self, gateway: str, number: int, sent_bytes: int, now: float, *, task: bool) -> bool:
        """A dispatch arrived.

        Args:
            sent_bytes: bytes sent with it and with all before it, lost ones included.

        Returns:
            Whether a dispatch is missing, which means that it is lost.
        """
        self.heard(gateway, now)
        sender = self._gateways[gateway]
        gap = number > sender.received + 1 or (not task and number > sender.received)
        sender.received = max(sender.received, number)
        sender.received_bytes = max(sender.received_bytes, sent_bytes)
        if task:
            sender.sent_at = now
        return gap

    def taken(self, gateway: str) -> None:
        """Count a task until it has its outcome."""
        self._gateways[gateway].holding += 1

    def ended(self, gateway: str) -> None:
        """A task has its outcome, or is no longer needed."""
        if sender := self._gateways.get(gateway):
            sender.holding -= 1

    def grant(self, name: str, now: float) -> Grant:
        """The grant to send to a gateway now."""
        gateway = self._gateways.get(name)
        if gateway is None:
            return Grant()
        allowed, window = self._allowed(gateway, now), self.window_bytes
        gateway.told = allowed
        return Grant(
            received=gateway.received,
            allowed=allowed,
            allowed_bytes=gateway.received_bytes + window // self._active(now, gateway),
            line_bytes_per_s=round(self.line_bytes_per_s),
        )

    def all(self, now: float) -> dict[str, Grant]:
        """The grants to send to all gateways now."""
        return {name: self.grant(name, now) for name in self._gateways}

    def rose(self, now: float) -> list[str]:
        """The gateways whose last grant allows less than they may send now."""
        return [
            name for name, gateway in self._gateways.items() if self._allowed(gateway, now) > gateway.told
        ]

    def _active(self, now: float, asking: _Gateway) -> int:
        return max(1, sum(one is asking or _is_active(one, now) for one in self._gateways.values()))

    def _allowed(self, gateway: _Gateway, now: float) -> int:
        if self.closed or self.capacity <= 0:
            return gateway.received
        if _is_active(gateway, now):
            share = self.capacity // self._active(now, gateway)
            return gateway.received + max(0, max(share, 1) - gateway.holding)
        held = sum(one.holding for one in self._gateways.values())
        return gateway.received + max(1, self.capacity - held)


def _is_active(gateway: _Gateway, now: float) -> bool:
    return gateway.holding > 0 or now - gateway.sent_at < ACTIVE_S
