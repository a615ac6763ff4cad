"""Which ephemeral nodes are to be forgotten: pure, by the clock that it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

LEFT_S = 2.0
"""A node that left closes its connection within this time; then it is forgotten."""
GONE = ("lost", "left")
"""States in which another ephemeral node may have its name at once."""
_AWAY = (*GONE, "joining")


@dataclass
class Ephemeral:
    """Remembers since when each ephemeral node is away.

    Args:
        lost_s: after this time a lost node is forgotten.
    """

    lost_s: float
    _since: dict[str, tuple[str, float]] = field(default_factory=dict)

    def due(self, states: Mapping[str, str], now: float) -> dict[str, str]:
        """Why nodes are to be forgotten now, by name; `states` are those of all ephemeral nodes."""
        self._since = {
            name: known if (known := self._since.get(name)) and known[0] == state else (state, now)
            for name, state in states.items()
            if state in _AWAY
        }
        return {
            name: "it left" if state == "left" else f"it was {state} for {self.lost_s:.0f} s"
            for name, (state, since) in self._since.items()
            if now - since >= (LEFT_S if state == "left" else self.lost_s)
        }
