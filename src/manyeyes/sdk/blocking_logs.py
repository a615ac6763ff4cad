"""`Logs` for code without an event loop."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from manyeyes.sdk.logs import LogLine, LogPage, Logs, Trace


class BlockingLogs:
    """Reads logs; made by `Client.logs`. Arguments, answers and errors are those of `Logs`.

    Args:
        run: runs a coroutine to its end.
    """

    def __init__(self, logs: Logs, run: Callable[[Coroutine[Any, Any, Any]], Any]) -> None:
        self._logs = logs
        self._run = run

    def list(self, **wanted: Any) -> LogPage:
        """See `Logs.list`."""
        page: LogPage = self._run(self._logs.list(**wanted))
        return page

    def follow(self, **wanted: Any) -> Iterator[LogLine]:
        """See `Logs.follow`."""
        lines = self._logs.follow(**wanted)

        async def following() -> LogLine | None:
            return await anext(lines, None)

        try:
            while (line := self._run(following())) is not None:
                yield line
        finally:
            self._run(lines.aclose())

    def trace(self, trace_id: str) -> Trace:
        """See `Logs.trace`."""
        trace: Trace = self._run(self._logs.trace(trace_id))
        return trace
