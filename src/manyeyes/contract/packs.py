"""How a node has the pack in use sent."""

from __future__ import annotations

from pydantic import Field

from manyeyes.contract.message import FromNode


class PackQuery(FromNode):
    """A node asks for the manifest (empty digest) or for one file of the pack in use, by its SHA-256."""

    sha256: str = ""
    offset: int = Field(0, ge=0)
