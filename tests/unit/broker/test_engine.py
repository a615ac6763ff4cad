"""What the engine is started with, and what is said when it keeps ending."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from manyeyes.broker.engine import Engine, processors
from manyeyes.errors import Unavailable


@pytest.mark.parametrize(("cores", "taken"), [(1, 1), (2, 1), (4, 1), (8, 2), (64, 16)])
def test_the_engine_leaves_most_cores_to_others(cores: int, taken: int) -> None:
    assert processors(cores) == taken


def test_an_engine_that_failed_for_good_leaves_its_last_words(tmp_path: Path) -> None:
    async def scene() -> None:
        engine = Engine(Path("nats-server"), tmp_path / "nats.conf", ("127.0.0.1", 1))
        engine.log_file.write_text("first\nno room\nbye\nthe end\n")
        waiting = asyncio.create_task(engine.failed_for_good())
        await asyncio.sleep(0)
        assert not waiting.done()
        engine.failed.set()
        with pytest.raises(Unavailable, match=r"no room \| bye \| the end"):
            await waiting

    asyncio.run(scene())
