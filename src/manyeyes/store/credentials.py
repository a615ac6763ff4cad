"""Join tokens of nodes, and API keys of people and programs; of both without their secrets."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.store.database import Database
from manyeyes.store.timestamps import now_iso


@dataclass(frozen=True)
class TokenRow:
    """A join token, without its secret."""

    token_id: str
    public_nkey: str
    expires_at: int
    approve: bool = False
    """Whether nodes that join with it wait for a person's approval."""
    ephemeral: bool = False
    """Whether nodes that join with it are forgotten when they leave."""


@dataclass(frozen=True)
class ApiKeyRow:
    """What is known of an API key; never the key."""

    name: str
    role: str
    created_at: str


class CredentialRepository:
    """The join tokens and the hashes of the API keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def changes(self) -> int:
        """Rises with every row that this connection writes; while it stays, all that was read still holds."""
        return self._database.changes

    # join tokens

    def tokens(self) -> list[TokenRow]:
        """All tokens, those that have expired included."""
        rows = self._database.read("SELECT token_id, public_nkey, expires_at, approve, ephemeral FROM tokens")
        return [TokenRow(row[0], row[1], row[2], bool(row[3]), bool(row[4])) for row in rows]

    def add_token(self, token: TokenRow) -> None:
        """Record a token."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO tokens (token_id, public_nkey, expires_at, approve, ephemeral) VALUES (?,?,?,?,?)",
                (token.token_id, token.public_nkey, token.expires_at, token.approve, token.ephemeral),
            )

    # API keys

    def api_keys(self) -> list[ApiKeyRow]:
        """All keys that work, by name."""
        rows = self._database.read("SELECT name, role, created_at FROM api_keys ORDER BY name, created_at")
        return [ApiKeyRow(*row) for row in rows]

    def api_key(self, key_hash: str) -> ApiKeyRow | None:
        """The key with this hash."""
        rows = self._database.read("SELECT name, role, created_at FROM api_keys WHERE hash = ?", key_hash)
        return ApiKeyRow(*rows[0]) if rows else None

    def add_api_key(self, key_hash: str, name: str, role: str) -> ApiKeyRow:
        """Record a key's hash."""
        row = ApiKeyRow(name, role, now_iso())
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO api_keys (hash, name, role, created_at) VALUES (?,?,?,?)",
                (key_hash, row.name, row.role, row.created_at),
            )
        return row

    def revoke_api_keys(self, name: str) -> None:
        """Forget the keys of this name; their sessions go with them."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM api_keys WHERE name = ?", (name,))
