"""The logs of all machines, and the trace of one picture."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import Any

from manyeyes.api.logs import (
    FollowedLine,
    FollowWanted,
    LinesWanted,
    LogLevel,
    LogLine,
    LogPage,
    PageWanted,
    Trace,
)
from manyeyes.errors import Unavailable
from manyeyes.sdk.calls import Call, Stream
from manyeyes.sdk.parsing import parsed
from manyeyes.sdk.urls import quoted

_SILENCE_S = 30.0
"""Read time-out; the master sends a sign of life every 10 s."""


class Logs:
    """Reads logs; made by `AsyncClient.logs`. Needs the role `operator`, except for `trace`."""

    def __init__(self, call: Call, stream: Stream) -> None:
        self._call = call
        self._stream = stream

    async def list(
        self,
        *,
        machine: str = "",
        level: LogLevel | None = None,
        text: str = "",
        trace_id: str = "",
        since: datetime | str = "",
        before: datetime | str = "",
        limit: int = 200,
        cursor: str = "",
        brief: bool = False,
    ) -> LogPage:
        """Log lines of all machines that match, newest last: the newest ones, or those next to a cursor.

        Args:
            machine: a node's name, or `master`.
            level: the lowest level to return.
            text: text that a line contains, in any case.
            since: a point in time, or how long ago: `10m`, `2h`, `1d`. The same for `before`.
            limit: at most 1000.
            brief: one line a picture: attempts of nodes only if they crashed; without meaning where a machine, a text
                or a trace is given.
            cursor: `newer` or `older` of an earlier page; the other arguments must be the same.

        Raises:
            BadRequest: the search would take too long, or a time is not valid.
            NodeNotFound: there is no such machine.
        """
        wanted = PageWanted.model_construct(
            machine=machine,
            level=level or "",
            text=text,
            trace=trace_id,
            since=_moment(since),
            before=_moment(before),
            cursor=cursor,
            brief=brief,
        )
        response = await self._call("GET", "/v1/logs", params=_params(wanted, limit))
        return parsed(LogPage, response.content)

    async def follow(
        self,
        *,
        machine: str = "",
        level: LogLevel | None = None,
        text: str = "",
        trace_id: str = "",
        since: datetime | str = "",
        limit: int = 50,
        brief: bool = False,
    ) -> AsyncGenerator[LogLine, None]:
        """The newest `limit` lines that match, then new ones as they arrive, until the iterator is closed.

        A line arrives within a second or two of its event.

        Raises:
            Unavailable: the connection to the master was lost, or the master stopped sending.
            Busy: too many clients follow already.
            NodeNotFound: there is no such machine.
        """
        wanted = FollowWanted.model_construct(
            machine=machine,
            level=level or "",
            text=text,
            trace=trace_id,
            since=_moment(since),
            brief=brief,
        )
        async with (
            self._stream("/v1/logs/follow", _params(wanted, limit), _SILENCE_S) as response,
            aclosing(response.aiter_lines()) as lines,  # type: ignore[type-var]
        ):
            async for raw in lines:
                if line := parsed(FollowedLine, raw.encode()).line:
                    yield line
        raise Unavailable("the master ended the stream of log lines; is it being stopped? follow again")

    async def trace(self, trace_id: str) -> Trace:
        """The whole trace of one picture. A key with the role `user` reads only traces of pictures sent with it.

        Args:
            trace_id: `Result.trace_id`, or `ManyeyesError.trace_id` of a failed picture.

        Raises:
            TraceNotFound: the master has no line of this trace: not yet, or no longer.
        """
        return parsed(Trace, (await self._call("GET", f"/v1/traces/{quoted(trace_id)}")).content)


def _params(wanted: LinesWanted, limit: int) -> dict[str, Any]:
    return {**wanted.model_dump(exclude_defaults=True), "limit": limit}


def _moment(moment: datetime | str) -> str:
    return moment.isoformat() if isinstance(moment, datetime) else moment
