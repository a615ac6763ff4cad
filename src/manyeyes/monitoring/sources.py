"""Where the monitor's figures come from, and the few that several of its parts read."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from manyeyes.broker.masterlink import MasterLink
from manyeyes.dispatch.dispatcher import Dispatcher
from manyeyes.faces.reembedding import EmbedAgain
from manyeyes.fleet.bans import BanEnforcer
from manyeyes.fleet.node_state import TAKING, Fleet
from manyeyes.monitoring.alert_facts import Disk
from manyeyes.monitoring.gallery_counts import GalleryCounts
from manyeyes.own_certificate import OwnCertificate


@dataclass(frozen=True)
class Sources:
    """The parts of one master that are looked at."""

    fleet: Fleet
    dispatcher: Dispatcher
    link: MasterLink
    enforcer: BanEnforcer
    gallery: GalleryCounts
    embed_again: EmbedAgain
    data: Path
    plain_http: str = ""
    """ADDRESS:PORT at which the API is served without TLS; empty: nowhere."""
    own_certificate: OwnCertificate | None = None
    """An operator's own, if there is one."""

    def taking(self) -> int:
        """How many nodes take pictures."""
        return sum(view.state in TAKING for view in self.fleet.nodes.values())

    def cut_off(self, node: str) -> str:
        """Why a node is cut off just now, else nothing."""
        ban = self.enforcer.of(node)
        return ban.reason if ban else ""

    def disk(self) -> Disk:
        """How full the data folder's disk is; one that cannot be reached has no room."""
        try:
            usage = shutil.disk_usage(self.data)
        except OSError:
            return Disk(0, 0)
        return Disk(usage.free, usage.total)
