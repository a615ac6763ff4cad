"""What nodes say is handled in turn, and who says too much waits, loses it, or is cut off."""

from __future__ import annotations

import asyncio

import pytest

from manyeyes.broker.connection import Incoming
from manyeyes.config import RateLimits
from manyeyes.fleet.rate_limits import RateLimiter
from manyeyes.master import message_inbox
from manyeyes.master.message_inbox import MessageInbox

LIMITS = RateLimits(
    messages_per_s=2, bytes_per_s=10**9, waiting=3, waiting_bytes=100, connections=2, patience_s=3
)


class Clock:
    now = 50.0

    def monotonic(self) -> float:
        return self.now


class Inbox:
    """An inbox, what it handled, and whom it cut off."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.cut_off: list[str] = []
        self.inbox = MessageInbox(
            RateLimiter(LIMITS),
            lambda subject: subject[0],
            self._handle,
            lambda name, seen: self.cut_off.append(name),
        )

    def _handle(self, message: Incoming) -> None:
        if message.data == b"broken":
            raise RuntimeError("a fault of ours")
        self.handled.append(message.subject)

    def say(self, *subjects: str, data: bytes = b"") -> None:
        for subject in subjects:
            self.inbox.receive(Incoming(subject, data, {}, ""))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(message_inbox, "time", made)
    return made


def test_what_comes_while_nobody_waits_is_handled_at_once(clock: Clock) -> None:
    inbox = Inbox()
    inbox.say("a1", "b1", "a2")
    assert inbox.handled == ["a1", "b1", "a2"]


def test_who_speaks_faster_than_the_rate_waits_and_keeps_its_order(clock: Clock) -> None:
    async def scene() -> None:
        inbox = Inbox()
        inbox.say("a1", "a2", "a3", "a4", "a5")
        assert inbox.handled == ["a1", "a2", "a3"], "a second's worth, and one more than that is paid back"
        inbox.say("b1")
        assert "b1" not in inbox.handled, "somebody waits: it has its turn"
        serving = asyncio.create_task(inbox.inbox.serve())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert inbox.handled[3:] == ["b1"], "a waits for its rate, b does not wait for a"
        clock.now += 1.0
        inbox.say("b2")
        for _ in range(9):
            await asyncio.sleep(0)
        assert sorted(inbox.handled[4:]) == ["a4", "a5", "b2"]
        assert inbox.handled.index("a4") < inbox.handled.index("a5")
        serving.cancel()

    asyncio.run(scene())


def test_nodes_that_wait_are_served_in_turn(clock: Clock) -> None:
    async def scene() -> None:
        inbox = Inbox()
        inbox.say("a1", "a2", "a3", "a4", "a5", "a6", "b1", "b2", "c1")
        clock.now += 60.0
        serving = asyncio.create_task(inbox.inbox.serve())
        for _ in range(20):
            await asyncio.sleep(0)
        assert inbox.handled[3:] == ["a4", "b1", "c1", "a5", "b2", "a6"]
        serving.cancel()

    asyncio.run(scene())


def test_what_does_not_fit_is_dropped_and_far_too_much_is_cut_off(clock: Clock) -> None:
    inbox = Inbox()
    inbox.say(*(f"a{number}" for number in range(3 + 3 + 3)))
    assert inbox.cut_off == []
    inbox.say("a9")
    assert inbox.cut_off == ["a"]
    assert inbox.handled == ["a0", "a1", "a2"]
    inbox.say("b", data=b"x" * 101)
    assert "b" not in inbox.handled


def test_a_fault_in_dealing_with_one_message_does_not_stop_the_next(clock: Clock) -> None:
    inbox = Inbox()
    inbox.say("a1", data=b"broken")
    inbox.say("a2")
    assert inbox.handled == ["a2"]
