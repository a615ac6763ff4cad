"""The sessions of browsers; of each the hash of its token, and of the API key that it came from."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.store.database import Database


@dataclass(frozen=True)
class SessionRow:
    """A session, with the name and role of its API key; times are seconds since 1970."""

    name: str
    role: str
    key_hash: str
    expires_at: float


class SessionRepository:
    """The rows of sessions. A session ends when its row is deleted, at the latest with the row of its key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def session(self, token_hash: str) -> SessionRow | None:
        """The session whose token has this hash, one that has expired included."""
        rows = self._database.read(
            "SELECT name, role, key_hash, expires_at FROM sessions JOIN api_keys ON api_keys.hash = key_hash "
            "WHERE sessions.hash = ?",
            token_hash,
        )
        return SessionRow(*rows[0]) if rows else None

    def add(
        self, token_hash: str, key_hash: str, *, made_at: float, expires_at: float, most_of_one_key: int
    ) -> None:
        """Record a session; deletes expired ones, and the oldest of the key above the limit."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM sessions WHERE expires_at <= ?", (made_at,))
            cursor.execute(
                "DELETE FROM sessions WHERE key_hash = ? AND hash NOT IN "
                "(SELECT hash FROM sessions WHERE key_hash = ? ORDER BY made_at DESC LIMIT ?)",
                (key_hash, key_hash, most_of_one_key - 1),
            )
            cursor.execute(
                "INSERT INTO sessions VALUES (?,?,?,?)", (token_hash, key_hash, made_at, expires_at)
            )

    def remove(self, token_hash: str) -> None:
        """Forget a session: no error if it is not there."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM sessions WHERE hash = ?", (token_hash,))
