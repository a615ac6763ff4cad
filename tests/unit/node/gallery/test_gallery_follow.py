"""When this node asks for a newer gallery."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from manyeyes.errors import Unavailable
from manyeyes.node.gallery.follow import GalleryFollower


class Galleries:
    """At version 4."""

    version = 4

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.trouble: Exception | None = None

    async def refresh(self, least: int) -> None:
        self.asked.append(least)
        if self.trouble:
            raise self.trouble


def play(*versions: int, trouble: Exception | None = None) -> tuple[list[int], int]:
    """What was asked for, and how often a change was told."""
    galleries, told = Galleries(), []
    galleries.trouble = trouble

    async def scene() -> None:
        spawned: list[asyncio.Task[None]] = []

        def spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
            spawned.append(asyncio.create_task(work, name=name))
            return spawned[-1]

        follower = GalleryFollower(galleries, spawn, lambda: told.append(1))  # type: ignore[arg-type]
        for version in versions:
            follower.heard(version)
        await asyncio.gather(*spawned)

    asyncio.run(scene())
    return galleries.asked, len(told)


def test_only_what_is_newer_is_asked_for() -> None:
    assert play(3, 4, 5) == ([5], 1)


def test_a_master_that_does_not_answer_is_no_end_of_the_node() -> None:
    assert play(5, trouble=Unavailable("no answer")) == ([5], 0)
