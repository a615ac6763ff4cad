"""API keys: made with a name and a role, shown once, kept as a hash, revoked by name.

Each change is made together with its entry in the audit log. There is always an admin's key left.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from manyeyes import identity, person_names
from manyeyes.access.audit import Audit
from manyeyes.errors import BadRequest, KeyExists, KeyNotFound, LastAdminKey
from manyeyes.natural_order import natural
from manyeyes.store.credentials import ApiKeyRow, CredentialRepository

KEY_NAME = re.compile(r"\w(?:[^\x00-\x1f\x7f]{0,62}\S)?")


class ApiKeyService:
    """Creates, lists and revokes API keys, each change with an entry in the audit log.

    Args:
        revoked: called with the name of each key that is revoked.
        changed: called after each change.
    """

    def __init__(
        self,
        credentials: CredentialRepository,
        audit: Audit,
        *,
        revoked: Callable[[str], None] = lambda name: None,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._credentials = credentials
        self._audit = audit
        self._revoked = revoked
        self._changed = changed

    def known(self) -> list[ApiKeyRow]:
        """All keys that work, by name."""
        return sorted(self._credentials.api_keys(), key=lambda key: natural(key.name))

    def create(self, who: str, name: str, role: str) -> tuple[str, ApiKeyRow]:
        """Create a key. Returns the key, which cannot be shown again, and its row.

        Raises:
            BadRequest: the name cannot be used.
            KeyExists: a key has that name; the audit log tells keys apart by it.
            Unavailable: the audit log cannot be written.
        """
        name = unicodedata.normalize("NFC", name)
        if hidden := person_names.unseen(name):
            raise BadRequest(hidden)
        if not KEY_NAME.fullmatch(name):
            raise BadRequest(
                f"{name!r} is not a valid name of a key; a name begins with a letter or digit and has at most 64 characters"
            )
        if taken := self._find(name):
            raise KeyExists(
                f"there is a key {taken[0]!r} already; choose another name, or revoke that one first"
            )
        key = identity.make_api_key()
        with self._audit.change(who, "key create", outcome="made", detail=f"{name}, {role}"):
            row = self._credentials.add_api_key(identity.hash_api_key(key), name, role)
        self._changed()
        return key, row

    def create_local(self, name: str, role: str) -> str:
        """Create a key for this machine's own operator, without an entry in the audit log."""
        key = identity.make_api_key()
        self._credentials.add_api_key(identity.hash_api_key(key), name, role)
        return key

    def revoke(self, who: str, name: str) -> None:
        """Revoke a key, whatever the case and composition of its name: its next request is refused.

        Raises:
            KeyNotFound: none of that name; or several of an earlier version's file, and none exactly so.
            LastAdminKey: nobody could create keys any more; nothing was done.
            Unavailable: the audit log cannot be written.
        """
        found = self._find(name)
        if not found:
            raise KeyNotFound(f"no key is called {name!r}; 'manyeyes keys list' lists them")
        if len(found) > 1:
            raise KeyNotFound(
                f"{len(found)} keys are called {name!r}, in other cases: {', '.join(found)}; write one of these exactly"
            )
        name = found[0]
        if not any(key.role == "admin" and key.name != name for key in self.known()):
            self._audit.record(who, "key revoke", outcome=LastAdminKey.code, detail=name)
            raise LastAdminKey(
                f"{name!r} is the last key with the role admin; make another one before you revoke it: "
                "'manyeyes keys create NAME --role admin'"
            )
        with self._audit.change(who, "key revoke", outcome="revoked", detail=name):
            self._credentials.revoke_api_keys(name)
        self._revoked(name)
        self._changed()

    def _find(self, name: str) -> list[str]:
        """The names of keys that are one with this name: the exact one alone, if there is one."""
        names = list(dict.fromkeys(key.name for key in self.known()))
        for exact in (name, unicodedata.normalize("NFC", name)):
            if exact in names:
                return [exact]
        return [other for other in names if person_names.name_key(other) == person_names.name_key(name)]
