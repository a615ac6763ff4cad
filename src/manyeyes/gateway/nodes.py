"""Routes about nodes: who is there, who may come in, what they are to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from fastapi import FastAPI, Response

from manyeyes.contract import Wish
from manyeyes.master.service import Master

_WISHES: dict[str, Wish] = {"pause": "pause", "drain": "drain", "resume": ""}


def add_nodes(app: FastAPI, master: Master, operator: Sequence[Any]) -> None:
    """Add every route about nodes; `operator` are the dependencies that ask for that role."""

    @app.get("/v1/nodes", dependencies=operator)
    async def nodes() -> dict[str, Any]:
        """All nodes that ever joined and were not removed."""
        return {"nodes": master.nodes()}

    @app.get("/v1/nodes/{name}", dependencies=operator)
    async def node(name: str) -> dict[str, Any]:
        """One node."""
        return master.node(name)

    @app.delete("/v1/nodes/{name}", dependencies=operator, status_code=204)
    async def remove(name: str) -> Response:
        """Cut a node off; its key never works again."""
        await master.remove_node(name)
        return Response(status_code=204)

    @app.post("/v1/nodes/{name}/{word}", dependencies=operator)
    async def tell(
        name: str, word: Literal["approve", "pause", "drain", "resume", "shutdown"]
    ) -> dict[str, Any]:
        """Have a node do what the word says; the answer shows it as it is then."""
        office = master.nodes_office
        if word == "approve":
            await office.approve(name)
        elif word == "shutdown":
            await office.shutdown(name)
        else:
            await office.wish(name, _WISHES[word])
        return master.node(name)
