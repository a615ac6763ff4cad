"""How many workers the memory allows, and how they go over to another pack."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from manyeyes.config import MEBIBYTE, NodeSettings
from manyeyes.node import pack_workers
from manyeyes.node.availability.decision import PICTURE_BYTES
from manyeyes.node.pack_workers import PackWorkers
from manyeyes.node.packs.environment import OWN
from manyeyes.node.packs.launch import Launch
from manyeyes.node.worker.pace import Pace

nothing: Any = None
PACK = Launch(Path("/pack"), "p@1", "sha", nothing)
NEWER = Launch(Path("/newer"), "p@2", "sha2", nothing)


class Slot:
    """Goes over when it may."""

    def __init__(self, index: int, log: list[str]) -> None:
        self.index, self.log = index, log
        self.may = asyncio.Event()
        self.may.set()

    async def switch(self, launch: Launch) -> None:
        self.log.append(f"{self.index} begins")
        await self.may.wait()
        self.log.append(f"{self.index} runs {launch.pack}")


@pytest.fixture
def workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PackWorkers:
    return made(tmp_path, monkeypatch, None)


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, memory_bytes: int | None) -> PackWorkers:
    monkeypatch.setenv("MANYEYES_NODE_WORKER_GROWTH_BYTES", "1")  # so that it is put back afterwards
    monkeypatch.setattr(
        pack_workers, "manifest", SimpleNamespace(read=lambda _: SimpleNamespace(memory_mb=100))
    )
    settings = NodeSettings(data=folder, workers=3, memory="200M")
    return PackWorkers(settings, memory_bytes, nothing, Pace(), nothing, lambda: None)


def test_there_are_no_slots_before_the_pack_is_here(workers: PackWorkers) -> None:
    assert workers.slots == () and workers.interpreter == OWN
    workers.make_pool(PACK)
    assert workers.pool is not None and workers.interpreter is PACK.interpreter and workers.too_little == ""


def test_a_memory_that_is_too_little_for_one_worker_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = made(tmp_path, monkeypatch, 200 * MEBIBYTE)
    warned: list[str] = []
    log = SimpleNamespace(
        info=lambda _, **facts: None, warning=lambda event, why: warned.append(f"{event}: {why}")
    )
    monkeypatch.setattr(pack_workers, "log", lambda: log)
    workers.make_pool(PACK)
    needs = 100 + (PICTURE_BYTES >> 20)
    assert workers.too_little == f"--memory 200M is too little for one worker of p@1, which needs {needs}M"
    assert warned == [f"this node takes no pictures: {workers.too_little}"], "in its terminal too"


def test_workers_go_over_to_another_pack_one_after_the_other(workers: PackWorkers) -> None:
    async def scene() -> list[str]:
        log: list[str] = []
        slots: list[Any] = [Slot(index, log) for index in range(2)]
        workers.make_pool(PACK).slots = slots
        slots[0].may.clear()
        switching = asyncio.create_task(workers.switch(NEWER))
        while not log:
            await asyncio.sleep(0)
        assert log == ["0 begins"]
        slots[0].may.set()
        await switching
        return log

    assert asyncio.run(scene()) == ["0 begins", "0 runs p@2", "1 begins", "1 runs p@2"]
