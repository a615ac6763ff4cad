"""Parses the address of a machine, and decides whether to accept its host key. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from manyeyes.errors import BadRequest

SSH_PORT = 22
_FORM = re.compile(
    r"(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+(?:%[A-Za-z0-9]+)?)\]|(?P<host>[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}[A-Za-z0-9_])?))"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")


@dataclass(frozen=True)
class Target:
    """A machine to add; a field that is None comes from the user's SSH configuration, or its default."""

    host: str
    user: str | None = None
    port: int | None = None


def parse_target(text: str) -> Target:
    """Read `USER@HOST`, `HOST:PORT`, `USER@[IPV6]:PORT` and the like.

    Raises:
        BadRequest: the text has another form.
    """
    found = _FORM.fullmatch(text.strip())
    port = int(found["port"]) if found and found["port"] else None
    if found is None or (port is not None and not 0 < port < 65536):
        raise BadRequest(
            f"{text!r} does not name a machine; write USER@HOST or USER@HOST:PORT, as in: "
            "manyeyes nodes add ada@lab-2"
        )
    return Target(found["six"] or found["host"], found["user"], port)


def parse_fingerprint(text: str) -> str:
    """Read a host key's fingerprint as `ssh-keygen -l` prints it.

    Raises:
        BadRequest: the text has another form.
    """
    wanted = text.strip().rstrip("=")
    if not _FINGERPRINT.fullmatch(wanted):
        raise BadRequest(
            f"{text!r} is not a host key's fingerprint; on the machine itself, "
            "'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' prints it as SHA256:..."
        )
    return wanted


def host_key_file(algorithm: str) -> str:
    """Where a machine keeps its public key of an algorithm, as `ssh-ed25519`."""
    kind = next((kind for kind in ("ed25519", "ecdsa") if kind in algorithm), "rsa")
    return f"/etc/ssh/ssh_host_{kind}_key.pub"


def name_in_known_hosts(host: str, port: int) -> str:
    """The name under which `known_hosts` stores a machine's key."""
    return host if port == SSH_PORT else f"[{host}]:{port}"


Verdict = Literal["accept", "unknown", "changed", "not-the-one"]


def judge(shown: str, kept: Collection[str], wanted: str | None) -> Verdict:
    """Decide whether to accept a host key.

    Args:
        shown: the fingerprint of the key that the machine shows.
        kept: the fingerprints that `known_hosts` has for the machine.
        wanted: the fingerprint that the operator gave. It makes an unknown key acceptable, but never a
            changed one.
    """
    if wanted is not None and shown != wanted:
        return "not-the-one"
    if shown in kept:
        return "accept"
    if kept:
        return "changed"
    return "accept" if wanted is not None else "unknown"
