"""Routes for the logs of all machines, and for one picture's way through them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from manyeyes.dispatch.trace import Sender
from manyeyes.errors import BadRequest
from manyeyes.gateway.auth import caller_of
from manyeyes.gateway.jsonlines import JsonLines
from manyeyes.identity import ROLES
from manyeyes.master.composition import Master
from manyeyes.store.logs_index import MOST_LINES, Line, Question
from manyeyes.traces import TRACE_ID

_AGO = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)", re.ASCII)
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_as_json = json.JSONEncoder(separators=(",", ":")).encode
_CURSOR = r"^(?:[no]\d{1,18})?$"


class LinesWanted(BaseModel):
    """Which lines of the logs."""

    machine: str = Field("", max_length=64)
    """A node's name, or `master`."""
    level: Literal["", "debug", "info", "warning", "error", "critical"] = ""
    """That and above."""
    text: str = Field("", max_length=200)
    """Only lines that contain this text, in any case."""
    trace: str = Field("", pattern="^(?:[0-9a-f]{32})?$")
    since: str = Field("", max_length=40)
    """A moment by ISO 8601 or in Unix seconds, or how long ago: 10m, 2h, 1d."""
    before: str = Field("", max_length=40)

    def question(self, now: float) -> Question:
        """What is asked of the index; raises BadRequest."""
        return Question(
            self.machine, self.level, self.text, self.trace, moment(self.since, now), moment(self.before, now)
        )


class PageWanted(LinesWanted):
    """Which lines, and where to begin."""

    limit: int = Field(200, ge=1, le=MOST_LINES)
    cursor: str = Field("", pattern=_CURSOR)
    """`newer` or `older` of an earlier answer; the filters must be the same."""


class FollowWanted(LinesWanted):
    """Which lines, and how many of those that are there already."""

    limit: int = Field(50, ge=0, le=MOST_LINES)


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
            f"{text[:40]!r} is no moment; write 10m, 2h or 1d for so long ago, or 2026-11-26T08:00:00Z"
        ) from error
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def sender_of(request: Request) -> Sender:
    """Who asks, by the API key of the request, or the one that its session came from."""
    caller = caller_of(request)
    return Sender(caller.name, caller.key_id)


def add_logs(app: FastAPI, master: Master, operator: Any, user: Any) -> None:
    """Add the routes; `operator` and `user` are dependencies that ask for that role."""
    logs = master.logs

    @app.get("/v1/logs", dependencies=[operator])
    async def lines(wanted: Annotated[PageWanted, Query()]) -> dict[str, Any]:
        """Lines of all machines, the newest last: the newest, or those next to a `cursor`."""
        side, number = wanted.cursor[:1], int(wanted.cursor[1:] or 0)
        found = await logs.lines(
            wanted.question(time.time()),
            after=(number or -1) if side == "n" else 0,
            until=number if side == "o" else 0,
            limit=wanted.limit,
        )
        return {
            "lines": _documents(found),
            "newer": f"n{found[-1].number}" if found else wanted.cursor if side == "n" else "",
            "older": f"o{found[0].number}" if found else "",
        }

    @app.get("/v1/logs/follow", dependencies=[operator], response_class=StreamingResponse)
    async def follow(wanted: Annotated[FollowWanted, Query()]) -> Response:
        """The newest lines and then new ones as they come, one JSON document a line; `alive` says only that."""
        lines = _followed(master, wanted)
        return JsonLines(lines, await anext(lines))

    @app.get("/v1/traces/{trace_id}", dependencies=[user])
    async def trace(trace_id: str, request: Request) -> dict[str, Any]:
        """One picture's whole way: spans in the order of a waterfall, and the lines they are made of.

        With the role `user`: of pictures that were sent with the same key.
        """
        if not TRACE_ID.fullmatch(trace_id):
            raise BadRequest(
                f"{trace_id[:40]!r} is no trace id; it has 32 of the characters 0 to 9 and a to f"
            )
        caller = caller_of(request)
        only_of = caller.key_id if ROLES.index(caller.role) < ROLES.index("operator") else None
        found = await logs.trace(trace_id, only_of=only_of)
        return {
            "trace_id": found.trace_id,
            "spans": [asdict(span) for span in found.spans],
            "lines": _documents(found.lines),
        }


def _documents(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Lines as the API shows them, by the time of what they tell: some arrive later than others."""
    return [{**vars(line), "at": _iso(line.at)} for line in sorted(lines, key=lambda line: line.at)]


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _followed(master: Master, wanted: FollowWanted) -> AsyncGenerator[bytes, None]:
    async for some in master.logs.follow(wanted.question(time.time()), wanted.limit):
        yield _json_lines([{"line": document} for document in _documents(some)] or [{"alive": True}])


def _json_lines(documents: Sequence[dict[str, Any]]) -> bytes:
    return "".join(f"{_as_json(document)}\n" for document in documents).encode()
