"""What the audit log has entries about: the words of `what`. `gateway/audited.py` says which call writes which."""

from __future__ import annotations

from typing import Literal

Action = Literal[
    # nodes
    "approve",
    "remove",
    "forget",
    "pause",
    "drain",
    "resume",
    "shutdown",
    "exec",
    "put",
    "get",
    "list",
    "digest",
    # keys and sessions
    "token",
    "key create",
    "key revoke",
    "sign in",
    "sign out",
    "sign-in link",
    "refused",
    # people
    "people add",
    "people rename",
    "people remove",
    "people merge",
    "people merge undo",
    "photo remove",
    "feedback",
    "feedback undo",
    "threshold",
    # unknown faces
    "faces keep",
    "faces name",
    "faces dismiss",
]
