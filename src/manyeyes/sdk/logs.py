"""The logs of all machines, and one picture's way through them."""

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

_SILENCE_S = 30.0
"""The master gives a sign of life every ten seconds."""


class Logs:
    """Reads logs; made by `AsyncClient.logs`. Needs the role `operator`, but for `trace`."""

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
    ) -> LogPage:
        """Lines of all machines that fit, the newest last: the newest, or those next to a cursor.

        Args:
            machine: a node's name, or `master`.
            level: that and above.
            text: somewhere in the line, whatever its case.
            since: a moment, or how long ago: `10m`, `2h`, `1d`. `before` too.
            limit: at most 1000.
            cursor: `newer` or `older` of an earlier page; the other arguments must be the same.

        Raises:
            BadRequest: the search would take too long, or a moment is none.
        """
        wanted = PageWanted.model_construct(
            machine=machine,
            level=level or "",
            text=text,
            trace=trace_id,
            since=_moment(since),
            before=_moment(before),
            cursor=cursor,
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
    ) -> AsyncGenerator[LogLine, None]:
        """The newest `limit` lines that fit, then new ones as they come, until left.

        A line is here within a second or two of what it tells.

        Raises:
            Unavailable: the master went away, or fell silent.
            Busy: too many follow already.
        """
        wanted = FollowWanted.model_construct(
            machine=machine, level=level or "", text=text, trace=trace_id, since=_moment(since)
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
        """One picture's whole way. A key with the role `user` reads those of pictures that were sent with it.

        Args:
            trace_id: `Result.trace_id`, or `ManyeyesError.trace_id` of a failed one.

        Raises:
            TraceNotFound: no line of it is here, not yet or not any more.
        """
        return parsed(Trace, (await self._call("GET", f"/v1/traces/{trace_id}")).content)


def _params(wanted: LinesWanted, limit: int) -> dict[str, Any]:
    return {**wanted.model_dump(exclude_defaults=True), "limit": limit}


def _moment(moment: datetime | str) -> str:
    return moment.isoformat() if isinstance(moment, datetime) else moment
