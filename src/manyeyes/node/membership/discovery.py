"""A node finds its master again when the address has changed."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from manyeyes import identity
from manyeyes.addresses import host_and_port, is_loopback
from manyeyes.broker.nodelink import NodeLink
from manyeyes.broker.proof import is_master_at
from manyeyes.lan import search
from manyeyes.node.membership.membership import Membership, merged
from manyeyes.telemetry import log

SEARCH_S = 4.0
"""How long one search listens."""
LOST_AFTER_S = 2.0
"""Without a connection, before a running node searches: a master that restarts is back by then."""
PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0
_AT_ONCE = 64
_AT_ONCE_EACH = 2

Proof = Callable[[str], Awaitable[bool]]


async def first_proven(candidates: AsyncIterator[str], proof: Proof) -> str | None:
    """The first of the candidates that proves to be the master; None when they end and none did.

    Many are tried at once, few at one address and in random order, so that somebody who names a thousand
    places, or answers and then keeps silent, does not keep the right one from being tried.
    """
    waiting: list[str] = []
    trying: dict[asyncio.Task[bool], str] = {}
    more: asyncio.Task[str] | None = _next(candidates)
    try:
        while more is not None or waiting or trying:
            for candidate in random.sample(waiting, len(waiting)):
                host, _ = host_and_port(candidate)
                beside = sum(host_and_port(other)[0] == host for other in trying.values())
                if beside < _AT_ONCE_EACH and len(trying) < _AT_ONCE:
                    waiting.remove(candidate)
                    task = asyncio.create_task(_bool(proof(candidate)), name=f"prove-{candidate}")
                    trying[task] = candidate
            if more is None and not trying:
                return None
            done, _ = await asyncio.wait(
                [*trying, *([more] if more else [])], return_when=asyncio.FIRST_COMPLETED
            )
            for task in [task for task in trying if task in done]:
                candidate = trying.pop(task)
                if task.result():
                    return candidate
            if more in done:
                try:
                    waiting.append(more.result())
                    more = _next(candidates)
                except StopAsyncIteration:
                    more = None
                    waiting.clear()  # the search is over; what is being tried is waited for
        return None
    finally:
        left = [*trying, *([more] if more else [])]
        for pending in left:
            pending.cancel()
        await asyncio.gather(*left, return_exceptions=True)


def _next(candidates: AsyncIterator[str]) -> asyncio.Task[str]:
    async def step() -> str:
        return await anext(candidates)

    return asyncio.create_task(step(), name="next-candidate")


async def _bool(proof: Awaitable[bool]) -> bool:
    return await proof


async def find_master(ca_pem: str) -> str | None:
    """`address:port` of the master of this CA on the local networks, None if it is not found."""
    heard = search.candidates(identity.ca_fingerprint(ca_pem), SEARCH_S)
    async with contextlib.aclosing(heard):
        return await first_proven(heard, lambda address: is_master_at(address, ca_pem))


def may_be_found(addresses: Sequence[str]) -> bool:
    """Whether asking the networks makes sense: a master that is known by the loopback alone is not there."""
    return not all(is_loopback(host_and_port(address)[0]) for address in addresses)


class MasterFinder:
    """Knows the addresses of this node's master, and searches the networks if none works.

    Args:
        kept: the file of the membership; an address that proved to be the master's is kept there.
        allowed: whether the networks may be asked.
    """

    def __init__(self, membership: Membership, kept: Path, *, allowed: bool) -> None:
        self._membership = membership
        self._kept = kept
        self._allowed = allowed

    @property
    def addresses(self) -> tuple[str, ...]:
        """`host:port`, in the order to try."""
        return self._membership.addresses

    async def look(self) -> str | None:
        """Search once. An address that is found is stored and returned; None if there is none."""
        if not self._allowed or not may_be_found(self.addresses):
            return None
        found = await find_master(self._membership.ca_pem)
        if found is not None and found not in self.addresses[:1]:
            self._membership = replace(self._membership, addresses=merged((found,), self.addresses))
            log().info("found the master on the network", address=found)
            try:
                self._membership.save(self._kept)
            except OSError as error:
                log().warning("the master's address is not kept", error=str(error))
        return found

    async def follow(self, link: NodeLink) -> None:
        """Whenever the connection stays away, search and tell the link where to try too, until cancelled."""
        pause_s = PAUSE_S
        while True:
            await asyncio.sleep(LOST_AFTER_S)
            if link.connected:
                pause_s = PAUSE_S
                continue
            if found := await self.look():
                link.try_also(found)
                pause_s = PAUSE_S
            await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
