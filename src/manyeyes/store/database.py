"""The master's SQLite file: opening, migrations, transactions, and whether anything was written since.

Every change is one transaction, synced before the call returns: a kill leaves the old or the new state. The
repositories of this folder use it; nobody else does.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from manyeyes.errors import DataFolderUnusable
from manyeyes.store import gallery_history, name_keys
from manyeyes.store.schema import migrate
from manyeyes.store.transaction import transaction

Read = Callable[..., list[tuple[Any, ...]]]
"""Runs a query with its values and returns its rows."""


_RESTORE = "restore it from a copy or choose another --data folder"
_WHAT_TO_DO = {
    sqlite3.SQLITE_FULL: "free some space there, or choose another --data folder",
    sqlite3.SQLITE_IOERR: "look whether its disk is full or fails, or choose another --data folder",
    sqlite3.SQLITE_READONLY: "make it writable, or choose another --data folder",
    sqlite3.SQLITE_CANTOPEN: "look whether you may write there, or choose another --data folder",
    sqlite3.SQLITE_PERM: "look whether you may write there, or choose another --data folder",
    sqlite3.SQLITE_BUSY: "another process uses it: stop that one, or choose another --data folder",
}
"""By SQLite's error; for all others the file itself is damaged or of something else."""


class Database:
    """The open SQLite file with its transactions; only for the thread that opened it.

    Raises:
        DataFolderUnusable: the file is no such database or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA foreign_keys=ON")
            migrate(self._db, path)
            gallery_history.prepare(self._db)
            name_keys.fill(self._db)
            path.chmod(0o600)
        except sqlite3.Error as error:
            what_to_do = _WHAT_TO_DO.get(error.sqlite_errorcode & 0xFF, _RESTORE)
            raise DataFolderUnusable(f"cannot use the registry {path}: {error}; {what_to_do}") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def transaction(self) -> AbstractContextManager[sqlite3.Cursor]:
        """All changes made with the cursor, or none."""
        return transaction(self._db)

    def read(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return self._db.execute(query, values).fetchall()

    @property
    def changes(self) -> int:
        """Rises with every row that this connection writes; while it stays, all that was read still holds."""
        return self._db.total_changes
