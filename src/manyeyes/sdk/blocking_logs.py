"""`Logs` for code without an event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from manyeyes.api.logs import LogLine, LogPage, Trace
from manyeyes.sdk.logs import Logs


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

    def follow(self, **wanted: Any) -> Generator[LogLine, None, None]:
        """See `Logs.follow`."""
        lines = self._logs.follow(**wanted)
        waiting: asyncio.Task[Any] | None = None

        async def following() -> LogLine | None:
            nonlocal waiting
            waiting = asyncio.current_task()
            return await anext(lines, None)

        async def closing() -> None:
            if waiting is not None and not waiting.done():  # Ctrl-C while it waits
                waiting.cancel()
                await asyncio.wait([waiting])
            await lines.aclose()

        try:
            while (line := self._run(following())) is not None:
                yield line
        finally:
            with contextlib.suppress(RuntimeError):  # the client is closed already, and all its connections
                self._run(closing())

    def trace(self, trace_id: str) -> Trace:
        """See `Logs.trace`."""
        trace: Trace = self._run(self._logs.trace(trace_id))
        return trace
