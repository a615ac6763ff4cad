"""Pages that ask for the same lines share one stream, each with its own right to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from typing import Any

import pytest

from manyeyes.api.logs import LogLine
from manyeyes.console.pages.logs import shared
from manyeyes.console.pages.logs.shared import SharedTails
from manyeyes.errors import ManyeyesError, NotAllowed, NotSignedIn, Unavailable

FILTERS = (("machine", "a"), ("text", ""))


class Master:
    """Streams of lines, and who follows them."""

    def __init__(self) -> None:
        self.following: list[Client] = []
        self.lines: list[LogLine] = []
        self.more = asyncio.Event()

    def say(self, event: str) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC)
        number = len(self.lines)
        self.lines.append(LogLine(number=number, at=at, machine="a", role="node", level="info", event=event))
        self.more.set()


class Client:
    """As much of a client as a tail needs."""

    def __init__(self, master: Master) -> None:
        self.master = master
        self.logs = self
        self.refusal: ManyeyesError | None = None

    async def list(self, limit: int) -> None:
        if self.refusal is not None:
            raise self.refusal

    async def follow(self, **asked: Any) -> AsyncGenerator[LogLine, None]:
        assert asked == {"machine": "a", "limit": shared.BACKLOG, "brief": True}
        self.master.following.append(self)
        place = 0
        try:
            while True:
                if self.refusal is not None:
                    raise self.refusal
                while place < len(self.master.lines):
                    yield self.master.lines[place]
                    place += 1
                self.master.more.clear()
                await self.master.more.wait()
        finally:
            self.master.following.remove(self)


class Page:
    """Reads in the background; `seen` are the events it was given, `error` is how it ended."""

    def __init__(self, tails: SharedTails, client: Client) -> None:
        self.seen: list[str] = []
        self.error: Exception | None = None
        self._task = asyncio.create_task(self._read(tails, client))

    async def _read(self, tails: SharedTails, client: Any) -> None:
        try:
            async for rows in tails.follow(client, FILTERS):
                self.seen += [str(row["event"]) for row in rows]
        except ManyeyesError as error:
            self.error = error

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


async def until(condition: Any) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "EVERY_S", 0.001)
    monkeypatch.setattr(shared, "SHOWN_AGAIN_S", 0.02)


def test_two_pages_share_a_stream_and_the_second_takes_it_over() -> None:
    async def scene() -> None:
        master, tails = Master(), SharedTails()
        master.say("one")
        first_client, second_client = Client(master), Client(master)
        first = Page(tails, first_client)
        await until(lambda: first.seen == ["one"])
        second = Page(tails, second_client)
        await until(lambda: second.seen == ["one"])
        assert master.following == [first_client]
        master.say("two")
        await until(lambda: first.seen == second.seen == ["one", "two"])
        await first.close()
        await until(lambda: master.following == [second_client])
        master.say("three")
        await until(lambda: second.seen == ["one", "two", "three"])
        await second.close()
        await until(lambda: not master.following)
        assert not tails._streams

    asyncio.run(scene())


@pytest.mark.parametrize("refusal", [NotSignedIn("ended"), NotAllowed("a user's key")])
def test_who_may_not_read_reads_no_more_and_the_others_go_on(refusal: ManyeyesError) -> None:
    async def scene() -> None:
        master, tails = Master(), SharedTails()
        leader, other = Client(master), Client(master)
        first, second = Page(tails, leader), Page(tails, other)
        await until(lambda: master.following == [leader])
        leader.refusal = refusal
        await until(lambda: first.error is refusal and master.following == [other])
        master.say("one")
        await until(lambda: second.seen == ["one"])
        late = Page(tails, leader)
        await until(lambda: late.error is refusal)
        assert late.seen == [] and first.seen == []
        await second.close()

    asyncio.run(scene())


def test_a_master_that_goes_away_is_told_to_all() -> None:
    async def scene() -> None:
        master, tails = Master(), SharedTails()
        clients = [Client(master), Client(master)]
        pages = [Page(tails, client) for client in clients]
        await until(lambda: len(master.following) == 1)
        gone = Unavailable("the master is being stopped")
        master.following[0].refusal = gone
        master.say("woken")
        await until(lambda: all(page.error is gone for page in pages))
        await until(lambda: not tails._streams)
        clients[0].refusal = clients[1].refusal = None
        again = Page(tails, clients[1])
        await until(lambda: again.seen == ["woken"])
        await again.close()

    asyncio.run(scene())
