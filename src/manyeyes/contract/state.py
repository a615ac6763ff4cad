"""What all nodes must know: which gateways there are, the versions of the gallery and of the pack in use."""

from __future__ import annotations

from manyeyes.contract.message import Count, FromMaster, FromNode


class StateBroadcast(FromMaster):
    """A gateway's message to all nodes, every second or two and after each change."""

    gateway: str
    sent_s: float = 0.0
    """The gateway's monotonic clock."""
    gallery_version: int
    pack: str = ""
    """SHA-256 of the manifest in use."""


class GalleryQuery(FromNode):
    """A node asks for what changed in the gallery since version `have` of the history `mark`, 0 being nothing.

    `content` names the answer whose chunk at `offset` is wanted. The master may give another one, which then
    begins at offset 0: the reply's headers say which, at what offset, the newest version, and which gateway has the
    rest.
    """

    have: Count = 0
    mark: str = ""
    least: Count = 0
    """The least version that serves; a master that is behind it says so."""
    content: str = ""
    offset: Count = 0
