"""Embeds the people again when the pack in use has another embedder than the one that enrolled them.

What is done is kept photo by photo: a master that is killed goes on where it was.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from manyeyes.errors import EmbedderMismatch, ManyeyesError
from manyeyes.packs.embedders import LEGACY_KEYS
from manyeyes.packs.served import ServedPack
from manyeyes.recognition.arrays import Floats
from manyeyes.store.gallery import GalleryRepository
from manyeyes.store.photos import PhotoRepository, Portrait
from manyeyes.store.repositories import Store
from manyeyes.telemetry import log

AT_ONCE = 4
"""The most portraits at nodes at once; few, so that pictures of users hardly wait for them."""
TELL_EVERY_S = 2.0
_PAUSE_S = 2.0

Embed = Callable[[Portrait], Awaitable[Floats]]
"""Sends a portrait to a node and returns its embedding."""


def open_store(path: Path, embedder: str) -> Store:
    """The store, with the gallery of `embedder` in use; raises DataFolderUnusable."""
    store = Store.open(path)
    store.photos.rename_embedders(LEGACY_KEYS)
    store.gallery.serve_embedder(embedder)
    return store


def warn_of_others(gallery: GalleryRepository, served: ServedPack, waiting: int) -> None:
    """Log how many photos nobody is compared with: another embedder's, without a portrait to embed again.

    Args:
        waiting: photos that are embedded again.
    """
    others = gallery.photos_of_others(served.embedder) - waiting
    if others:
        log().warning(
            "photos of another embedder, kept without portrait, are not compared; enrol them again, "
            "or go back to their pack",
            photos=others,
            pack=served.pack,
            embedder=served.embedder,
        )


class EmbedAgain:
    """Embeds all photos again that have no embedding of `embedder`.

    Args:
        changed: tells the nodes that the gallery has changed.
    """

    def __init__(
        self, photos: PhotoRepository, embedder: str, embed: Embed, changed: Callable[[], Awaitable[None]]
    ) -> None:
        self._photos = photos
        self._embedder = embedder
        self._embed = embed
        self._changed = changed
        self._ids = photos.to_embed(embedder)
        self._told_at = 0.0
        self.waiting = len(self._ids)
        self.failed = 0

    async def run(self) -> None:
        """Embed all that wait; returns when none is left. A photo that cannot be embedded is logged."""
        if not self._ids:
            return
        log().info("people are embedded again", photos=self.waiting, embedder=self._embedder)
        queue = iter(self._ids)
        async with asyncio.TaskGroup() as group:
            for number in range(AT_ONCE):
                group.create_task(self._take(queue), name=f"embed-again-{number}")
        await self._changed()
        log().info("people were embedded again", photos=len(self._ids) - self.failed, failed=self.failed)

    async def _take(self, queue: Iterator[int]) -> None:
        for photo_id in queue:
            await self._one(photo_id)
            self.waiting -= 1
            if time.monotonic() - self._told_at > TELL_EVERY_S:
                self._told_at = time.monotonic()
                await self._changed()

    async def _one(self, photo_id: int) -> None:
        while (portrait := self._photos.portrait(photo_id)) is not None:
            try:
                embedding = await self._embed(portrait)
            except ManyeyesError as error:
                if error.retryable or isinstance(error, EmbedderMismatch):
                    await asyncio.sleep(error.retry_after_s or _PAUSE_S)
                    continue
                self.failed += 1
                log().warning(
                    "a photo cannot be embedded again; enrol it anew",
                    photo=photo_id,
                    file=portrait.file_name,
                    error=error.detail,
                )
                return
            try:
                self._photos.add_embedding(photo_id, self._embedder, embedding.astype("<f4").tobytes())
                return
            except sqlite3.OperationalError as error:
                log().error("a photo's new embedding cannot be written; it is tried again", error=str(error))
                await asyncio.sleep(_PAUSE_S)
