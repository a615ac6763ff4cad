"""Who may connect to the engine: its configuration file lists every key."""

from __future__ import annotations

import time

from manyeyes import contract, identity
from manyeyes.broker.engine import Engine
from manyeyes.broker.topology import EngineSettings, JoinUser, NodeUser, render_config
from manyeyes.identity import NKey
from manyeyes.store.credentials import CredentialRepository
from manyeyes.store.nodes import NodeRepository


class EngineUsers:
    """The keys that the engine accepts, written from the rows of nodes and tokens.

    Args:
        key: the master's own.
    """

    def __init__(
        self,
        settings: EngineSettings,
        nodes: NodeRepository,
        credentials: CredentialRepository,
        engine: Engine,
        key: NKey,
    ) -> None:
        self._nodes = nodes
        self._credentials = credentials
        self._settings = settings
        self._engine = engine
        self._key = key
        self.usage_key = identity.make_nkey()
        self._names: dict[str, str] = {}
        self._out: frozenset[str] = frozenset()

    def name_of(self, public_nkey: str) -> str | None:
        """Whose key it is: a node's name, or what `contract.join_name` calls a token's holder."""
        return self._names.get(public_nkey)

    def write(self) -> None:
        """Write the file; the engine reads it at its start and when it reloads."""
        nodes = [
            NodeUser(row.public_nkey, row.name, row.approved)
            for row in self._nodes.all()
            if row.name not in self._out
        ]
        joins = [
            JoinUser(row.public_nkey, row.token_id)
            for row in self._credentials.tokens()
            if row.expires_at >= time.time() and contract.join_name(row.token_id) not in self._out
        ]
        self._names = {node.public_nkey: node.name for node in nodes}
        self._names |= {join.public_nkey: contract.join_name(join.token_id) for join in joins}
        text = render_config(self._settings, self._key.public, self.usage_key.public, nodes, joins)
        identity.write_private(self._engine.config, text.encode())

    def reload(self) -> None:
        """Write the file and reload the running engine."""
        self.write()
        self._engine.reload()

    def keep_out(self, names: frozenset[str]) -> None:
        """Refuse exactly these, and accept everybody else again.

        Args:
            names: of nodes, and `join-` with the ids of tokens.
        """
        self._out = names
        self.reload()
