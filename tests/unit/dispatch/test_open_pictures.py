"""Pictures in memory: their limits, and how much of one a node may fetch."""

from __future__ import annotations

import asyncio

import pytest

from manyeyes.config import Limits
from manyeyes.contract import ChunkQuery
from manyeyes.dispatch.open_pictures import MOST_FETCHED, OpenPictures
from manyeyes.dispatch.order import Order
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.errors import Busy, TaskLost, Unavailable

ORDER = Order("recognize", "p@1")


def test_room_is_counted_in_pictures_and_bytes_and_given_back() -> None:
    async def body() -> None:
        pictures = OpenPictures(Limits(max_held_bytes=10, max_waiting=2))
        pictures.check_room(99)  # a single one is always taken
        pictures.add(ORDER.task("1", 8), bytes(8), PictureTrace(0.0), 0.0)
        with pytest.raises(Busy, match="1 pictures"):
            pictures.check_room(3)
        pictures.add_probe(ORDER.task("2", 8), bytes(8), 0.0)
        assert pictures.held_bytes == 8
        with pytest.raises(Busy, match="2 pictures"):
            pictures.check_room(1)
        pictures.pop("2")
        pictures.pop("1")
        assert (pictures.held_bytes, len(pictures)) == (0, 0)
        pictures.closing = True
        with pytest.raises(Unavailable):
            pictures.check_room(1)

    asyncio.run(body())


def test_a_node_fetches_a_picture_a_few_times_and_no_more() -> None:
    async def body() -> None:
        pictures = OpenPictures(Limits())
        size = 400_000
        pictures.add(ORDER.task("1", size), bytes(size), PictureTrace(0.0), 0.0)
        query = ChunkQuery(task_id="1.2", offset=0, most_bytes=size)
        for _ in range(MOST_FETCHED):
            assert pictures.chunk("a", query) == (bytes(size), size)
        with pytest.raises(TaskLost, match="3 times"):
            pictures.chunk("a", query)
        assert pictures.chunk("b", query)[1] == size

    asyncio.run(body())
