"""The nodes: what each is, whether it is approved, what is desired of it, what it did; and those removed for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manyeyes.contract import Desired, HostFacts
from manyeyes.errors import NodeNotFound
from manyeyes.store.database import Database
from manyeyes.store.timestamps import now_iso
from manyeyes.wording import in_utc


@dataclass(frozen=True)
class NodeRow:
    """A node that may connect, or waits for approval."""

    name: str
    public_nkey: str
    token_id: str
    host: HostFacts
    first_seen: str
    last_seen: str
    done: int
    failed: int
    fingerprint: str = ""
    approved: bool = True
    desired: Desired = ""
    left_reason: str = ""
    """Why it left, if it did and has not come back; else empty."""
    ephemeral: bool = False
    """Whether it is forgotten when it leaves."""
    release: str = ""
    """The release of manyeyes that it runs; empty: not known."""


@dataclass(frozen=True)
class NodeCounts:
    """When a node was seen last, and how many pictures it did and failed."""

    last_seen: str
    done: int
    failed: int


@dataclass(frozen=True)
class RemovedNode:
    """A node that was cut off; its key never works again."""

    name: str
    fingerprint: str
    removed_at: str


MOST_REMOVED = 5
"""Of the removed nodes of a machine, so many are named."""

_COLUMNS = (
    "name, public_nkey, token_id, host, first_seen, last_seen, done, failed, fingerprint, approved, wish, "
    "left_reason, ephemeral, release"
)


def _node_row(row: tuple[Any, ...]) -> NodeRow:
    return NodeRow(
        name=row[0],
        public_nkey=row[1],
        token_id=row[2],
        host=HostFacts.model_validate_json(row[3]),
        first_seen=row[4],
        last_seen=row[5],
        done=row[6],
        failed=row[7],
        fingerprint=row[8],
        approved=bool(row[9]),
        desired=row[10],
        left_reason=row[11],
        ephemeral=bool(row[12]),
        release=row[13],
    )


class NodeRepository:
    """The rows of nodes; each change is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[NodeRow]:
        """All nodes, by name."""
        return [_node_row(row) for row in self._database.read(f"SELECT {_COLUMNS} FROM nodes ORDER BY name")]

    def counts(self) -> dict[str, NodeCounts]:
        """Of each node what `record_seen` recorded."""
        rows = self._database.read("SELECT name, last_seen, done, failed FROM nodes")
        return {name: NodeCounts(*counts) for name, *counts in rows}

    def node(self, name: str) -> NodeRow:
        """One node.

        Raises:
            NodeNotFound: none of that name, or it was removed.
        """
        rows = self._database.read(f"SELECT {_COLUMNS} FROM nodes WHERE name = ?", name)
        if rows:
            return _node_row(rows[0])
        gone = [node for node in self.removed() if node.name == name]
        if gone:
            raise NodeNotFound(
                f"node {name!r} was removed at {in_utc(gone[-1].removed_at)}; 'manyeyes nodes list' lists those that are left"
            )
        raise NodeNotFound(f"no node is called {name!r}; 'manyeyes nodes list' lists all")

    def same_host(self, row: NodeRow) -> tuple[str, ...]:
        """Names of other nodes on the machine of this one, and of removed ones the last few names and how many more."""
        if not row.fingerprint:
            return ()
        others = [
            other.name
            for other in self.all()
            if other.fingerprint == row.fingerprint and other.name != row.name
        ]
        gone = [other.name for other in self.removed() if other.fingerprint == row.fingerprint]
        last = list(dict.fromkeys(reversed(gone)))[:MOST_REMOVED]
        others += [f"{name} (removed)" for name in last]
        if more := len(gone) - len(last):
            others.append(f"{more} more removed")
        return tuple(others)

    def removed(self) -> list[RemovedNode]:
        """All that were removed, in that order."""
        rows = self._database.read(
            "SELECT name, fingerprint, removed_at FROM removed_nodes ORDER BY removed_at, rowid"
        )
        return [RemovedNode(*row) for row in rows]

    def removed_key(self, public_nkey: str) -> RemovedNode | None:
        """Whose key it was, if its node was removed."""
        rows = self._database.read(
            "SELECT name, fingerprint, removed_at FROM removed_nodes WHERE public_nkey = ?", public_nkey
        )
        return RemovedNode(*rows[0]) if rows else None

    # changes

    def add(
        self,
        name: str,
        public_nkey: str,
        token_id: str,
        host: HostFacts,
        *,
        fingerprint: str = "",
        approved: bool = True,
        ephemeral: bool = False,
        release: str = "",
    ) -> None:
        """Record a node's first time."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO nodes (name, public_nkey, token_id, host, first_seen, last_seen, fingerprint, approved, "
                "ephemeral, release) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    name, public_nkey, token_id, host.model_dump_json(), now_iso(), now_iso(),
                    fingerprint, approved, ephemeral, release,
                ),
            )  # fmt: skip

    def record_seen(self, seen: Mapping[str, tuple[str, int, int]]) -> None:
        """Record for each node: last seen, pictures done and failed since the last record."""
        with self._database.transaction() as cursor:
            cursor.executemany(
                "UPDATE nodes SET last_seen = ?, done = done + ?, failed = failed + ? WHERE name = ?",
                [(last_seen, done, failed, name) for name, (last_seen, done, failed) in seen.items()],
            )

    def record_left(self, reasons: Mapping[str, str]) -> None:
        """Record for each node why it left; an empty reason: it is back."""
        with self._database.transaction() as cursor:
            cursor.executemany(
                "UPDATE nodes SET left_reason = ? WHERE name = ?",
                [(reason, name) for name, reason in reasons.items()],
            )

    def remove(self, name: str) -> None:
        """Keep the node as removed only; its name is free again."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO removed_nodes (public_nkey, name, token_id, fingerprint, host, first_seen, last_seen, "
                "removed_at, done, failed) SELECT public_nkey, name, token_id, fingerprint, host, first_seen, "
                "last_seen, ?, done, failed FROM nodes WHERE name = ?",
                (now_iso(), name),
            )
            cursor.execute("DELETE FROM nodes WHERE name = ?", (name,))

    def forget(self, name: str) -> None:
        """Delete the node: nothing is kept of it, its name is free again."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM nodes WHERE name = ?", (name,))

    def approve(self, name: str) -> None:
        """A person let the node in."""
        with self._database.transaction() as cursor:
            cursor.execute("UPDATE nodes SET approved = 1 WHERE name = ?", (name,))

    def desire(self, name: str, desired: Desired) -> None:
        """Remember what is desired of the node."""
        with self._database.transaction() as cursor:
            cursor.execute("UPDATE nodes SET wish = ? WHERE name = ?", (desired, name))

    def set_fingerprint(self, name: str, fingerprint: str) -> None:
        """Note the machine of a node that joined before machines had fingerprints."""
        with self._database.transaction() as cursor:
            cursor.execute("UPDATE nodes SET fingerprint = ? WHERE name = ?", (fingerprint, name))

    def set_release(self, name: str, release: str) -> None:
        """Note the release of manyeyes that the node runs now."""
        with self._database.transaction() as cursor:
            cursor.execute("UPDATE nodes SET release = ? WHERE name = ?", (release, name))
