"""Routes about nodes: who is there, who may come in, what they are to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import FastAPI, Query, Response
from fastapi.responses import JSONResponse

from manyeyes.contract import Desired
from manyeyes.fleet.node_list import Sort, Wanted
from manyeyes.master.composition import Master

MOST_IN_A_PAGE = 1000
_DESIRED: dict[str, Desired] = {"pause": "pause", "drain": "drain", "resume": ""}


def add_nodes(app: FastAPI, master: Master, operator: Any) -> None:
    """Add every route about nodes; `operator` is a dependency that asks for that role and gives the key's name.

    What is asked of a node is in the audit log before it is done.
    """

    def record(who: str, word: str, name: str) -> None:
        master.node_service.node(name)
        master.audit.record(who, word, node=name, outcome="asked")

    @app.get("/v1/nodes", dependencies=[operator])
    async def nodes(
        search: str = "",
        state: str = "",
        sort: Sort = "name",
        descending: bool = False,
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int | None, Query(ge=1, le=MOST_IN_A_PAGE)] = None,
    ) -> Response:
        """The nodes that ever joined and were not removed.

        With `limit` a page of those that fit; `found` says how many there are on all pages, and `states` how many
        of those that `search` finds are in each state. Without it, all; the other parameters need it.
        """
        if limit is None:
            return JSONResponse({"nodes": master.nodes.all()})
        return JSONResponse(master.nodes.some(Wanted(search, state, sort, descending, offset, limit)))

    @app.get("/v1/nodes/{name}", dependencies=[operator])
    async def node(name: str) -> dict[str, Any]:
        """One node."""
        return master.nodes.one(name)

    @app.delete("/v1/nodes/{name}", status_code=204)
    async def remove(name: str, who: str = operator) -> Response:
        """Cut a node off; its key never works again."""
        record(who, "remove", name)
        await master.node_service.remove(name)
        return Response(status_code=204)

    @app.post("/v1/nodes/{name}/approve")
    async def approve(name: str, who: str = operator) -> dict[str, Any]:
        """Let a node in that waits for approval."""
        record(who, "approve", name)
        await master.node_service.approve(name)
        return master.nodes.one(name)

    @app.post("/v1/nodes/{name}/shutdown")
    async def shutdown(name: str, who: str = operator) -> dict[str, Any]:
        """Have a node finish what it holds, leave and end."""
        record(who, "shutdown", name)
        await master.node_service.shutdown(name)
        return master.nodes.one(name)

    def desiring(word: str, desired: Desired) -> Callable[[str, str], Awaitable[dict[str, Any]]]:
        async def tell(name: str, who: str = operator) -> dict[str, Any]:
            """Have a node work, pause or be drained from now on; the answer shows it as it is then."""
            record(who, word, name)
            await master.node_service.desire(name, desired)
            return master.nodes.one(name)

        return tell

    for word, desired in _DESIRED.items():
        app.post(f"/v1/nodes/{{name}}/{word}", name=word)(desiring(word, desired))
