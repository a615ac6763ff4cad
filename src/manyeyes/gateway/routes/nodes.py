"""Routes about nodes: who is there, who may come in, what they are to do."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from manyeyes.api.nodes import Node, NodePage, NodeSort
from manyeyes.contract import Desired
from manyeyes.errors import NodeAway, NodeNotFound
from manyeyes.fleet.node_list import Wanted
from manyeyes.gateway.dependencies import OPERATOR, NodeName, Operator, TheMaster
from manyeyes.gateway.problems import failures
from manyeyes.master.composition import Master

router = APIRouter(tags=["nodes of the fleet"])
MOST_IN_A_PAGE = 1000
_UNKNOWN = failures(NodeNotFound)


@router.get("/v1/nodes", dependencies=[OPERATOR], response_model_exclude_unset=True)
async def nodes(
    master: TheMaster,
    search: Annotated[
        str, Query(description="Words that are all in a node's name, host, pack, state or reason.")
    ] = "",
    state: Annotated[str, Query(description="Only nodes in that state; empty: all.")] = "",
    sort: Annotated[NodeSort, Query(description="`state` has those first that need a person.")] = "name",
    descending: Annotated[bool, Query(description="Reverses the order.")] = False,
    offset: Annotated[int, Query(ge=0, description="How many are left out at the beginning.")] = 0,
    limit: Annotated[int | None, Query(ge=1, le=MOST_IN_A_PAGE, description="Of a page.")] = None,
) -> NodePage:
    """The nodes that ever joined and were not removed.

    With `limit` a page of those that fit; `found` says how many there are on all pages, and `states` how many
    of those that `search` finds are in each state. Without it, all; the other parameters need it.
    """
    if limit is None:
        return NodePage.model_validate({"nodes": master.nodes.all()})
    wanted = Wanted(search, state, sort, descending, offset, limit)
    return NodePage.model_validate(master.nodes.some(wanted))


@router.get(
    "/v1/nodes/{name}", dependencies=[OPERATOR], response_model_exclude_unset=True, responses=_UNKNOWN
)
async def node(master: TheMaster, name: NodeName) -> Node:
    """One node."""
    return _shown(master, name)


@router.delete("/v1/nodes/{name}", status_code=204, responses=_UNKNOWN)
async def remove_node(master: TheMaster, name: NodeName, who: Operator) -> Response:
    """Cut a node off; its key never works again."""
    await master.node_service.remove(who, name)
    return Response(status_code=204)


@router.post("/v1/nodes/{name}/approve", response_model_exclude_unset=True, responses=_UNKNOWN)
async def approve(master: TheMaster, name: NodeName, who: Operator) -> Node:
    """Let a node in that waits for approval."""
    await master.node_service.approve(who, name)
    return _shown(master, name)


@router.post(
    "/v1/nodes/{name}/shutdown",
    response_model_exclude_unset=True,
    responses=failures(NodeNotFound, NodeAway),
)
async def shutdown(master: TheMaster, name: NodeName, who: Operator) -> Node:
    """Have a node finish what it holds, leave and end."""
    await master.node_service.shutdown(who, name)
    return _shown(master, name)


@router.post("/v1/nodes/{name}/pause", response_model_exclude_unset=True, responses=_UNKNOWN)
async def pause(master: TheMaster, name: NodeName, who: Operator) -> Node:
    """Have a node take no more pictures until `resume`, over its restarts too; the answer shows it as it is then."""
    return await _desire(master, who, name, "pause")


@router.post("/v1/nodes/{name}/drain", response_model_exclude_unset=True, responses=_UNKNOWN)
async def drain(master: TheMaster, name: NodeName, who: Operator) -> Node:
    """Have a node finish what it holds and take no more until `resume`; the answer shows it as it is then."""
    return await _desire(master, who, name, "drain")


@router.post("/v1/nodes/{name}/resume", response_model_exclude_unset=True, responses=_UNKNOWN)
async def resume(master: TheMaster, name: NodeName, who: Operator) -> Node:
    """Have a node work again; the answer shows it as it is then."""
    return await _desire(master, who, name, "")


async def _desire(master: Master, who: str, name: str, desired: Desired) -> Node:
    await master.node_service.desire(who, name, desired)
    return _shown(master, name)


def _shown(master: Master, name: str) -> Node:
    return Node.model_validate(master.nodes.one(name))
