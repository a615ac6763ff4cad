"""How many people and photos there are, counted anew only when the gallery changed."""

from __future__ import annotations

import sqlite3

from manyeyes.faces.gallery_version import GalleryVersion
from manyeyes.store.gallery import GalleryRepository, GallerySize
from manyeyes.telemetry import log


class GalleryCounts:
    """Of one master."""

    def __init__(self, gallery: GalleryRepository, version: GalleryVersion, embedder: str) -> None:
        self._gallery = gallery
        self._version = version
        self._embedder = embedder
        self._counted: tuple[int, GallerySize] | None = None

    def read(self) -> GallerySize:
        """How large the gallery is; as last known where it cannot be counted."""
        version = self._version.number
        if self._counted is None or self._counted[0] != version:
            try:
                self._counted = (version, self._gallery.size(self._embedder))
            except sqlite3.Error as error:
                log().error("the people cannot be counted", error=str(error))
        return self._counted[1] if self._counted else GallerySize(0, 0)
