from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from manyeyes.node.membership import discovery
from manyeyes.node.membership.discovery import MasterFinder, first_proven, may_be_found
from manyeyes.node.membership.membership import MAX_ADDRESSES, Membership, merged

MEMBER = Membership("n", ("10.0.0.1:4222",), "pem", "00")


async def heard(*addresses: str) -> AsyncIterator[str]:
    for address in addresses:
        yield address


def proof(right: str, silent: str = "") -> Callable[[str], Awaitable[bool]]:
    async def prove(address: str) -> bool:
        if silent and address.startswith(silent):
            await asyncio.Event().wait()
        return address == right

    return prove


def test_the_one_that_proves_it() -> None:
    found = asyncio.run(
        first_proven(heard("10.0.0.66:1", "10.0.0.4:4222", "10.0.0.67:1"), proof("10.0.0.4:4222"))
    )
    assert found == "10.0.0.4:4222"


def test_nobody_proves_it() -> None:
    assert asyncio.run(first_proven(heard("10.0.0.66:1", "10.0.0.67:1"), proof("none"))) is None
    assert asyncio.run(first_proven(heard(), proof("none"))) is None


def test_a_thousand_places_that_keep_silent_are_no_obstacle() -> None:
    """All of one address: only two of them are waited for at a time."""
    silent = [f"10.0.0.66:{port}" for port in range(1, 1000)]

    async def main() -> str | None:
        async with asyncio.timeout(10):
            return await first_proven(
                heard(*silent, "10.0.0.4:4222"), proof("10.0.0.4:4222", silent="10.0.0.66")
            )

    assert asyncio.run(main()) == "10.0.0.4:4222"


def test_nothing_is_left_running() -> None:
    async def main() -> int:
        await first_proven(heard("10.0.0.66:1", "10.0.0.4:1"), proof("10.0.0.4:1", silent="10.0.0.66"))
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1


def test_a_master_known_by_the_loopback_alone_is_not_looked_for() -> None:
    assert not may_be_found(["127.0.0.1:4222", "localhost:4222"])
    assert may_be_found(["127.0.0.1:4222", "lab:4222"])


def test_addresses_in_the_order_to_try() -> None:
    assert merged(["b"], ["a", "b", "c"]) == ("b", "a", "c")
    assert len(merged([str(number) for number in range(20)], ["x"])) == MAX_ADDRESSES


class Link:
    def __init__(self) -> None:
        self.connected = True
        self.tried: list[str] = []

    def try_also(self, address: str) -> None:
        self.tried.append(address)
        self.connected = True


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """What searches find, one after the other; the last for ever."""
    answers: list[str | None] = [None]

    async def find_master(ca_pem: str) -> str | None:
        assert ca_pem == "pem"
        return answers.pop(0) if len(answers) > 1 else answers[0]

    monkeypatch.setattr(discovery, "find_master", find_master)
    return answers


def test_an_address_found_is_kept(found: list[str | None], tmp_path: Path) -> None:
    found[:] = ["10.0.0.9:4222"]
    kept = tmp_path / "membership.json"
    finder = MasterFinder(MEMBER, kept, allowed=True)
    assert asyncio.run(finder.look()) == "10.0.0.9:4222"
    assert finder.addresses == ("10.0.0.9:4222", "10.0.0.1:4222")
    assert Membership.load(kept) == replace(MEMBER, addresses=finder.addresses)


def test_nothing_is_written_where_the_master_is_where_it_was(found: list[str | None], tmp_path: Path) -> None:
    found[:] = ["10.0.0.1:4222"]
    finder = MasterFinder(MEMBER, tmp_path / "membership.json", allowed=True)
    assert asyncio.run(finder.look()) == "10.0.0.1:4222"
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_does_not_keep_the_node_from_its_master(
    found: list[str | None], tmp_path: Path
) -> None:
    found[:] = ["10.0.0.9:4222"]
    (tmp_path / "file").touch()
    finder = MasterFinder(MEMBER, tmp_path / "file" / "membership.json", allowed=True)
    assert asyncio.run(finder.look()) == "10.0.0.9:4222"


def test_a_node_that_must_not_ask_does_not(found: list[str | None], tmp_path: Path) -> None:
    found[:] = ["10.0.0.9:4222"]
    assert asyncio.run(MasterFinder(MEMBER, tmp_path / "m", allowed=False).look()) is None
    local = replace(MEMBER, addresses=("127.0.0.1:4222",))
    assert asyncio.run(MasterFinder(local, tmp_path / "m", allowed=True).look()) is None


def test_a_running_node_tells_its_link(
    found: list[str | None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found[:] = [None, None, "10.0.0.9:4222"]
    for name in ("LOST_AFTER_S", "PAUSE_S", "LONGEST_PAUSE_S"):
        monkeypatch.setattr(discovery, name, 0.001)
    link = Link()
    finder = MasterFinder(MEMBER, tmp_path / "membership.json", allowed=True)

    async def main() -> None:
        following = asyncio.create_task(finder.follow(link))  # type: ignore[arg-type]
        await asyncio.sleep(0.02)
        assert len(found) == 3, "nobody is asked while the connection stands"
        link.connected = False
        async with asyncio.timeout(10):
            while not link.tried:
                await asyncio.sleep(0.001)
        following.cancel()

    asyncio.run(main())
    assert link.tried == ["10.0.0.9:4222"]
    assert json.loads((tmp_path / "membership.json").read_text())["addresses"][0] == "10.0.0.9:4222"
