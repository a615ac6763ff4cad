"""Probes nodes on the path that pictures take; carries out what `Probes` decides."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from manyeyes.broker.masterlink import MasterLink
from manyeyes.contract import PICTURE, Directive, Heartbeat, directive_subject
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.dispatch.order import Order
from manyeyes.fleet.node_events import NodeEvents
from manyeyes.fleet.node_state import TAKING, Fleet
from manyeyes.fleet.probes import BringBack, Instruction, Probes, SendProbe, TakeOut
from manyeyes.fleet.recovery import Recovery
from manyeyes.telemetry import log

PROBE_SIDE_PX = 96


def probe_picture() -> bytes:
    """A PNG of noise, some 27 kB. It needs more than one packet, so it detects a line that loses large packets."""
    noise_hwc_u8 = np.random.default_rng(0).integers(0, 256, (PROBE_SIDE_PX, PROBE_SIDE_PX, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise_hwc_u8).save(buffer, "PNG")
    return buffer.getvalue()


def says_it_takes(heartbeat: Heartbeat, holds: int) -> bool:
    """Whether a node reports that it can work on pictures now.

    A node whose workers are all starting, or resting after a crash, grants nothing; that does not make it unresponsive.
    A node that holds pictures must answer all the same.
    """
    return heartbeat.state in TAKING and (
        holds > 0 or any(worker.state in ("idle", "busy") for worker in heartbeat.workers)
    )


class Probing:
    """Sends probes to the nodes of one gateway, and acts on answers that do not come.

    Args:
        pack: the one in use, as `faces@1.0.0`.
    """

    def __init__(
        self,
        probes: Probes,
        recovery: Recovery,
        fleet: Fleet,
        dispatcher: Dispatcher,
        link: MasterLink,
        events: NodeEvents,
        pack: str,
    ) -> None:
        self._probes = probes
        self._recovery = recovery
        self._fleet = fleet
        self._dispatcher = dispatcher
        self._link = link
        self._events = events
        self._pack = pack
        self._picture = probe_picture()
        self._waiting_since: float | None = None

    def look(self, now: float) -> None:
        """Check all nodes: send probes that are due, mark unresponsive nodes, bring others back."""
        self._waiting_since = (self._waiting_since or now) if self._dispatcher.waiting else None
        for view in list(self._fleet.nodes.values()):
            alive = view.heartbeat is not None and now - view.heard_at <= self._fleet.suspect_s
            picture_s = view.heartbeat.picture_s if view.heartbeat else 0.0
            holds = self._dispatcher.held(view.name)
            takes = alive and view.heartbeat is not None and says_it_takes(view.heartbeat, holds)
            if self._dispatcher.grants(view.name):
                self._carry_out(self._probes.granted(view.name, now), now)
            line_s = self._dispatcher.line_s(view.name)
            instructions = self._probes.seen(
                view.name, takes, holds, picture_s, line_s, now, self._waiting_since
            )
            self._carry_out(instructions, now)

    def forget(self, node: str) -> None:
        """A node was removed."""
        self._probes.forget(node)

    def _carry_out(self, instructions: Sequence[Instruction], now: float) -> None:
        for instruction in instructions:
            match instruction:
                case SendProbe(node):
                    order = Order(kind="recognize", pack=self._pack, wants=(PICTURE,))
                    self._dispatcher.send_probe(node, self._picture, order, now)
                case TakeOut(node, reason):
                    log().warning("a node is unresponsive", node=node, reason=reason)
                    change = self._fleet.unresponsive(node, reason)
                    word = Directive(kind="unresponsive", detail=reason)
                    self._link.send(directive_subject(node), word.wire())
                    self._dispatcher.node_unresponsive(node)
                    if change is not None:
                        self._events.publish(change)
                case BringBack(node):
                    self._recovery.bring_back(node, now)
