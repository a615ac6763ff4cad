"""Which versions of the contract this code speaks, and how a node and its master agree on one.

A changed message needs a new `NEWEST`; the golden messages in `tests/contract` hold every message to this.
Masters read what nodes of `OLDEST` say, so that a node one version older than its master keeps working; a node one
version newer speaks its master's. A node that has no version in common with its master gets an error that says which side to update.
"""

from __future__ import annotations

NEWEST = 5
OLDEST = 5
"""The first version that is negotiated; nodes of before say `hello` where nobody but `NodeService.unreadable` listens."""


def agreed(theirs_oldest: int, theirs_newest: int, oldest: int = OLDEST, newest: int = NEWEST) -> int | None:
    """The newest version that both sides speak, None if there is none."""
    found = min(theirs_newest, newest)
    return found if found >= max(theirs_oldest, oldest) else None
