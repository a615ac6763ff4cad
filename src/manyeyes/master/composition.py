"""The composition root of a master: builds its parts in the order that they need each other, starts and stops them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from manyeyes.access.api_keys import ApiKeyService
from manyeyes.access.audit import Audit
from manyeyes.access.sessions import Sessions
from manyeyes.broker.engine import Engine
from manyeyes.config import Limits, MasterSettings
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.faces.enrolment import Enrolling
from manyeyes.faces.merging import Merging
from manyeyes.faces.people import PeopleService
from manyeyes.faces.reembedding import open_store, warn_of_others
from manyeyes.faces.unknown_service import UnknownFacesService
from manyeyes.fleet.admission import Admission
from manyeyes.fleet.commands import Commands
from manyeyes.fleet.node_service import NodeService
from manyeyes.fleet.node_views import NodeViews
from manyeyes.fleet.rate_limits import ConnectionUsage
from manyeyes.master.background import Spawn, spawning
from manyeyes.master.clock import Clock
from manyeyes.master.engine_access import EngineAccess, FoundEngine, running_engine
from manyeyes.master.fleet_parts import FleetParts, build_fleet
from manyeyes.master.inbox_parts import InboxParts, build_inbox, listen
from manyeyes.master.monitor_parts import build_monitor
from manyeyes.master.people_parts import PeopleParts, build_people
from manyeyes.master.recognition import Recognition
from manyeyes.master.registry_writes import RegistryWrites
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.logs.service import LogService
from manyeyes.monitoring.metrics import Metrics
from manyeyes.monitoring.monitor import Monitor
from manyeyes.monitoring.recent_pictures import Recent
from manyeyes.monitoring.recorder import PictureRecorder
from manyeyes.monitoring.time_series import Series
from manyeyes.own_certificate import OwnCertificate as Own
from manyeyes.packs.served import ServedPack
from manyeyes.store.repositories import Store
from manyeyes.version import VERSION


@dataclass(frozen=True)
class Master:
    """The parts of a running master that others use, the gateway before all; made by `running`."""

    settings: MasterSettings
    limits: Limits
    engine: Engine
    events: EventHub
    audit: Audit
    sessions: Sessions
    keys: ApiKeyService
    dispatcher: Dispatcher
    recognition: Recognition
    node_service: NodeService
    nodes: NodeViews
    admission: Admission
    commands: Commands
    people_service: PeopleService
    merging: Merging
    enrolling: Enrolling
    faces: UnknownFacesService
    recent: Recent
    logs: LogService
    monitor: Monitor

    @classmethod
    @asynccontextmanager
    async def running(
        cls, settings: MasterSettings, limits: Limits, served: ServedPack, found: FoundEngine, own: Own | None
    ) -> AsyncIterator[Master]:
        """A running master; stopped on leaving.

        Args:
            found: the engine to start.
            own: the operator's own certificate, if there is one; the monitor warns before it ends.

        Raises:
            StartError: the engine does not start, or the data folder cannot be used.
        """
        async with AsyncExitStack() as stack:
            store = open_store(settings.data / "master.db", served.embedder)
            stack.callback(store.close)
            engine = await stack.enter_async_context(running_engine(found, settings, store))
            async with asyncio.TaskGroup() as group:
                built = _build(settings, limits, store, engine, served, own, spawning(group))
                await built.people.faces.start()
                stack.push_async_callback(built.people.faces.close)
                warn_of_others(store.gallery, served, built.people.embed_again.waiting)
                await built.listen()
                tasks = [group.create_task(job, name=name) for name, job in built.jobs().items()]
                try:
                    yield built.master
                finally:
                    await built.finish()
                    for task in tasks:
                        task.cancel()


@dataclass(frozen=True)
class _Built:
    """A master that is not started yet."""

    master: Master
    engine: EngineAccess
    fleet: FleetParts
    people: PeopleParts
    hearing: InboxParts
    clock: Clock

    async def listen(self) -> None:
        """Receive messages of nodes from now on, and announce this master to them."""
        await listen(self.engine, self.fleet, self.hearing.inbox)
        self.people.broadcaster.send()

    def jobs(self) -> dict[str, Coroutine[Any, Any, None]]:
        """What runs as long as the master, by the name of its task."""
        engine, usage = self.engine, ConnectionUsage(self.master.limits.rates)
        return {
            "engine-watch": engine.engine.watch(),
            "keep-time": self.clock.run(),
            "rebalance": self.clock.rebalance(),
            "inbox": self.hearing.inbox.serve(),
            "usage": self.fleet.enforcer.watch(engine.usage, usage, engine.users.name_of),
            "embed-again": self.people.embed_again.run(),
            "unknown-faces": self.people.faces.run(),
            "logs": self.master.logs.run(),
        }

    async def finish(self) -> None:
        """End the open pictures, then record what nodes have done."""
        await self.master.dispatcher.close(patience_s=2.0)
        RegistryWrites().attempt(self.fleet.activity.record)
        self.master.audit.close()
        self.hearing.reads.close()


def _build(
    settings: MasterSettings,
    limits: Limits,
    store: Store,
    engine: EngineAccess,
    served: ServedPack,
    own: Own | None,
    spawn: Spawn,
) -> _Built:
    pages, audit = EventHub(), Audit(store.audit)
    metrics = Metrics({"version": VERSION, "pack": served.pack})
    recorder = PictureRecorder(metrics, Series(time.monotonic()), pages)
    recent = Recent(settings.recent_pictures)
    logs = LogService(engine.link, settings.logs, settings.data)
    fleet = build_fleet(settings, limits, store, engine, served, audit, recorder, spawn)
    people = build_people(settings, store, engine, served, audit, fleet.dispatcher, pages)
    monitor = build_monitor(settings, limits, store, engine, served, fleet, people, recorder, pages, own)
    hearing = build_inbox(limits, engine, served, fleet, people, logs, monitor, pages, spawn)
    clock = Clock(
        fleet.fleet, fleet.events, fleet.dispatcher, fleet.probing, people.broadcaster, fleet.activity,
        (fleet.enforcer.tick, fleet.ephemeral.tick, hearing.rates.forget_idle, monitor.tick, audit.tick, people.merging.tick,
         lambda now: fleet.admission.expire(), lambda now: recent.tick()),
    )  # fmt: skip
    recognition = Recognition(
        fleet.dispatcher, people.people_service, people.faces, recent, people.gallery, people.result_people, served.pack
    )  # fmt: skip
    master = Master(
        settings=settings,
        limits=limits,
        engine=engine.engine,
        events=pages,
        audit=audit,
        sessions=Sessions(store.credentials, store.sessions, audit, settings.session_s),
        keys=ApiKeyService(
            store.credentials, audit, revoked=recent.forget, changed=partial(pages.notify, "keys")
        ),
        dispatcher=fleet.dispatcher,
        recognition=recognition,
        node_service=fleet.node_service,
        nodes=fleet.nodes,
        admission=fleet.admission,
        commands=fleet.commands,
        people_service=people.people_service,
        merging=people.merging,
        enrolling=people.enrolling,
        faces=people.faces,
        recent=recent,
        logs=logs,
        monitor=monitor,
    )
    return _Built(master, engine, fleet, people, hearing, clock)
