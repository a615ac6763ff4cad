"""The files that a worker opens to search a gallery."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class GalleryFiles(BaseModel):
    """The files that make a gallery at a version: a base, its index (empty: none), the changes since in order."""

    model_config = ConfigDict(frozen=True)

    base: str
    index: str = ""
    deltas: tuple[str, ...] = ()
    version: int = 0
