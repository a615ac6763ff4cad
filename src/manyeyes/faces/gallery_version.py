"""The number of the newest gallery: nodes compare it with theirs, and each picture names the one it needs."""

from __future__ import annotations

from manyeyes.store.gallery import GalleryRepository


class GalleryVersion:
    """Keeps the number of the newest gallery version in memory."""

    def __init__(self, gallery: GalleryRepository) -> None:
        self._gallery = gallery
        self.number = gallery.version

    def refresh(self) -> None:
        """Read the number again, because people changed in the store."""
        self.number = self._gallery.version
