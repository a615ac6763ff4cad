"""The audit log: who did what, on which node, with what outcome; each entry sealed to the one before.

An entry carries the SHA-256 of the entry before it and its own, so anyone who alters, removes or reorders entries
leaves a broken chain unless everything after is made anew: compare `head` with one noted elsewhere to see that.
Entries are rows of the registry, which refuses to change or delete them; each is on disk when `record` returns.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from manyeyes.errors import NotAllowed, Unavailable
from manyeyes.store.database import Registry, now_iso
from manyeyes.telemetry import log

GENESIS = "0" * 64
"""What the first entry carries for the one before."""
MAX_DETAIL_CHARACTERS = 4000
MAX_NAME_CHARACTERS = 200
PAGE_ENTRIES = 1000
REFUSALS_AT_ONCE = 20.0
REFUSAL_EVERY_S = 60.0
_COLUMNS = "number, at, who, what, node, outcome, detail, before, sha256"


@dataclass(frozen=True)
class Entry:
    """One thing that somebody asked for, or how it ended."""

    number: int
    at: str
    """ISO 8601, UTC."""
    who: str
    """The API key's name."""
    what: str
    node: str
    outcome: str
    detail: str
    before: str
    """`sha256` of the entry before, `GENESIS` for the first."""
    sha256: str = ""

    def references(self) -> str:
        """The SHA-256 of everything else in the entry, as compact JSON with sorted keys."""
        fields = asdict(self)
        del fields["sha256"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What verifying the chain gave; `broken` is the number of the first entry that is not as it was written."""

    entries: int
    head: str
    broken: int | None = None
    reason: str = ""


def first_broken(entries: Iterator[Entry], last_given: int = 0) -> Verdict:
    """Verify a chain, first entry first.

    Args:
        last_given: the highest number that was ever given to an entry, as far as is known.
    """
    before, number = GENESIS, 0
    for entry in entries:
        if entry.number != number + 1:
            return Verdict(
                number, before, number + 1, f"missing: entry {entry.number} comes where {number + 1} should"
            )
        if entry.before != before:
            return Verdict(
                number, before, entry.number, "it does not carry the SHA-256 of the entry before it"
            )
        if entry.references() != entry.sha256:
            return Verdict(number, before, entry.number, "its content does not have its SHA-256")
        before, number = entry.sha256, entry.number
    if number < last_given:
        return Verdict(number, before, number + 1, f"missing: {last_given} entries were written")
    return Verdict(number, before)


@dataclass
class Refusals:
    """How many refusals of one key are written: a number at once, then one a minute that counts the rest.

    A key may ask as often as it likes for what it may not have; the log must not grow by that without end.
    """

    left: float = REFUSALS_AT_ONCE
    at_s: float = 0.0
    unwritten: int = 0

    def worth_writing(self, now: float) -> bool:
        """Whether the one that happened just now is written; counted where it is not."""
        self.left = min(REFUSALS_AT_ONCE, self.left + (now - self.at_s) / REFUSAL_EVERY_S)
        self.at_s = now
        if self.left < 1:
            self.unwritten += 1
            return False
        self.left -= 1
        return True


class Audit:
    """The log of one master."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
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
            with self._registry.transaction() as cursor:
                last = cursor.execute(
                    "SELECT number, sha256 FROM audit ORDER BY number DESC LIMIT 1"
                ).fetchone()
                number, before = last or (0, GENESIS)
                detail = detail[:MAX_DETAIL_CHARACTERS]
                entry = Entry(number + 1, now_iso(), who, what, node, outcome, detail, before)
                row = {**asdict(entry), "sha256": entry.references()}
                places = ", ".join(f":{name}" for name in row)
                cursor.execute(f"INSERT INTO audit ({_COLUMNS}) VALUES ({places})", row)
        except sqlite3.Error as error:
            log().error("the audit log cannot be written", error=str(error))
            raise Unavailable(f"the audit log cannot be written: {error}; nothing was done") from error

    def entries(self, after: int = 0, limit: int = PAGE_ENTRIES) -> list[Entry]:
        """The entries with a number above `after`, oldest first, at most `limit`."""
        query = f"SELECT {_COLUMNS} FROM audit WHERE number > ? ORDER BY number LIMIT ?"
        return [Entry(*row) for row in self._registry.read(query, after, limit)]

    def verify(self) -> Verdict:
        """Verify the whole chain."""
        given = self._registry.read("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
        return first_broken(self._all(), int(given[0][0]) if given else 0)

    def _all(self) -> Iterator[Entry]:
        after = 0
        while page := self.entries(after):
            yield from page
            after = page[-1].number
