"""Counts refused requests by who sent them, and sums them up once a minute: strangers cannot fill the audit log. No I/O.

What it keeps is bounded too: the names of keys, and of each the `MOST_COUNTED` first things to count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

EVERY_S = 60.0
MOST_COUNTED = 200
"""So many addresses, or calls of one key, are counted apart until they are summed up; all others together."""
MOST_LISTED = 20
NOBODY = ""
"""Stands for those who show no valid key."""


@dataclass(frozen=True)
class Sum:
    """The refused requests of one key, or of all who show none that is valid."""

    who: str
    detail: str


@dataclass
class _Counted:
    summed_at: float
    counts: dict[str, int] = field(default_factory=dict)
    others: int = 0

    def add(self, what: str) -> None:
        if what in self.counts or len(self.counts) < MOST_COUNTED:
            self.counts[what] = self.counts.get(what, 0) + 1
        else:
            self.others += 1

    def detail(self) -> str:
        total = sum(self.counts.values()) + self.others
        ranked = sorted(self.counts.items(), key=lambda pair: (-pair[1], pair[0]))
        rest = total - sum(count for _, count in ranked[:MOST_LISTED])
        parts = [f"{what} {count}" for what, count in ranked[:MOST_LISTED]]
        return f"{total} refused: " + ", ".join([*parts, f"others {rest}"] if rest else parts)


class Refusals:
    """The refusals that no entry tells of yet."""

    def __init__(self) -> None:
        self._of: dict[str, _Counted] = {}

    def add(self, who: str, what: str) -> None:
        """Count a refused request.

        Args:
            who: the key's name, or `NOBODY`.
            what: the call that the key's role does not allow, or the address that shows no valid key.
        """
        self._of.setdefault(who, _Counted(float("-inf"))).add(what)

    def due(self, now: float) -> list[Sum]:
        """What is to be written now: of each key what came since its last sum, if that is a minute old."""
        ripe = [who for who, counted in self._of.items() if now - counted.summed_at >= EVERY_S]
        sums = [Sum(who, counted.detail()) for who in ripe if (counted := self._of[who]).counts]
        for who in ripe:
            if self._of[who].counts:
                self._of[who] = _Counted(now)
            else:
                del self._of[who]
        return sums
