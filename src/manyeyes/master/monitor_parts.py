"""Builds the monitor of the whole service."""

from __future__ import annotations

from manyeyes.config import Limits, MasterSettings
from manyeyes.master.engine_access import EngineAccess
from manyeyes.master.fleet_parts import FleetParts
from manyeyes.master.people_parts import PeopleParts
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.engine_check import EngineCheck
from manyeyes.monitoring.gallery_counts import GalleryCounts
from manyeyes.monitoring.monitor import Monitor
from manyeyes.monitoring.recorder import PictureRecorder
from manyeyes.monitoring.sources import Sources
from manyeyes.own_certificate import OwnCertificate
from manyeyes.packs.served import ServedPack
from manyeyes.store.repositories import Store


def build_monitor(
    settings: MasterSettings,
    limits: Limits,
    store: Store,
    engine: EngineAccess,
    served: ServedPack,
    fleet: FleetParts,
    people: PeopleParts,
    recorder: PictureRecorder,
    events: EventHub,
    own_certificate: OwnCertificate | None,
) -> Monitor:
    """Build the monitor of a master."""
    sources = Sources(
        fleet=fleet.fleet,
        dispatcher=fleet.dispatcher,
        link=engine.link,
        enforcer=fleet.enforcer,
        gallery=GalleryCounts(store.gallery, people.gallery, served.embedder),
        embed_again=people.embed_again,
        data=settings.data,
        plain_http=settings.plain_http,
        own_certificate=own_certificate,
    )
    check = EngineCheck(engine.engine, engine.link)
    return Monitor(sources, check, recorder, limits.alerts, events, served.pack)
