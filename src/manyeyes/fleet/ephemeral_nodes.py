"""Forgets ephemeral nodes when it is time; `ephemeral.py` decides when that is."""

from __future__ import annotations

from manyeyes.errors import ManyeyesError
from manyeyes.fleet.ephemeral import Ephemeral
from manyeyes.fleet.node_service import NodeService
from manyeyes.telemetry import log


class EphemeralNodes:
    """Looks at each tick of the master's clock."""

    def __init__(self, service: NodeService, ephemeral: Ephemeral) -> None:
        self._service = service
        self._ephemeral = ephemeral

    def tick(self, now: float) -> None:
        """Forget the nodes that are due; one that cannot be forgotten now is at a later tick."""
        for name, why in self._ephemeral.due(self._service.ephemeral_states(), now).items():
            try:
                self._service.forget(name, why)
            except ManyeyesError as error:
                log().error("an ephemeral node cannot be forgotten now", node=name, error=error.detail)
