"""Routes for the logs of all machines, and for one picture's way through them."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from manyeyes.api.logs import (
    FollowedLine,
    FollowWanted,
    LinesWanted,
    LogLine,
    LogPage,
    PageWanted,
    Span,
    Trace,
)
from manyeyes.errors import BadRequest, Busy, NodeNotFound, TraceNotFound
from manyeyes.gateway.auth import caller_of
from manyeyes.gateway.dependencies import OPERATOR, USER, TheMaster, sees_all
from manyeyes.gateway.described_content import lines_of
from manyeyes.gateway.jsonlines import JsonLines, json_line
from manyeyes.gateway.problems import failures
from manyeyes.master.composition import Master
from manyeyes.monitoring.logs.service import MACHINE
from manyeyes.store.logs_index import Line, Question
from manyeyes.traces import TRACE_ID

router = APIRouter(tags=["logs and traces"])
_AGO = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)", re.ASCII)
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


@router.get("/v1/logs", dependencies=[OPERATOR], responses=failures(BadRequest, NodeNotFound))
async def log_lines(master: TheMaster, wanted: Annotated[PageWanted, Query()]) -> LogPage:
    """Lines of all machines, the newest last: the newest, or those next to a `cursor`."""
    await _check_machine(master, wanted.machine)
    side, number = wanted.cursor[:1], int(wanted.cursor[1:] or 0)
    found = await master.logs.lines(
        _question(wanted, time.time()),
        after=(number or -1) if side == "n" else 0,
        until=number if side == "o" else 0,
        limit=wanted.limit,
    )
    return LogPage(
        lines=_documents(found),
        newer=f"n{found[-1].number}" if found else wanted.cursor if side == "n" else "",
        older=f"o{found[0].number}" if found else "",
    )


@router.get(
    "/v1/logs/follow",
    dependencies=[OPERATOR],
    response_class=StreamingResponse,
    responses={
        **lines_of(FollowedLine, "The newest lines, then new ones as they come."),
        **failures(BadRequest, NodeNotFound, Busy),
    },
)
async def follow_logs(master: TheMaster, wanted: Annotated[FollowWanted, Query()]) -> Response:
    """The newest lines and then new ones as they come, one JSON document a line; `alive` says only that."""
    await _check_machine(master, wanted.machine)
    lines = _followed(master, wanted)
    return JsonLines(lines, await anext(lines))


@router.get("/v1/traces/{trace_id}", dependencies=[USER], responses=failures(BadRequest, TraceNotFound))
async def trace(
    master: TheMaster, trace_id: Annotated[str, Path(description="`trace_id` of a result.")], request: Request
) -> Trace:
    """One picture's trace: spans in the order of a waterfall, and the lines they are made of.

    With the role `user`: of pictures that were sent with the same key.
    """
    if not TRACE_ID.fullmatch(trace_id):
        raise BadRequest(
            f"{trace_id[:40]!r} is not a trace id; a trace id has 32 characters, 0 to 9 and a to f"
        )
    only_of = None if sees_all(request) else caller_of(request).key_id
    found = await master.logs.trace(trace_id, only_of=only_of)
    spans = tuple(Span.model_validate(span) for span in found.spans)
    return Trace(trace_id=found.trace_id, spans=spans, lines=_documents(found.lines))


def moment(text: str, now: float) -> float | None:
    """Unix time of a moment as a person or a program writes it; None where nothing is said.

    Raises:
        BadRequest: it is none.
    """
    if not text:
        return None
    if found := _AGO.fullmatch(text.strip()):
        return now - float(found[1]) * _UNITS_S[found[2]]
    try:
        return float(text)
    except ValueError:
        pass
    try:
        told = datetime.fromisoformat(text.strip().replace(" ", "T"))
    except ValueError as error:
        raise BadRequest(
            f"{text[:40]!r} is not a time; write 10m, 2h or 1d for that long ago, or 2026-11-26T08:00:00Z"
        ) from error
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _question(wanted: LinesWanted, now: float) -> Question:
    """What is asked of the index; raises BadRequest."""
    since, before = moment(wanted.since, now), moment(wanted.before, now)
    return Question(wanted.machine, wanted.level, wanted.text, wanted.trace, since, before, wanted.brief)


async def _check_machine(master: Master, name: str) -> None:
    """Check that there is such a machine: the master, a node, or one that was removed and whose lines are still here.

    Raises:
        NodeNotFound: there is none.
    """
    if name in ("", MACHINE) or master.nodes.has(name) or await master.logs.has_lines_of(name):
        return
    raise NodeNotFound(
        f"no machine is called {name!r}: 'manyeyes nodes list' shows the nodes; the master's lines are under '{MACHINE}'"
    )


def _documents(lines: Sequence[Line]) -> tuple[LogLine, ...]:
    """Lines as the API shows them, by the time of what they tell: some arrive later than others."""
    return tuple(
        LogLine.model_validate({**vars(line), "at": datetime.fromtimestamp(line.at, UTC)})
        for line in sorted(lines, key=lambda line: line.at)
    )


async def _followed(master: Master, wanted: FollowWanted) -> AsyncGenerator[bytes, None]:
    async for some in master.logs.follow(_question(wanted, time.time()), wanted.limit):
        lines = [json_line(FollowedLine(line=line)) for line in _documents(some)]
        yield b"".join(lines) or json_line(FollowedLine(alive=True))
