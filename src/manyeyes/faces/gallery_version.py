"""The number of the newest gallery: nodes compare it with theirs, and each picture names the one it needs."""

from __future__ import annotations

from manyeyes.store.registry import Registry


class GalleryVersion:
    """One per master."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self.number = registry.gallery_version

    def refresh(self) -> None:
        """People changed in the registry."""
        self.number = self._registry.gallery_version
