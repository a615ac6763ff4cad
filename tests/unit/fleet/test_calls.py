"""Calls to nodes: taken once, answered once, stopped when the caller leaves."""

from __future__ import annotations

import asyncio

import pytest

from manyeyes.contract import Answer, Command, Ended, ExecOrder, FileOrder, Order
from manyeyes.errors import Busy, ExecRefused, Unavailable
from manyeyes.fleet import calls as calls_module
from manyeyes.fleet.calls import HELD_BYTES, MAX_CALLS_A_NODE, Calls

ORDER = Order(command=ExecOrder(args=("true",), timeout_s=1))


class Post:
    """What was published."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Command]] = []

    def __call__(self, subject: str, data: bytes) -> None:
        self.sent.append((subject, Command.model_validate_json(data)))

    @property
    def call(self) -> str:
        return self.sent[-1][1].call


def output(call: str, number: int, data: bytes = b"x") -> tuple[Answer, bytes]:
    return Answer(call=call, number=number, stream="stdout"), data


def test_a_call_is_taken_once_and_only_by_its_node() -> None:
    async def main() -> None:
        post = Post()
        calls = Calls(post)
        async with calls.opened("a", ORDER, b"data"):
            assert post.sent == [("me.command.a", Command(call=post.call))]
            with pytest.raises(Unavailable):
                calls.on_take("b", post.call)
            assert calls.on_take("a", post.call) == (ORDER, b"data")
            with pytest.raises(Unavailable):
                calls.on_take("a", post.call)
            assert calls.on_answer("b", *output(post.call, 0)).then == "stop"
        assert post.sent[-1][1].stop
        assert calls.on_answer("a", *output(post.call, 0)).then == "stop"

    asyncio.run(main())


def test_a_part_that_is_sent_again_is_passed_on_once() -> None:
    async def main() -> None:
        post = Post()
        calls = Calls(post)
        async with calls.opened("a", ORDER) as parts:
            assert calls.on_answer("a", *output(post.call, 0)).then == "stop"  # not taken yet
            calls.on_take("a", post.call)
            for number in (0, 0, 1, 0, 1):
                assert calls.on_answer("a", *output(post.call, number)).then == "go-on"
            end = Answer(call=post.call, number=2, ended=Ended(how="exited", status=3))
            assert calls.on_answer("a", end, b"").then == "go-on"
            assert calls.on_answer("a", end, b"").then == "go-on"
            assert calls.on_answer("a", *output(post.call, 3)).then == "stop"
            seen = [(answer.number, data) async for answer, data in parts]
            assert seen == [(0, b"x"), (1, b"x"), (2, b"")]
        assert not post.sent[-1][1].stop

    asyncio.run(main())


def test_a_slow_caller_makes_the_node_wait() -> None:
    async def main() -> None:
        post = Post()
        calls = Calls(post)
        async with calls.opened("a", ORDER) as parts:
            calls.on_take("a", post.call)
            half = b"x" * (HELD_BYTES // 2)
            for number in (0, 1):
                assert calls.on_answer("a", *output(post.call, number, half)).then == "go-on"
            assert calls.on_answer("a", *output(post.call, 2)).then == "again"
            await anext(parts)
            assert calls.on_answer("a", *output(post.call, 2)).then == "go-on"

    asyncio.run(main())


def test_a_refusal_and_a_lost_node_reach_the_caller() -> None:
    async def main() -> None:
        post = Post()
        calls = Calls(post)
        async with calls.opened("a", ORDER) as parts:
            calls.on_take("a", post.call)
            calls.on_answer("a", Answer(call=post.call, number=0, code="exec-refused", detail="no"), b"")
            with pytest.raises(ExecRefused, match="no"):
                await anext(parts)
        async with calls.opened("a", ORDER) as parts:
            calls.node_gone("a", "not heard of")
            with pytest.raises(Unavailable, match="not heard of"):
                await anext(parts)

    asyncio.run(main())


def test_a_silent_node_is_not_awaited_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls_module, "TAKEN_WITHIN_S", 0.01)

    async def main() -> None:
        async with Calls(Post()).opened("a", ORDER) as parts:
            with pytest.raises(Unavailable, match="did not answer"):
                await anext(parts)

    asyncio.run(main())


def test_a_node_has_only_so_many_calls() -> None:
    async def main() -> None:
        calls = Calls(Post())
        opened = [calls.opened("a", ORDER) for _ in range(MAX_CALLS_A_NODE)]
        for call in opened:
            await call.__aenter__()
        with pytest.raises(Busy):
            await calls.opened("a", ORDER).__aenter__()
        async with calls.opened("b", ORDER):
            pass
        for call in opened:
            await call.__aexit__(None, None, None)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("order", "new_process", "lost"),
    [
        (Order(file=FileOrder(kind="digest", name="f")), False, True),
        (Order(file=FileOrder(kind="digest", name="f")), True, True),
        (ORDER, False, False),
        (ORDER, True, True),
    ],
)
def test_a_node_that_greets_again_has_lost_steps_with_files(
    order: Order, new_process: bool, lost: bool
) -> None:
    async def main() -> None:
        calls = Calls(Post())
        async with calls.opened("a", order) as parts:
            calls.node_greets("b", new_process=True)
            calls.node_greets("a", new_process=new_process)
            if lost:
                with pytest.raises(Unavailable, match="node a is gone"):
                    await anext(parts)
                return
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(parts), 0.01)

    asyncio.run(main())
