"""Starts the engine, who may connect to it, and the master's own connections; stops them in the reverse order."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from manyeyes import identity
from manyeyes.addresses import ANY, from_here, with_port
from manyeyes.broker.engine import Engine, check_any_address, engine_version, find_engine
from manyeyes.broker.masterlink import ConnectionUsageLink, MasterLink
from manyeyes.broker.topology import EngineSettings
from manyeyes.config import MasterSettings
from manyeyes.fleet.engine_users import EngineUsers
from manyeyes.listening import check_port
from manyeyes.store.repositories import Store
from manyeyes.telemetry import log


@dataclass(frozen=True)
class FoundEngine:
    """A nats-server that can be used."""

    executable: Path
    version: str


@dataclass(frozen=True)
class EngineAccess:
    """A running engine, and this master's connections and accounts on it."""

    engine: Engine
    users: EngineUsers
    link: MasterLink
    usage: ConnectionUsageLink
    gateway: str
    """This master's name in subjects; a new one at each start."""
    ca_pem: str


async def find_usable_engine(settings: MasterSettings) -> FoundEngine:
    """The engine to start.

    Raises:
        StartError: none or too old an engine, or its port is taken.
    """
    executable = find_engine()
    version = await asyncio.to_thread(engine_version, executable)
    if settings.listen == ANY:
        check_any_address()
    check_port(settings.listen, settings.nats_port, "nodes", "--nats-port")
    return FoundEngine(executable, ".".join(map(str, version)))


@asynccontextmanager
async def running_engine(
    found: FoundEngine, settings: MasterSettings, store: Store
) -> AsyncIterator[EngineAccess]:
    """The engine with those connected to it that the store knows; stopped on leaving.

    Raises:
        StartError: it does not start.
        Unavailable: it does not answer.
    """
    certificates = identity.make_certificates(settings.data / "identity", settings.advertise)
    ca_pem = certificates.ca.read_text()
    key = identity.load_or_make_nkey(settings.data / "identity" / "master.nk")
    host = from_here(settings.listen)
    address = with_port(host, settings.nats_port)
    engine = Engine(found.executable, settings.data / "nats" / "nats.conf", (host, settings.nats_port))
    engine_settings = EngineSettings(
        settings.listen, settings.nats_port, settings.data / "jetstream", certificates
    )
    users = EngineUsers(engine_settings, store.nodes, store.credentials, engine, key)
    users.write()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.stop)
        await engine.start()
        log().info("engine started", executable=str(found.executable), version=found.version)
        gateway = secrets.token_hex(8)
        link = await MasterLink.connect(address, ca_pem, key.seed, gateway)
        stack.push_async_callback(link.close)
        usage = await ConnectionUsageLink.connect(address, ca_pem, users.usage_key.seed)
        stack.push_async_callback(usage.close)
        await link.remove_old_stream()
        yield EngineAccess(engine, users, link, usage, gateway, ca_pem)
