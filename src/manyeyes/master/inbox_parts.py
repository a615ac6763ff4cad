"""Builds the parts that receive and handle messages of nodes, and starts listening."""

from __future__ import annotations

from dataclasses import dataclass

from manyeyes import contract
from manyeyes.config import Limits
from manyeyes.fleet.rate_limits import RateLimiter
from manyeyes.master.background import Spawn
from manyeyes.master.engine_access import EngineAccess
from manyeyes.master.fleet_parts import FleetParts
from manyeyes.master.membership_messages import MembershipMessages
from manyeyes.master.message_inbox import MessageInbox
from manyeyes.master.node_consequences import NodeConsequences
from manyeyes.master.node_messages import NodeMessages, handlers
from manyeyes.master.node_reads import NodeReads
from manyeyes.master.people_parts import PeopleParts
from manyeyes.master.picture_messages import PictureMessages
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.logs.service import LogService
from manyeyes.monitoring.monitor import Monitor
from manyeyes.packs.served import ServedPack


@dataclass(frozen=True)
class InboxParts:
    """The parts of a master that receive the messages of nodes."""

    inbox: MessageInbox
    rates: RateLimiter
    reads: NodeReads


def build_inbox(
    limits: Limits,
    engine: EngineAccess,
    served: ServedPack,
    fleet: FleetParts,
    people: PeopleParts,
    logs: LogService,
    monitor: Monitor,
    pages: EventHub,
    spawn: Spawn,
) -> InboxParts:
    """Build the parts; no message arrives before `listen`."""
    link, dispatcher = engine.link, fleet.dispatcher
    consequences = NodeConsequences(
        dispatcher, fleet.commands.calls, fleet.enforcer, fleet.probing, fleet.activity, logs, monitor, pages
    )
    fleet.events.subscribe(consequences.follow)
    reads = NodeReads(link, engine.gateway, served, people.galleries, spawn)
    membership = MembershipMessages(
        fleet.node_service, fleet.fleet, dispatcher, monitor, fleet.activity, fleet.events, spawn
    )
    table = handlers(PictureMessages(dispatcher, link), membership, reads, fleet.commands, logs)
    messages = NodeMessages(link, fleet.node_service, fleet.admission, table)
    rates = RateLimiter(limits.rates)
    inbox = MessageInbox(rates, contract.speaker, messages.on_message, fleet.enforcer.cut_off)
    return InboxParts(inbox, rates, reads)


async def listen(engine: EngineAccess, fleet: FleetParts, inbox: MessageInbox) -> None:
    """Receive messages of nodes and holders of join tokens, and reports of undelivered dispatches, from now on."""
    link, receive, masters = engine.link, inbox.receive, "masters"
    link.listen_for_loss(fleet.dispatcher.engine_lost)
    await link.listen_for_absent(fleet.dispatcher.on_absent)
    await link.receive(contract.gateway_subjects(engine.gateway), receive)
    await link.receive(contract.gateway_subjects(contract.ALL), receive)
    await link.receive(contract.gateway_subjects(contract.ANY), receive, queue=masters)
    await link.receive(contract.OLD_HELLO_SUBJECT, receive, queue=masters)
    await link.receive(contract.JOINS_SUBJECT, receive, queue=masters)
