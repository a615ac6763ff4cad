"""The audit log: who did what, on which node, with what outcome; each entry sealed to the one before.

An entry carries the SHA-256 of the entry before it and its own, so anyone who alters, removes or reorders entries
leaves a broken chain unless everything after is made anew: compare `head` with one noted elsewhere to see that.
Entries are rows of `store/audit.py`, whose file refuses to change or delete them; each is on disk when `record` returns.
They name people, photos and feedback by id: the log outlives those who were forgotten.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from manyeyes.access.actions import Action
from manyeyes.access.refusals import NOBODY, Refusals
from manyeyes.api.audit import AuditVerdict
from manyeyes.errors import NotAllowed, NotSignedIn, Unavailable
from manyeyes.store.audit import GENESIS, AuditRepository, Entry
from manyeyes.telemetry import log

MAX_DETAIL_CHARACTERS = 4000
PAGE_ENTRIES = 1000


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
class Change:
    """What the entry about a change says; may be filled in while the change is made."""

    outcome: str = ""
    detail: str = ""


class Audit:
    """Appends entries to the audit log, and reads and verifies it."""

    def __init__(self, entries: AuditRepository) -> None:
        self._entries = entries
        self._refusals = Refusals()

    @contextmanager
    def change(
        self, who: str, what: Action, *, node: str = "", outcome: str = "", detail: str = ""
    ) -> Iterator[Change]:
        """A change of the registry with its entry, in one transaction: a kill leaves both or neither.

        An error from inside takes the change back and writes no entry. Nothing inside may wait (`await`).

        Raises:
            Unavailable: the registry cannot be written; nothing was done.
        """
        said = Change(outcome, detail)
        try:
            with self._entries.transaction():
                yield said
                self._append(who, what, node, said.outcome, said.detail)
        except sqlite3.Error as error:
            raise _not_written(error) from error

    def record(self, who: str, what: Action, *, node: str = "", outcome: str, detail: str = "") -> None:
        """Append an entry about something that is not a change of the registry, before it is done.

        Raises:
            Unavailable: it cannot be written; what was to be recorded must not be done.
        """
        try:
            self._append(who, what, node, outcome, detail)
        except sqlite3.Error as error:
            raise _not_written(error) from error

    def _append(self, who: str, what: Action, node: str, outcome: str, detail: str) -> None:
        self._entries.append(who, what, node=node, outcome=outcome, detail=detail[:MAX_DETAIL_CHARACTERS])

    # refusals

    def refused(self, who: str, what: str) -> None:
        """Count that a key was refused a call that its role does not allow."""
        self._refusals.add(who, what)

    def refused_stranger(self, address: str) -> None:
        """Count that an address showed a key, a session or a sign-in link that is not valid."""
        self._refusals.add(NOBODY, address)

    def tick(self, now: float) -> None:
        """Write the sums that are due; `now` by the monotonic clock."""
        for one in self._refusals.due(now):
            outcome = NotSignedIn.code if one.who == NOBODY else NotAllowed.code
            try:
                self._append(one.who, "refused", "", outcome, one.detail)
            except sqlite3.Error as error:
                log().error("refused requests are not in the audit log", error=str(error), refused=one.detail)

    def close(self) -> None:
        """Write all sums, because the master stops."""
        self.tick(float("inf"))

    # reading

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


def _not_written(error: sqlite3.Error) -> Unavailable:
    log().error("the registry cannot be written", error=str(error))
    return Unavailable(f"the audit log or the registry cannot be written: {error}; nothing was done")
