"""Work for a node may fail; the master goes on."""

from __future__ import annotations

import asyncio

from manyeyes.master.background import spawning


def test_work_that_fails_ends_alone() -> None:
    done: list[str] = []

    async def work(name: str, error: Exception | None = None) -> None:
        if error is not None:
            raise error
        done.append(name)

    async def scene() -> None:
        async with asyncio.TaskGroup() as group:
            spawn = spawning(group)
            failed = spawn(work("bad", RuntimeError("torn")), "bad-work")
            spawn(work("good"), "good-work")
        assert failed.get_name() == "bad-work" and failed.exception() is None

    asyncio.run(scene())
    assert done == ["good"]
