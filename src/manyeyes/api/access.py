"""API keys, sessions, join tokens, and the certificate that clients trust."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from manyeyes.api.model import Answer, Body, Moment

KeyRole = Literal["user", "operator", "admin"]
"""What a key may do: send pictures; also look after people and nodes; everything."""
ROLES: tuple[KeyRole, ...] = get_args(KeyRole)
"""Each may do what those before it may."""


class KeyRequest(Body):
    """A new API key."""

    name: str = Field(min_length=1, max_length=64)
    """It stands for the key in lists and in the audit log."""
    role: KeyRole = "user"
    """What the key may do."""


class ApiKey(Answer):
    """What a master knows of an API key; never the key."""

    name: str
    """It stands for the key in lists and in the audit log."""
    role: KeyRole
    """What the key may do."""
    created_at: Moment
    """When it was made."""


class NewApiKey(ApiKey):
    """A key that was just made. No later answer shows it again."""

    key: str
    """What stands in the header `Authorization: Bearer KEY`."""


class ApiKeys(Answer):
    """All API keys that work."""

    keys: tuple[ApiKey, ...]
    """By name."""


class CaCertificate(Answer):
    """The certificate of the master's CA."""

    ca_pem: str
    """PEM; the context file of a client holds it, and `curl --cacert` reads it."""


class TokenRequest(Body):
    """How long a join token works."""

    expires_s: float = Field(3600, ge=1, le=30 * 86400)
    """For how many seconds nodes may join with it."""
    approve: bool = False
    """Whether a person must approve each node that joins with it."""
    ephemeral: bool = False
    """Whether each node that joins with it is forgotten when it leaves, or is lost for a time."""


class JoinToken(Answer):
    """What a new node needs to join."""

    token: str
    """What the new node is given."""
    expires_at: Moment
    """Until when nodes may join with it."""
    id: str = ""
    """Its name in `Node.token` and in the audit log."""
    warning: str = ""
    """Why no other machine can join with it, and what to do; empty if others reach the master."""


class Session(Answer):
    """The holder of an API key or of a session."""

    name: str
    """Of the API key."""
    role: KeyRole
    """What the holder may do."""
    expires_at: Moment | None = None
    """Of a session; null for an API key."""


class NewSession(Session):
    """A session that was just made. No later answer shows its token again."""

    token: str
    """Used as an API key is."""


class SignInPath(Answer):
    """A way into the console that works once."""

    path: str
    """To be opened at the master's address."""
    expires_s: float
    """For how many seconds it works."""
