"""The gallery as nodes ask for it: what changed since the version they have, or all of it.

An answer that is fetched in chunks never changes meanwhile: it has a name, and stays what it is.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from manyeyes.contract import CHUNK_BYTES, GalleryQuery
from manyeyes.errors import Unavailable
from manyeyes.store.gallery import GalleryReader
from manyeyes.store.gallery_view import GalleryView

_CONTENTS_KEPT = 8
_GATHERING_PATIENCE_S = 8.0
_SNAPSHOT_GOES_STALE = 50_000
"""After this many changes a new snapshot is made, instead of sending an old one with a long delta."""


@dataclass(frozen=True)
class Piece:
    """One chunk of an answer; an empty answer has no content name: the node has the newest version."""

    content: str
    offset: int
    chunk: bytes
    size_bytes: int
    newest: int


class Galleries:
    """Answers to `GalleryQuery`; safe to call from several threads, each call may take seconds.

    Args:
        gallery: read over connections of its own.
        folder: for snapshots; those of an earlier run are deleted.
        threshold_at: the threshold in force for what a view of the gallery shows.
    """

    def __init__(
        self, gallery: GalleryReader, folder: Path, threshold_at: Callable[[GalleryView], float]
    ) -> None:
        self._gallery = gallery
        self._folder = folder
        self._threshold_at = threshold_at
        self._lock = threading.Lock()
        self._gathering = threading.Lock()
        self._contents: OrderedDict[str, Any] = OrderedDict()
        self._snapshot: tuple[str, int, str] | None = None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in folder.glob("snapshot-*"):
            path.unlink()

    def piece(self, query: GalleryQuery, embedder: str) -> Piece:
        """The chunk that was asked for, or the first one of what there is now.

        Raises:
            Unavailable: the whole gallery is being gathered for somebody else just now.
        """
        with self._gallery.opened(embedder) as view:
            newest, _ = view.newest
            name, offset = query.content, query.offset
            content = self._kept(name)
            if content is None or not 0 <= offset <= len(content):
                offset = 0
                name, content = self._make(view, query)
            if not name:
                return Piece("", 0, b"", 0, newest)
            return Piece(name, offset, bytes(content[offset : offset + CHUNK_BYTES]), len(content), newest)

    def _kept(self, name: str) -> Any | None:
        with self._lock:
            if name in self._contents:
                self._contents.move_to_end(name)
            return self._contents.get(name)

    def _make(self, view: GalleryView, query: GalleryQuery) -> tuple[str, Any]:
        now, mark = view.newest
        if (query.have, query.mark) == (now, mark):
            return "", b""
        name = f"{query.have}-{now}-{query.mark}"
        if (content := self._kept(name)) is not None:
            return name, content
        changes = None
        if query.have:
            changes = view.delta(query.have, query.mark, self._threshold_at(view))
        if changes is not None:
            return name, self._keep(name, np.frombuffer(changes.to_bytes(), np.uint8))
        if not self._gathering.acquire(timeout=_GATHERING_PATIENCE_S):
            raise Unavailable("the master is gathering the gallery for another node; ask again")
        try:
            return self._whole(view)
        finally:
            self._gathering.release()

    def _whole(self, view: GalleryView) -> tuple[str, Any]:
        """The snapshot: a kept one, if a short delta without removals leads on from it."""
        if self._snapshot is not None:
            name, version, mark = self._snapshot
            content = self._kept(name)
            now, _ = view.newest
            fresh = content is not None and now - version <= _SNAPSHOT_GOES_STALE
            if fresh and view.only_added(version, mark):
                return name, content
        path = self._folder / "snapshot-new.gal"
        made = view.write_snapshot(path, self._threshold_at(view))
        name = f"0-{made.version}-{made.mark}"
        content = self._keep(name, np.memmap(path, np.uint8, "r"))
        path.unlink()
        self._snapshot = (name, made.version, made.mark)
        return name, content

    def _keep(self, name: str, content: Any) -> Any:
        with self._lock:
            self._contents[name] = content
            while len(self._contents) > _CONTENTS_KEPT:
                self._contents.popitem(last=False)
        return content
