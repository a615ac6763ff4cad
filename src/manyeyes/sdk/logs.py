"""The logs of all machines, and one picture's way through them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import datetime
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from manyeyes.errors import ManyeyesError, Unavailable

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
_NOT_AGREED = "the master's answer is not of the agreed form; same version on both sides?"
_SILENCE_S = 30.0
"""The master gives a sign of life every ten seconds."""

Call = Callable[..., Awaitable[httpx.Response]]
StreamGet = Callable[[str, dict[str, Any], float], AbstractAsyncContextManager[httpx.Response]]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


_AnswerT = TypeVar("_AnswerT", bound=_Answer)


class LogLine(_Answer):
    """One line of a machine's log; `at` is UTC by the master's clock."""

    number: int
    """Its place in the master's index; later lines have larger ones."""
    at: datetime
    machine: str
    """A node's name, or `master`; `role` tells them apart where a node is called so."""
    role: Literal["master", "node"]
    level: LogLevel
    event: str
    trace_id: str = ""
    """Of the picture that it is about, if any."""
    fields: dict[str, Any] = {}


class LogPage(_Answer):
    """Lines, the newest last; `newer` and `older` are cursors for what comes after and before them."""

    lines: tuple[LogLine, ...]
    newer: str = ""
    older: str = ""
    """Empty where nothing was found."""


class Span(_Answer):
    """A part of a picture's way; `depth` 0 is a picture, deeper ones are parts of the last one less deep."""

    name: str
    machine: str
    start_ms: float
    """Since the beginning of the trace."""
    duration_ms: float
    depth: int
    facts: dict[str, Any] = {}


class Trace(_Answer):
    """One picture's whole way: spans in the order of a waterfall, and the lines that they were made of."""

    trace_id: str
    spans: tuple[Span, ...]
    lines: tuple[LogLine, ...]


class Logs:
    """Reads logs; made by `AsyncClient.logs`. Needs the role `operator`, but for `trace`."""

    def __init__(self, call: Call, stream: StreamGet) -> None:
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
        params = {**_wanted(machine, level, text, trace_id, since, before), "limit": limit}
        response = await self._call(
            "GET", "/v1/logs", params={**params, **({"cursor": cursor} if cursor else {})}
        )
        return _parsed(LogPage, response.content)

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
        params = {**_wanted(machine, level, text, trace_id, since, ""), "limit": limit}
        async with (
            self._stream("/v1/logs/follow", params, _SILENCE_S) as response,
            aclosing(response.aiter_lines()) as lines,  # type: ignore[type-var]
        ):
            async for raw in lines:
                told = json.loads(raw)
                if line := told.get("line"):
                    yield _line(line)
        raise Unavailable("the master ended the stream of log lines; is it being stopped? follow again")

    async def trace(self, trace_id: str) -> Trace:
        """One picture's whole way. A key with the role `user` reads those of pictures that were sent with it.

        Args:
            trace_id: `Result.trace_id`, or `ManyeyesError.trace_id` of a failed one.

        Raises:
            TraceNotFound: no line of it is here, not yet or not any more.
        """
        return _parsed(Trace, (await self._call("GET", f"/v1/traces/{trace_id}")).content)


def _wanted(
    machine: str, level: str | None, text: str, trace_id: str, since: datetime | str, before: datetime | str
) -> dict[str, Any]:
    told = {
        "machine": machine,
        "level": level or "",
        "text": text,
        "trace": trace_id,
        "since": since.isoformat() if isinstance(since, datetime) else since,
        "before": before.isoformat() if isinstance(before, datetime) else before,
    }
    return {name: value for name, value in told.items() if value}


def _line(told: dict[str, Any]) -> LogLine:
    try:
        return LogLine.model_validate(told)
    except ValidationError as error:
        raise ManyeyesError(_NOT_AGREED) from error


def _parsed(model: type[_AnswerT], content: bytes) -> _AnswerT:
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        raise ManyeyesError(_NOT_AGREED) from error
