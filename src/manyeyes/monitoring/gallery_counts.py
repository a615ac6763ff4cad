"""How many people and photos there are, counted anew only when the gallery changed."""

from __future__ import annotations

import sqlite3

from manyeyes.faces.gallery_version import GalleryVersion
from manyeyes.store.registry import Registry
from manyeyes.telemetry import log


class GalleryCounts:
    """Of one master."""

    def __init__(self, registry: Registry, version: GalleryVersion, embedder: str) -> None:
        self._registry = registry
        self._version = version
        self._embedder = embedder
        self._counted: tuple[int, int, int] | None = None

    @property
    def people(self) -> int:
        """How many people are enrolled, as of now."""
        return self._registry.people_count

    def read(self) -> tuple[int, int]:
        """(people, photos); the last ones known where they cannot be counted."""
        version = self._version.number
        if self._counted is None or self._counted[0] != version:
            query = "SELECT COUNT(*) FROM photos WHERE embedder = ?"
            try:
                photos = self._registry.read(query, self._embedder)
                self._counted = (version, self._registry.people_count, int(photos[0][0]))
            except sqlite3.Error as error:
                log().error("the people cannot be counted", error=str(error))
        return self._counted[1:] if self._counted else (0, 0)
