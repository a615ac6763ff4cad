"""How nodes stand with the registry: approved or waiting, what is desired of them, removed for ever."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.contract import Desired
from manyeyes.errors import NodeNotFound
from manyeyes.store.database import NodeRow, Registry, now_iso


@dataclass(frozen=True)
class RemovedNode:
    """A node that was cut off; its key never works again."""

    name: str
    fingerprint: str
    removed_at: str


class NodeStore:
    """The nodes' rows of the registry; each change is one transaction."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def node(self, name: str) -> NodeRow:
        """One node.

        Raises:
            NodeNotFound: none of that name, or it was removed.
        """
        row = next((row for row in self._registry.nodes() if row.name == name), None)
        if row is not None:
            return row
        gone = [node for node in self.removed() if node.name == name]
        if gone:
            raise NodeNotFound(
                f"node {name!r} was removed at {gone[-1].removed_at}; 'manyeyes nodes list' shows who is there"
            )
        raise NodeNotFound(f"no node is called {name!r}; 'manyeyes nodes list' shows who is there")

    def same_host(self, row: NodeRow) -> tuple[str, ...]:
        """Names of other nodes, removed ones included, on the machine of this one."""
        if not row.fingerprint:
            return ()
        others = [other.name for other in self._registry.nodes() if other.fingerprint == row.fingerprint]
        others += [
            f"{other.name} (removed)" for other in self.removed() if other.fingerprint == row.fingerprint
        ]
        return tuple(name for name in others if name != row.name)

    def removed(self) -> list[RemovedNode]:
        """All that were removed, in that order."""
        rows = self._registry.read(
            "SELECT name, fingerprint, removed_at FROM removed_nodes ORDER BY removed_at, rowid"
        )
        return [RemovedNode(*row) for row in rows]

    def removed_key(self, public_nkey: str) -> RemovedNode | None:
        """Whose key it was, if its node was removed."""
        rows = self._registry.read(
            "SELECT name, fingerprint, removed_at FROM removed_nodes WHERE public_nkey = ?", public_nkey
        )
        return RemovedNode(*rows[0]) if rows else None

    def remove(self, name: str) -> None:
        """Keep the node as removed only; its name is free again."""
        with self._registry.transaction() as cursor:
            cursor.execute(
                "INSERT INTO removed_nodes (public_nkey, name, token_id, fingerprint, host, first_seen, last_seen, "
                "removed_at, done, failed) SELECT public_nkey, name, token_id, fingerprint, host, first_seen, "
                "last_seen, ?, done, failed FROM nodes WHERE name = ?",
                (now_iso(), name),
            )
            cursor.execute("DELETE FROM nodes WHERE name = ?", (name,))

    def approve(self, name: str) -> None:
        """A person let the node in."""
        with self._registry.transaction() as cursor:
            cursor.execute("UPDATE nodes SET approved = 1 WHERE name = ?", (name,))

    def desire(self, name: str, desired: Desired) -> None:
        """Remember what is desired of the node."""
        with self._registry.transaction() as cursor:
            cursor.execute("UPDATE nodes SET wish = ? WHERE name = ?", (desired, name))

    def fingerprint(self, name: str, fingerprint: str) -> None:
        """Note the machine of a node that joined before machines had fingerprints."""
        with self._registry.transaction() as cursor:
            cursor.execute("UPDATE nodes SET fingerprint = ? WHERE name = ?", (fingerprint, name))
