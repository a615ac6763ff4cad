"""Routes for commands on nodes, files of their exchange folders, and the audit log."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from manyeyes.access.audit import PAGE_ENTRIES
from manyeyes.api.audit import AuditEntries, AuditEntry, AuditVerdict
from manyeyes.api.commands import ANSWER_HEADER, ExecError, ExecLine, ExecRequest, FileRequest
from manyeyes.contract import CHUNK_BYTES, Ended, ExecOrder, FileOrder, FileReply
from manyeyes.errors import BadRequest, ExecRefused, FileTrouble, ManyeyesError, NodeAway, NodeNotFound
from manyeyes.fleet.calls import Part
from manyeyes.gateway.dependencies import ADMIN, Admin, NodeName, Operator, TheMaster
from manyeyes.gateway.described_content import BINARY, content_of, lines_of
from manyeyes.gateway.jsonlines import JsonLines, json_line
from manyeyes.gateway.problems import failures
from manyeyes.master.composition import Master

router = APIRouter(tags=["commands and audit"])
MAX_COMMAND_BYTES = 512 * 1024


@router.post(
    "/v1/nodes/{node}/exec",
    response_class=StreamingResponse,
    responses={
        **lines_of(ExecLine, "Output while it comes, signs of life, at last how the command ended."),
        **failures(BadRequest, ExecRefused, NodeNotFound, NodeAway),
    },
)
async def exec_on_node(master: TheMaster, node: NodeName, body: ExecRequest, who: Admin) -> Response:
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
        raise ManyeyesError(f"node {node} gave an answer that cannot be read") from error


@router.post(
    "/v1/nodes/{node}/files",
    response_model=FileReply,
    response_class=Response,
    openapi_extra={"requestBody": {"content": {"application/octet-stream": BINARY}}},
    responses={
        200: {
            "description": "What came of the step. For `read` the body is the chunk, and what came of the step stands "
            f"in the header `{ANSWER_HEADER}`.",
            "content": {**content_of(FileReply), "application/octet-stream": BINARY},
        },
        **failures(BadRequest, NodeNotFound, NodeAway, FileTrouble),
    },
)
async def file_of_node(
    master: TheMaster, node: NodeName, request: Request, body: Annotated[FileRequest, Query()], who: Operator
) -> Response:
    """One step with a file of the exchange folder; a chunk travels as the body, either way."""
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > CHUNK_BYTES:
            raise BadRequest(f"a chunk has at most {CHUNK_BYTES} bytes")
    reply, chunk = await master.commands.file(who, node, FileOrder(**body.model_dump()), data)
    if body.kind == "read":
        headers = {ANSWER_HEADER: reply.model_dump_json()}
        return Response(chunk, media_type="application/octet-stream", headers=headers)
    return Response(reply.model_dump_json(), media_type="application/json")


@router.get("/v1/audit", dependencies=[ADMIN])
async def audit(
    master: TheMaster,
    after: Annotated[int, Query(ge=0, description="The number of the last entry that is known.")] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE_ENTRIES, description="How many at most.")] = 1000,
) -> AuditEntries:
    """Entries of the audit log above number `after`, oldest first."""
    entries = master.audit.entries(after, limit)
    return AuditEntries(entries=tuple(AuditEntry.model_validate(entry) for entry in entries))


@router.get("/v1/audit/verify", dependencies=[ADMIN])
async def verify_audit(master: TheMaster) -> AuditVerdict:
    """Whether the chain of the audit log is whole."""
    return master.audit.verify()


async def _exec_lines(master: Master, who: str, node: str, order: ExecOrder) -> AsyncGenerator[bytes, None]:
    """Raises what goes wrong before the command began; later it is a line."""
    begun = False
    try:
        async with master.commands.exec(who, node, order) as parts:
            async for part in parts:
                begun = True
                yield _line(part)
    except ManyeyesError as error:
        if not begun:
            raise
        yield json_line(ExecLine(error=ExecError(code=error.code, detail=error.detail)))


def _line(part: Part) -> bytes:
    answer, data = part
    if answer.ended:
        return json_line(ExecLine(ended=_whole(answer.ended)))
    if answer.stream:
        return json_line(ExecLine(stream=answer.stream, data=base64.b64encode(data).decode()))
    return json_line(ExecLine(alive=True))


def _whole(ended: Ended) -> Ended:
    """With every field set, so that the line names all of them."""
    return Ended(**ended.model_dump())
