"""How much each gateway may send to this node: pure decisions from what arrived and the clock.

A grant is absolute: the highest dispatch number and the number of bytes in all that a gateway may send. So nothing
leaks where a message is lost, and the next grant puts right what the last one said. For each worker there is one
picture in hand, and one ahead where that saves time; gateways that are sending share that.
"""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.contract import Grant

ACTIVE_S = 1.0
"""A gateway that sent something so recently is one that shares."""
GONE_S = 60.0
"""A gateway that is not heard for so long is gone."""
LIVE_S = 5.0
"""A gateway that was heard so recently is there."""


@dataclass
class _Gateway:
    heard_at: float
    received: int = 0
    received_bytes: int = 0
    holding: int = 0
    """Its tasks that have no outcome yet."""
    sent_at: float = float("-inf")
    """When its last dispatch arrived."""
    told: int = 0
    """The highest number that it was last allowed."""


class Grants:
    """Of one agent session."""

    def __init__(self) -> None:
        self._gateways: dict[str, _Gateway] = {}
        self.capacity = 0
        """Pictures that this node can take in all: in hand and ahead."""
        self.window_bytes = 0
        """What may be under way on the line."""
        self.line_bytes_per_s = 0.0
        self.closed = False
        """Whether nothing is granted, since the node leaves or rests."""

    def __contains__(self, gateway: str) -> bool:
        return gateway in self._gateways

    @property
    def gateways(self) -> list[str]:
        """All that were heard of."""
        return list(self._gateways)

    def live(self, now: float) -> list[str]:
        """The gateways that are there."""
        return [name for name, gateway in self._gateways.items() if now - gateway.heard_at < LIVE_S]

    def received(self, gateway: str) -> int:
        """The highest dispatch number that arrived."""
        return self._gateways[gateway].received if gateway in self._gateways else 0

    def heard(self, gateway: str, now: float) -> bool:
        """A gateway says that it is there; whether it is a new one."""
        known = self._gateways.get(gateway)
        if known is None:
            self._gateways[gateway] = _Gateway(now)
            return True
        known.heard_at = now
        return False

    def gone(self, now: float) -> list[str]:
        """Forget the gateways that are gone and whose tasks have all ended; which they are."""
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
            sent_bytes: what was sent along with it and with all before it, lost ones included.

        Returns:
            Whether one before it is missing: it is lost.
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
        """A task is held until it has its outcome."""
        self._gateways[gateway].holding += 1

    def ended(self, gateway: str) -> None:
        """A task has its outcome, or is wanted no more."""
        if sender := self._gateways.get(gateway):
            sender.holding -= 1

    def grant(self, name: str, now: float) -> Grant:
        """What a gateway may send, told to it now."""
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
        """What each gateway may send, told to all now."""
        return {name: self.grant(name, now) for name in self._gateways}

    def rose(self, now: float) -> list[str]:
        """The gateways that may send more than they were told."""
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
