"""A picture that comes twice under one key is worked on once, and memory of it is bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from manyeyes.dispatch import idempotency
from manyeyes.dispatch.idempotency import KeptAnswers
from manyeyes.errors import Busy, DamagedPicture, IdempotencyMismatch, ManyeyesError


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(idempotency, "time", made)
    return made


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)


def future() -> asyncio.Future[str]:
    return asyncio.get_running_loop().create_future()


def ended(memory: KeptAnswers[str], key: str, size_bytes: int = 10) -> None:
    made = future()
    entry = memory.remember(key, "f", made, "trace")
    made.set_result(key)
    memory.ended(entry, size_bytes)


def test_the_same_picture_under_the_same_key_is_found_before_and_after_its_end(clock: Clock) -> None:
    async def scene() -> None:
        memory: KeptAnswers[str] = KeptAnswers(60.0, 1000)
        assert memory.recall("k", "f") is None
        made = future()
        entry = memory.remember("k", "f", made, "trace")
        clock.now += 1000
        found = memory.recall("k", "f")
        assert found is entry and found.trace_id == "trace" and not found.future.done()
        made.set_result("answer")
        memory.ended(entry, 10)
        clock.now += 60
        assert memory.recall("k", "f") is entry
        clock.now += 1
        assert memory.recall("k", "f") is None

    play(scene())


def test_another_picture_under_the_same_key_is_refused(clock: Clock) -> None:
    async def scene() -> None:
        memory: KeptAnswers[str] = KeptAnswers(60.0, 1000)
        ended(memory, "k")
        with pytest.raises(IdempotencyMismatch, match="'k'"):
            memory.recall("k", "another")
        clock.now += 61
        assert memory.recall("k", "another") is None

    play(scene())


@pytest.mark.parametrize(("error", "again"), [(Busy("full"), True), (DamagedPicture("cut short"), False)])
def test_what_failed_for_a_while_may_be_tried_again_and_what_failed_for_good_stays_so(
    error: ManyeyesError, again: bool
) -> None:
    async def scene() -> None:
        memory: KeptAnswers[str] = KeptAnswers(60.0, 1000)
        made = future()
        entry = memory.remember("k", "f", made, "")
        made.set_exception(error)
        memory.ended(entry, 0)
        assert (memory.recall("k", "f") is None) == again

    play(scene())


def test_the_oldest_answers_go_first_and_open_pictures_never() -> None:
    async def scene() -> None:
        memory: KeptAnswers[str] = KeptAnswers(60.0, 25)
        memory.remember("open", "f", future(), "")
        for key in "abc":
            ended(memory, key)
        assert memory.recall("open", "f") is not None
        assert [key for key in "abc" if memory.recall(key, "f")] == ["b", "c"]
        ended(memory, "huge", 1000)
        assert [key for key in ("b", "c", "huge") if memory.recall(key, "f")] == []
        assert memory.recall("open", "f") is not None

    play(scene())


def test_keys_are_few_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idempotency, "MOST_KEYS", 3)

    async def scene() -> None:
        memory: KeptAnswers[str] = KeptAnswers(60.0, 1000)
        for key in "abcd":
            ended(memory, key, 0)
        assert [key for key in "abcd" if memory.recall(key, "f")] == ["c", "d"]

    play(scene())
