"""Searches a node's networks for the master of its CA, by mDNS."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from collections.abc import AsyncGenerator
from typing import Any

from manyeyes.lan.service import SERVICE_TYPE, Heard
from manyeyes.telemetry import log

MAX_INSTANCES = 256
"""The most service names whose missing records one search asks for."""

_TXT, _SRV = 16, 33  # types of records: RFC 1035, RFC 2782
_ADDRESS_BYTES = {1: 4, 28: 16}
"""How long an address is, by the type of its record: A (RFC 1035), AAAA (RFC 3596)."""


async def candidates(ca_fingerprint: str, patience_s: float) -> AsyncGenerator[str, None]:
    """Yield `address:port` of all that claim to be a master of this CA, each once, as they are found.

    Ends after `patience_s` seconds, or at once if this machine has no network.
    """
    from zeroconf import IPVersion, RecordUpdateListener, Zeroconf
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

    logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
    heard = Heard(ca_fingerprint)
    news = asyncio.Event()
    asking: dict[str, asyncio.Task[Any]] = {}

    class Listener(RecordUpdateListener):
        def async_update_records(self, zc: Zeroconf, now: float, records: list[Any]) -> None:
            for update in records:
                if update.new.ttl > 0:
                    _note(heard, update.new)
            news.set()

    def ask(zeroconf: Zeroconf, service_type: str, name: str, state_change: Any) -> None:
        if name not in asking and len(asking) < MAX_INSTANCES:
            info = AsyncServiceInfo(service_type, name)
            asking[name] = asyncio.ensure_future(info.async_request(zeroconf, int(patience_s * 1000)))

    try:
        network = AsyncZeroconf(ip_version=IPVersion.All)
    except OSError as error:
        log().warning("cannot ask the network for the master", error=str(error))
        return
    told: set[str] = set()
    try:
        network.zeroconf.async_add_listener(Listener(), None)
        browser = AsyncServiceBrowser(network.zeroconf, SERVICE_TYPE, handlers=[ask])
        try:
            async with asyncio.timeout(patience_s):
                while True:
                    for candidate in sorted(heard.candidates() - told):
                        told.add(candidate)
                        yield candidate
                    await news.wait()
                    news.clear()
        except TimeoutError:
            return
        finally:
            await browser.async_cancel()
    finally:
        for task in asking.values():
            task.cancel()
        await network.async_close()


def _note(heard: Heard, record: Any) -> None:
    """Store a record of a known type and service; any other is ignored, and no record breaks the search."""
    from zeroconf import ServiceInfo

    ours = record.name.lower().endswith(SERVICE_TYPE)
    if record.type in _ADDRESS_BYTES and len(record.address) == _ADDRESS_BYTES[record.type]:
        heard.address(record.name, str(ipaddress.ip_address(record.address)))
    elif record.type == _SRV and ours:
        heard.service(record.name, record.server, record.port)
    elif record.type == _TXT and ours:
        heard.text(record.name, ServiceInfo(SERVICE_TYPE, record.name, properties=record.text).properties)
