"""Broadcasts this gateway's newest gallery and pack to all nodes: every second, and when the gallery changes."""

from __future__ import annotations

import time

from manyeyes import contract
from manyeyes.broker.masterlink import MasterLink
from manyeyes.contract import StateBroadcast
from manyeyes.faces.gallery_version import GalleryVersion
from manyeyes.monitoring.change_events import EventHub


class StateBroadcaster:
    """Sends the state broadcast of this gateway to all nodes.

    Args:
        pack: the SHA-256 of the manifest of the pack in use.
    """

    def __init__(
        self, link: MasterLink, gateway: str, gallery: GalleryVersion, pack: str, events: EventHub
    ) -> None:
        self._link = link
        self._gateway = gateway
        self._gallery = gallery
        self._pack = pack
        self._events = events
        self.sent_at = float("-inf")
        """When the last broadcast was sent, by the monotonic clock."""

    def send(self) -> None:
        """Broadcast now."""
        self.sent_at = time.monotonic()
        state = StateBroadcast(
            gateway=self._gateway,
            sent_s=self.sent_at,
            gallery_version=self._gallery.number,
            pack=self._pack,
        )
        self._link.send(contract.STATE_SUBJECT, state.wire())

    async def gallery_changed(self) -> None:
        """People changed in the store: tell nodes and open pages."""
        self._gallery.refresh()
        self._events.notify("people")
        self.send()
