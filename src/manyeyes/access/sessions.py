"""Sign-ins: an API key, shown once, becomes a session that a browser keeps in a cookie.

A session's token is as random as a key and is kept as a hash, so that it outlives a restart of the master. It ends
by itself, by signing out, and with the key that it came from.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from manyeyes import identity
from manyeyes.access.audit import Audit
from manyeyes.credentials import LINK, SESSION
from manyeyes.errors import NotSignedIn
from manyeyes.store.credentials import CredentialRepository
from manyeyes.store.sessions import SessionRepository

_ID_CHARACTERS = 12
LINK_S = 120.0
"""How long a sign-in link is valid; it works once."""
_MOST_LINKS = 100
_MOST_OF_ONE_KEY = 50
"""The most sessions of one key; one more ends the oldest."""
_MOST_RESOLVED = 1000
"""The most credentials that are cached until something is written to the file."""


@dataclass(frozen=True)
class Caller:
    """The holder of a credential."""

    name: str
    """The name of the API key."""
    role: str
    key_id: str
    """Distinguishes API keys of the same name; reveals nothing about the key."""
    expires_at: float | None = None
    """When the session ends, in seconds since 1970; None for a key."""


class Sessions:
    """Makes and ends sign-in sessions, each with an entry in the audit log, and finds the caller for a credential.

    Args:
        lasts_s: how long a session lasts.
        now: seconds since 1970.
    """

    def __init__(
        self,
        credentials: CredentialRepository,
        sessions: SessionRepository,
        audit: Audit,
        lasts_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._credentials = credentials
        self._sessions = sessions
        self._audit = audit
        self._lasts_s = lasts_s
        self._now = now
        self._links: dict[str, tuple[str, float]] = {}
        self._resolved: dict[str, Caller] = {}
        self._resolved_at = credentials.changes

    def link(self, key: str) -> str:
        """Make a secret that signs in once, for a short time, as the key's holder. A restart of the master ends it.

        Raises:
            NotSignedIn: the key is unknown, or itself the token of a session.
        """
        of_key, caller = self._key(key)
        self._audit.record(caller.name, "sign-in link", outcome="made")
        now = self._now()
        self._links = {link: kept for link, kept in self._links.items() if kept[1] > now}
        while len(self._links) >= _MOST_LINKS:
            del self._links[next(iter(self._links))]
        made = LINK + secrets.token_urlsafe(32)
        self._links[identity.hash_api_key(made)] = (of_key, now + LINK_S)
        return made

    def may_sign_in(self, credential: str) -> bool:
        """Whether the secret is a sign-in link that is not used yet; it allows nothing else."""
        _, until = self._links.get(identity.hash_api_key(credential), ("", 0.0))
        return until > self._now()

    def _key(self, credential: str) -> tuple[str, Caller]:
        """The hash of the API key that a key or a link stands for, and whose it is."""
        digest = identity.hash_api_key(credential)
        if credential.startswith(LINK):
            digest, until = self._links.pop(digest, ("", 0.0))
            if until <= self._now():
                raise NotSignedIn(
                    "this link was used before or has expired; 'manyeyes console' makes a new one"
                )
        caller = self._of_key(digest)
        if caller is None:
            raise NotSignedIn("this is not an API key of this master; 'manyeyes keys create' makes one")
        return digest, caller

    def _of_key(self, digest: str) -> Caller | None:
        row = self._credentials.api_key(digest)
        return Caller(row.name, row.role, digest[:_ID_CHARACTERS]) if row else None

    def sign_in(self, credential: str, address: str = "") -> tuple[str, Caller]:
        """Start a session from an API key or a sign-in link. Returns its token, which cannot be shown again, and its caller.

        Args:
            address: where the request comes from, for the audit log.

        Raises:
            NotSignedIn: the key or link is unknown, or it is itself the token of a session.
        """
        of_key, caller = self._key(credential)
        token, now = SESSION + secrets.token_urlsafe(32), self._now()
        ends = now + self._lasts_s
        by = "link" if credential.startswith(LINK) else "key"
        detail = f"with a {by}" + (f", from {address}" if address else "")
        with self._audit.change(caller.name, "sign in", outcome="signed in", detail=detail):
            self._sessions.add(
                identity.hash_api_key(token),
                of_key,
                made_at=now,
                expires_at=ends,
                most_of_one_key=_MOST_OF_ONE_KEY,
            )
        return token, replace(caller, expires_at=ends)

    def sign_out(self, token: str) -> None:
        """End a session; no error if it has ended already."""
        digest = identity.hash_api_key(token)
        if (row := self._sessions.session(digest)) is None:
            return
        with self._audit.change(row.name, "sign out", outcome="signed out"):
            self._sessions.remove(digest)

    def caller(self, credential: str) -> Caller | None:
        """The holder of an API key or of a session's token; None if it is unknown or has ended.

        What was found is remembered by the credential's digest, until this master writes anything to the file: a key that
        is revoked or a session that is signed out is refused from the next request on.
        """
        changes = self._credentials.changes
        if self._resolved_at != changes:
            self._resolved.clear()
            self._resolved_at = changes
        digest = identity.hash_api_key(credential)
        caller = self._resolved.get(digest)
        if caller is None:
            caller = self._of_session(digest) if credential.startswith(SESSION) else self._of_key(digest)
            if caller is None:
                return None
            if len(self._resolved) >= _MOST_RESOLVED:
                self._resolved.clear()
            self._resolved[digest] = caller
        ended = caller.expires_at is not None and caller.expires_at <= self._now()
        return None if ended else caller

    def role_of(self, credential: str) -> str | None:
        """The role of an API key or a session, None if it is unknown."""
        caller = self.caller(credential)
        return caller.role if caller else None

    def _of_session(self, digest: str) -> Caller | None:
        row = self._sessions.session(digest)
        return Caller(row.name, row.role, row.key_hash[:_ID_CHARACTERS], row.expires_at) if row else None
