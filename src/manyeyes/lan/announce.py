"""Announces a master by mDNS, on each network with its address there, as long as it has that address."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

import psutil

from manyeyes.addresses import bare
from manyeyes.lan.service import SERVICE_TYPE, Place, places_to_announce, properties
from manyeyes.telemetry import log

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncZeroconf

_FAMILIES = (socket.AF_INET, socket.AF_INET6)
LOOK_S = 2.0
"""Seconds between two checks of the machine's addresses."""


def places_here() -> set[Place]:
    """The addresses of this machine's interfaces that are up."""
    up = {name for name, facts in psutil.net_if_stats().items() if facts.isup}
    found = set()
    for name, addresses in psutil.net_if_addrs().items():
        with contextlib.suppress(OSError):  # an interface that has just gone
            index = socket.if_nametoindex(name)
            found |= {Place(index, bare(one.address)) for one in addresses if one.family in _FAMILIES}
    return found if not up else {place for place in found if _name(place.interface) in up}


def _name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return ""


class Announcer:
    """Announces the master on all addresses of this machine, and follows their changes.

    Args:
        listen: the address that the engine listens on.
        port: the engine's port.
        ca_fingerprint: of the CA that signed the master's certificate.
    """

    def __init__(self, listen: str, port: int, ca_fingerprint: str) -> None:
        self._listen = listen
        self._port = port
        self._ca_fingerprint = ca_fingerprint
        self._name = secrets.token_hex(6)
        """Random at each start: it reveals nothing, and nobody can claim it in advance."""
        self._running: dict[Place, AsyncZeroconf] = {}
        self._failed: set[Place] = set()

    async def run(self) -> None:
        """Announce until cancelled, then withdraw the announcement; errors are logged and tried again."""
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
        try:
            while True:
                await self._follow(places_to_announce(self._listen, places_here()))
                await asyncio.sleep(LOOK_S)
        finally:
            await self._follow(())

    async def _follow(self, wanted: Iterable[Place]) -> None:
        wanted = set(wanted)
        for place in set(self._running) - wanted:
            responder = self._running.pop(place)
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await responder.async_close()
            log().info("no longer announced", address=place.address)
        for place in wanted - set(self._running):
            try:
                self._running[place] = await self._announce(place)
                log().info("announced on the network", address=place.address, service=SERVICE_TYPE)
                self._failed.discard(place)
            except OSError as error:
                if place not in self._failed:
                    log().warning("cannot announce", address=place.address, error=str(error))
                self._failed.add(place)
        self._failed &= wanted

    async def _announce(self, place: Place) -> AsyncZeroconf:
        from zeroconf import IPVersion
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

        if place.is_ipv6:
            responder = AsyncZeroconf(interfaces=[place.interface], ip_version=IPVersion.V6Only)
        else:
            responder = AsyncZeroconf(interfaces=[place.address], ip_version=IPVersion.V4Only)
        # one name for each network: a name has only the address of its own network
        name = f"{self._name}-{place.interface}" + ("-6" if place.is_ipv6 else "")
        info = AsyncServiceInfo(
            SERVICE_TYPE,
            f"{name}.{SERVICE_TYPE}",
            port=self._port,
            properties=properties(self._ca_fingerprint),
            server=f"manyeyes-{name}.local.",
            parsed_addresses=[place.address],
        )
        try:
            # the name is random: a check for conflicts would only let an attacker claim that it is taken
            await responder.async_register_service(info, cooperating_responders=True)
        except BaseException:
            await responder.async_close()
            raise
        return responder
