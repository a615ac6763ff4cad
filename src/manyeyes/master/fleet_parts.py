"""Builds the parts of a master that deal with nodes and send pictures to them."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes.access.audit import Audit
from manyeyes.config import Limits, MasterSettings
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.faces.outcome_reader import FaceReader
from manyeyes.fleet.admission import Admission
from manyeyes.fleet.bans import BanEnforcer
from manyeyes.fleet.commands import Commands
from manyeyes.fleet.ephemeral import Ephemeral
from manyeyes.fleet.ephemeral_nodes import EphemeralNodes
from manyeyes.fleet.node_activity import NodeActivity
from manyeyes.fleet.node_events import NodeEvents
from manyeyes.fleet.node_service import NodeService
from manyeyes.fleet.node_state import Fleet
from manyeyes.fleet.node_views import NodeViews
from manyeyes.fleet.probes import Probes
from manyeyes.fleet.probing import Probing
from manyeyes.fleet.rate_limits import Bans
from manyeyes.fleet.recovery import Recovery
from manyeyes.master.background import Spawn
from manyeyes.master.engine_access import EngineAccess
from manyeyes.monitoring.recorder import PictureRecorder
from manyeyes.packs.served import ServedPack
from manyeyes.store.repositories import Store

_NOT_HEARD = "not heard of since the master started"


@dataclass(frozen=True)
class FleetParts:
    """The parts of a master that deal with nodes and send pictures to them."""

    fleet: Fleet
    events: NodeEvents
    dispatcher: Dispatcher
    probing: Probing
    activity: NodeActivity
    node_service: NodeService
    admission: Admission
    ephemeral: EphemeralNodes
    enforcer: BanEnforcer
    nodes: NodeViews
    commands: Commands


def build_fleet(
    settings: MasterSettings,
    limits: Limits,
    store: Store,
    engine: EngineAccess,
    served: ServedPack,
    audit: Audit,
    recorder: PictureRecorder,
    spawn: Spawn,
) -> FleetParts:
    """Build the parts. The stored nodes are lost until they send a heartbeat, but for those that had left."""
    link, gateway, users = engine.link, engine.gateway, engine.users
    fleet = Fleet(settings.heartbeat_suspect_s, settings.heartbeat_lost_s)
    for row in store.nodes.all():
        state, reason = ("left", row.left_reason) if row.left_reason else ("lost", _NOT_HEARD)
        fleet.register(row.name, state=state, reason=reason)
    events = NodeEvents()
    probes = Probes(settings.probe_idle_s, settings.probe_busy_s, settings.probe_answer_s)
    recovery = Recovery(probes, fleet, events)
    dispatcher = Dispatcher(
        link, gateway, limits, fleet.paces, FaceReader(), recorder, spawn, recovery.answered
    )
    probing = Probing(probes, recovery, fleet, dispatcher, link, events, served.pack)
    activity = NodeActivity(store.nodes, dispatcher, fleet)
    node_service = NodeService(
        store.nodes, audit, fleet, link, gateway, users.reload, events, activity, settings.heartbeat_lost_s
    )
    admission = Admission(
        settings,
        engine.ca_pem,
        store.nodes,
        store.credentials,
        audit,
        fleet,
        node_service,
        link,
        users.reload,
        served.public_key,
    )
    ephemeral = EphemeralNodes(node_service, Ephemeral(settings.ephemeral_lost_s))
    bans = Bans(limits.rates.ban_s, limits.rates.longest_ban_s)
    enforcer = BanEnforcer(bans, users.keep_out, events)
    nodes = NodeViews(store.nodes, fleet, node_service, dispatcher, enforcer, activity)
    commands = Commands(audit, fleet, link, gateway)
    return FleetParts(
        fleet,
        events,
        dispatcher,
        probing,
        activity,
        node_service,
        admission,
        ephemeral,
        enforcer,
        nodes,
        commands,
    )
