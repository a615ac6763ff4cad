"""The audit log: who did what, on which node, with what outcome; each entry sealed to the one before.

An entry carries the SHA-256 of the entry before it and its own, so anyone who alters, removes or reorders entries
leaves a broken chain unless everything after is made anew: compare `head` with one noted elsewhere to see that.
Entries are rows of `store/audit.py`, whose file refuses to change or delete them; each is on disk when `record` returns.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass

from manyeyes.api.audit import AuditVerdict
from manyeyes.errors import NotAllowed, Unavailable
from manyeyes.store.audit import GENESIS, AuditRepository, Entry
from manyeyes.telemetry import log

MAX_DETAIL_CHARACTERS = 4000
MAX_NAME_CHARACTERS = 200
PAGE_ENTRIES = 1000
REFUSALS_AT_ONCE = 20.0
REFUSAL_EVERY_S = 60.0


def first_broken(entries: Iterator[Entry], last_given: int = 0) -> AuditVerdict:
    """Verify a chain, first entry first.

    Args:
        last_given: the highest number that an entry ever got, as far as is known.
    """
    before, number = GENESIS, 0

    def broken(at: int, reason: str) -> AuditVerdict:
        return AuditVerdict(entries=number, head=before, broken=at, reason=reason)

    for entry in entries:
        if entry.number != number + 1:
            return broken(number + 1, f"missing: entry {entry.number} comes where {number + 1} should")
        if entry.before != before:
            return broken(entry.number, "it does not carry the SHA-256 of the entry before it")
        if entry.digest() != entry.sha256:
            return broken(entry.number, "its content does not have its SHA-256")
        before, number = entry.sha256, entry.number
    if number < last_given:
        return broken(number + 1, f"missing: {last_given} entries were written")
    return AuditVerdict(entries=number, head=before)


@dataclass
class Refusals:
    """Limits how many refusals of one key are logged: some at once, then one a minute with the count of the rest.

    A key may repeat a forbidden request without end; the log must not grow without end.
    """

    left: float = REFUSALS_AT_ONCE
    at_s: float = 0.0
    unwritten: int = 0

    def worth_writing(self, now: float) -> bool:
        """Whether the current refusal is logged; it is counted if not."""
        self.left = min(REFUSALS_AT_ONCE, self.left + (now - self.at_s) / REFUSAL_EVERY_S)
        self.at_s = now
        if self.left < 1:
            self.unwritten += 1
            return False
        self.left -= 1
        return True


class Audit:
    """Appends entries to the audit log, and reads and verifies it."""

    def __init__(self, entries: AuditRepository) -> None:
        self._entries = entries
        self._refusals: dict[str, Refusals] = {}

    def refused(self, who: str, what: str, *, node: str, detail: str) -> None:
        """Append that a key was refused what its role does not allow; see `Refusals`.

        Raises:
            Unavailable: it cannot be written.
        """
        refusals = self._refusals.setdefault(who, Refusals())
        if not refusals.worth_writing(time.monotonic()):
            return
        if refusals.unwritten:
            detail += f"; {refusals.unwritten} more of this key before it were not written"
            refusals.unwritten = 0
        self.record(who, what, node=node[:MAX_NAME_CHARACTERS], outcome=NotAllowed.code, detail=detail)

    def record(self, who: str, what: str, *, node: str = "", outcome: str, detail: str = "") -> None:
        """Append an entry.

        Raises:
            Unavailable: it cannot be written; what was to be recorded must not be done.
        """
        try:
            self._entries.append(who, what, node=node, outcome=outcome, detail=detail[:MAX_DETAIL_CHARACTERS])
        except sqlite3.Error as error:
            log().error("the audit log cannot be written", error=str(error))
            raise Unavailable(f"the audit log cannot be written: {error}; nothing was done") from error

    def entries(self, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
        """The entries with a number above `after`, oldest first, at most `limit`."""
        return self._entries.entries(after, limit)

    def verify(self) -> AuditVerdict:
        """Verify the whole chain."""
        return first_broken(self._all(), self._entries.last_given())

    def _all(self) -> Iterator[Entry]:
        after = 0
        while page := self.entries(after):
            yield from page
            after = page[-1].number
