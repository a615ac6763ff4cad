"""How a node has the pack in use sent."""

from __future__ import annotations

from manyeyes.contract.message import Count, FromNode


class PackQuery(FromNode):
    """A node asks for the manifest (empty digest) or for one file of the pack in use, by its SHA-256."""

    sha256: str = ""
    offset: Count = 0
