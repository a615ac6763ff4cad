"""Routes for commands on nodes, files of their exchange folders, and the audit log."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from manyeyes.access.audit import PAGE_ENTRIES
from manyeyes.contract import CHUNK_BYTES, ExecOrder, FileOrder
from manyeyes.errors import BadRequest, ManyeyesError
from manyeyes.fleet.calls import Part
from manyeyes.gateway.jsonlines import JsonLines
from manyeyes.master.composition import Master

ANSWER_HEADER = "Me-Answer"
MAX_TIMEOUT_S = 86_400.0
MAX_COMMAND_BYTES = 512 * 1024
_MAX_ARGUMENT_CHARACTERS = 131_072


class ExecRequest(BaseModel):
    """A command for a node."""

    args: list[Annotated[str, Field(max_length=_MAX_ARGUMENT_CHARACTERS)]] = Field(
        min_length=1, max_length=1000
    )
    shell: bool = False
    timeout_s: float = Field(60, gt=0, le=MAX_TIMEOUT_S)


class FileRequest(BaseModel):
    """One step with a file; see `contract.FileOrder`."""

    kind: Literal["list", "digest", "read", "put"]
    name: str = Field(max_length=1000)
    offset: int = Field(0, ge=0)
    size_bytes: int = Field(0, ge=0)
    sha256: str = Field("", pattern="^(?:[0-9a-f]{64})?$")
    zipped: bool = False
    executable: bool = False


def add_orders(app: FastAPI, master: Master, operator: Any, admin: Any) -> None:
    """Add the routes; `operator` and `admin` are dependencies that ask for that role and give the key's name."""

    @app.post("/v1/nodes/{node}/exec", response_class=StreamingResponse)
    async def exec_on_node(node: str, body: ExecRequest, who: str = admin) -> Response:
        """Run a command; the answer is JSON lines: output in base64, signs of life, at last how it ended."""
        if any("\0" in argument for argument in body.args):
            raise BadRequest("an argument holds a NUL character; no command can be given one")
        order = ExecOrder(args=tuple(body.args), shell=body.shell, timeout_s=body.timeout_s)
        if (size := len(order.wire())) > MAX_COMMAND_BYTES:
            raise BadRequest(
                f"the command has {size} bytes, the limit is {MAX_COMMAND_BYTES}; put a file and name it"
            )
        lines = _exec_lines(master, who, node, order)
        try:
            return JsonLines(lines, await anext(lines))
        except StopAsyncIteration as error:
            raise ManyeyesError(f"node {node} did not answer as agreed") from error

    @app.post("/v1/nodes/{node}/files")
    async def file_of_node(
        node: str, request: Request, body: Annotated[FileRequest, Query()], who: str = operator
    ) -> Response:
        """One step with a file of the exchange folder; a chunk travels as the body, either way."""
        data = b""
        async for part in request.stream():
            data += part
            if len(data) > CHUNK_BYTES:
                raise BadRequest(f"a chunk has at most {CHUNK_BYTES} bytes")
        reply, chunk = await master.orders.file(who, node, FileOrder(**body.model_dump()), data)
        if body.kind == "read":
            headers = {ANSWER_HEADER: reply.model_dump_json()}
            return Response(chunk, media_type="application/octet-stream", headers=headers)
        return Response(reply.model_dump_json(), media_type="application/json")

    @app.get("/v1/audit", dependencies=[admin])
    async def audit(
        after: Annotated[int, Query(ge=0)] = 0, limit: Annotated[int, Query(ge=1, le=PAGE_ENTRIES)] = 1000
    ) -> dict[str, Any]:
        """Entries of the audit log above number `after`, oldest first."""
        return {"entries": [asdict(entry) for entry in master.audit.entries(after, limit)]}

    @app.get("/v1/audit/verify", dependencies=[admin])
    async def verify() -> dict[str, Any]:
        """Whether the chain of the audit log is whole."""
        return asdict(master.audit.verify())


async def _exec_lines(master: Master, who: str, node: str, order: ExecOrder) -> AsyncGenerator[bytes, None]:
    """Raises what goes wrong before the command began; later it is a line."""
    begun = False
    try:
        async with master.orders.exec(who, node, order) as parts:
            async for part in parts:
                begun = True
                yield _line(part)
    except ManyeyesError as error:
        if not begun:
            raise
        yield _json({"error": {"code": error.code, "detail": error.detail}})


def _line(part: Part) -> bytes:
    answer, data = part
    if answer.ended:
        return _json({"ended": answer.ended.model_dump()})
    if answer.stream:
        return _json({"stream": answer.stream, "data": base64.b64encode(data).decode()})
    return _json({"alive": True})


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value).encode() + b"\n"
