"""The rows of the audit log: a chain, of which each entry carries the SHA-256 of the one before.

The file refuses to change or delete them; each is on disk when `append` returns.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass

from manyeyes.store.database import Database
from manyeyes.store.timestamps import now_iso

GENESIS = "0" * 64
"""What the first entry carries for the one before."""
_COLUMNS = "number, at, who, what, node, outcome, detail, before, sha256"


@dataclass(frozen=True)
class Entry:
    """One thing that somebody asked for, or how it ended."""

    number: int
    at: str
    """ISO 8601, UTC."""
    who: str
    """The API key's name; empty for those who showed no valid key."""
    what: str
    node: str
    outcome: str
    detail: str
    before: str
    """`sha256` of the entry before, `GENESIS` for the first."""
    sha256: str = ""

    def digest(self) -> str:
        """The SHA-256 of everything else in the entry, as compact JSON with sorted keys."""
        fields = asdict(self)
        del fields["sha256"]
        return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class AuditRepository:
    """The audit log's rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def transaction(self) -> AbstractContextManager[object]:
        """Entries that are appended inside, and all other changes of the file, are stored together or not at all."""
        return self._database.transaction()

    def append(self, who: str, what: str, *, node: str, outcome: str, detail: str) -> None:
        """Add an entry to the end of the chain.

        Raises:
            sqlite3.Error: it cannot be written.
        """
        with self._database.transaction() as cursor:
            last = cursor.execute("SELECT number, sha256 FROM audit ORDER BY number DESC LIMIT 1").fetchone()
            number, before = last or (0, GENESIS)
            entry = Entry(number + 1, now_iso(), who, what, node, outcome, detail, before)
            row = {**asdict(entry), "sha256": entry.digest()}
            places = ", ".join(f":{name}" for name in row)
            cursor.execute(f"INSERT INTO audit ({_COLUMNS}) VALUES ({places})", row)

    def entries(self, after: int, limit: int) -> list[Entry]:
        """The entries with a number above `after`, oldest first, at most `limit`."""
        query = f"SELECT {_COLUMNS} FROM audit WHERE number > ? ORDER BY number LIMIT ?"
        return [Entry(*row) for row in self._database.read(query, after, limit)]

    def last_given(self) -> int:
        """The highest number that was ever given to an entry; 0: none was."""
        rows = self._database.read("SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
        return int(rows[0][0]) if rows else 0
