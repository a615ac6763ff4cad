"""Stores what a node must know of its master after joining."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from manyeyes import identity
from manyeyes.contract import node_name
from manyeyes.errors import DataFolderUnusable

MAX_ADDRESSES = 6


@dataclass(frozen=True)
class Membership:
    """What a node stores after joining: its name, its master's CA and addresses."""

    name: str
    addresses: tuple[str, ...]
    ca_pem: str
    pack_public_key: str

    def save(self, path: Path) -> None:
        """Write it to a file."""
        identity.write_private(path, json.dumps(vars(self), indent=1).encode())

    @classmethod
    def load(cls, path: Path) -> Membership:
        """Read it back.

        Raises:
            DataFolderUnusable: the file is damaged.
        """
        try:
            fields = json.loads(path.read_bytes())
            return cls(
                fields["name"], tuple(fields["addresses"]), fields["ca_pem"], fields["pack_public_key"]
            )
        except (OSError, ValueError, KeyError) as error:
            raise DataFolderUnusable(
                f"{path} cannot be read ({error}); join again with --join TOKEN, or choose another --data folder"
            ) from error


def name_note(wanted: str, name: str, *, had_joined: bool) -> str:
    """What is worth knowing if a node is not called what was asked for; empty if it is, or if nothing was asked for.

    Args:
        had_joined: whether it had its name before it was asked for.
    """
    if wanted in ("", name):
        return ""
    if had_joined:
        return (
            f"this machine is node {name} already, and keeps this name: {wanted!r} is not used; for another name, "
            f"'manyeyes nodes remove {name}' on the master, then join with a new token and a new data folder"
        )
    fit = node_name(wanted)
    if name == fit:
        return f"the name {wanted!r} became {name}: names of nodes have the letters a to z, digits and - only"
    return f"the name {fit!r} is taken by another node; this one is called {name}"


def merged(first: Sequence[str], then: Sequence[str]) -> tuple[str, ...]:
    """Addresses in the order to try, each once; the oldest are forgotten beyond `MAX_ADDRESSES`."""
    return tuple(dict.fromkeys((*first, *then)))[:MAX_ADDRESSES]
