"""The logs end when their master does, and begin again after anything else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from manyeyes.config import LogSettings
from manyeyes.monitoring.logs import service as log_service
from manyeyes.monitoring.logs.service import LogService


def test_logs_that_fail_while_they_are_cancelled_end_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        link: Any = None
        logs, begun = LogService(link, LogSettings(), tmp_path), asyncio.Event()

        async def failing_at_the_end() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                raise OSError("the engine is gone")

        monkeypatch.setattr(logs, "_take_in", failing_at_the_end)
        for name in ("_send_own", "_tell_dropped", "_follow_stream", "_tidy"):
            monkeypatch.setattr(logs, name, asyncio.Event().wait)
        running = asyncio.create_task(logs.run())
        await begun.wait()
        running.cancel()
        done, _ = await asyncio.wait([running], timeout=2)
        assert done

    asyncio.run(main())


def test_logs_that_fail_begin_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_service, "_AGAIN_S", 0.0)

    async def main() -> None:
        link: Any = None
        logs, times = LogService(link, LogSettings(), tmp_path), 0

        async def work() -> None:
            nonlocal times
            times += 1
            if times == 3:
                await asyncio.Event().wait()
            raise OSError("the engine is gone")

        monkeypatch.setattr(logs, "_work", work)
        running = asyncio.create_task(logs.run())
        while times < 3:
            await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
