"""Routes about nodes: who is there, who may come in, what they are to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

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

    @app.post("/v1/nodes/{name}/approve", dependencies=operator)
    async def approve(name: str) -> dict[str, Any]:
        """Let a node in that waits for approval."""
        await master.nodes_office.approve(name)
        return master.node(name)

    @app.post("/v1/nodes/{name}/shutdown", dependencies=operator)
    async def shutdown(name: str) -> dict[str, Any]:
        """Have a node finish what it holds, leave and end."""
        await master.nodes_office.shutdown(name)
        return master.node(name)

    for word, wish in _WISHES.items():
        app.post(f"/v1/nodes/{{name}}/{word}", dependencies=operator, name=word)(_wishing(master, wish))


def _wishing(master: Master, wish: Wish) -> Callable[[str], Awaitable[dict[str, Any]]]:
    async def tell(name: str) -> dict[str, Any]:
        """Have a node work, pause or be drained from now on; the answer shows it as it is then."""
        await master.nodes_office.wish(name, wish)
        return master.node(name)

    return tell
