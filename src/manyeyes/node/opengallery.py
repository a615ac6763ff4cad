"""The gallery that a worker has open, and the room in memory that its files are given."""

from __future__ import annotations

import resource
from pathlib import Path

from manyeyes.errors import PackDamaged
from manyeyes.node.framing import GalleryFiles
from manyeyes.recognition.changes import Changes
from manyeyes.recognition.gallery import Gallery
from manyeyes.recognition.layered import LayeredGallery

_LIBRARY_BYTES = 512 * 1024**2
"""Addresses that the search library and its threads take; little of it is ever touched."""


class OpenGallery:
    """Follows the files that its agent names; made once the process's memory is bounded."""

    def __init__(self) -> None:
        self.gallery: Gallery = Gallery.empty()
        self._files: GalleryFiles | None = None
        self._bound, _ = resource.getrlimit(resource.RLIMIT_AS)

    def follow(self, files: GalleryFiles) -> str:
        """Open what is new in `files`; why it cannot be, or nothing."""
        old = self._files
        self._make_room(files, old)
        try:
            if (
                old is not None
                and isinstance(self.gallery, LayeredGallery)
                and (old.base, old.index) == (files.base, files.index)
                and files.deltas[: len(old.deltas)] == old.deltas
            ):
                changes = [Changes.open(Path(path)) for path in files.deltas[len(old.deltas) :]]
                self.gallery = self.gallery.with_changes(changes)
            else:
                index = Path(files.index) if files.index else None
                self.gallery = LayeredGallery.open(Path(files.base), map(Path, files.deltas), index)
        except PackDamaged as error:
            return error.detail
        self._files = files
        self._make_room(files)
        return ""

    def _make_room(self, *opened: GalleryFiles | None) -> None:
        """Mapped files count as memory in the system's bound for this process, though all workers share them."""
        if self._bound == resource.RLIM_INFINITY:
            return
        sizes = [
            Path(path).stat().st_size
            for files in opened
            if files is not None
            for path in (files.base, files.index, *files.deltas)
            if path and Path(path).exists()
        ]
        library = _LIBRARY_BYTES if any(files is not None and files.index for files in opened) else 0
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        wanted = self._bound + sum(sizes) + library
        resource.setrlimit(
            resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )
