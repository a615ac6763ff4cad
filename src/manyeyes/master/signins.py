"""Sign-ins: an API key, shown once, becomes a session that a browser keeps in a cookie.

A session's token is as random as a key and is kept as a hash, so that it outlives a restart of the master. It ends
by itself, by signing out, and with the key that it came from.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass

from manyeyes import identity
from manyeyes.errors import NotSignedIn
from manyeyes.master.registry import Registry

PREFIX = "mes_"
"""What a session's token begins with; API keys begin otherwise, so neither is looked up as the other."""
_MOST_OF_ONE_KEY = 50
"""Who signs in more often loses the oldest session."""


@dataclass(frozen=True)
class Caller:
    """Whom a credential belongs to."""

    name: str
    """Of the API key."""
    role: str
    expires_at: float | None = None
    """Of a session, in seconds since 1970; None for a key itself."""


class SignIns:
    """The sessions of one master, beside the keys that they came from.

    Args:
        lasts_s: how long a session lasts.
        now: seconds since 1970.
    """

    def __init__(self, registry: Registry, lasts_s: float, now: Callable[[], float] = time.time) -> None:
        self._registry = registry
        self._lasts_s = lasts_s
        self._now = now

    def sign_in(self, key: str) -> tuple[str, Caller]:
        """A new session of an API key: its token, which nobody can be told again, and whose it is.

        Raises:
            NotSignedIn: the key is unknown, or itself the token of a session.
        """
        caller = None if key.startswith(PREFIX) else self.caller(key)
        if caller is None:
            raise NotSignedIn("this is no API key of this master; 'manyeyes keys create' makes one")
        token, now = PREFIX + secrets.token_urlsafe(32), self._now()
        of_key = identity.hash_api_key(key)
        with self._registry.transaction() as cursor:
            cursor.execute("DELETE FROM sign_ins WHERE expires_at <= ?", (now,))
            cursor.execute(
                "DELETE FROM sign_ins WHERE key_hash = ? AND hash NOT IN "
                "(SELECT hash FROM sign_ins WHERE key_hash = ? ORDER BY made_at DESC LIMIT ?)",
                (of_key, of_key, _MOST_OF_ONE_KEY - 1),
            )
            cursor.execute(
                "INSERT INTO sign_ins VALUES (?,?,?,?)",
                (identity.hash_api_key(token), of_key, now, now + self._lasts_s),
            )
        return token, Caller(caller.name, caller.role, now + self._lasts_s)

    def sign_out(self, token: str) -> None:
        """End a session; one that has ended already is no error."""
        with self._registry.transaction() as cursor:
            cursor.execute("DELETE FROM sign_ins WHERE hash = ?", (identity.hash_api_key(token),))

    def caller(self, credential: str) -> Caller | None:
        """Whom an API key or a session's token belongs to; None where it is unknown or has ended."""
        digest = identity.hash_api_key(credential)
        if not credential.startswith(PREFIX):
            rows = self._registry.read("SELECT name, role FROM api_keys WHERE hash = ?", digest)
            return Caller(*rows[0]) if rows else None
        rows = self._registry.read(
            "SELECT name, role, expires_at FROM sign_ins JOIN api_keys ON api_keys.hash = key_hash "
            "WHERE sign_ins.hash = ? AND expires_at > ?",
            digest,
            self._now(),
        )
        return Caller(*rows[0]) if rows else None
