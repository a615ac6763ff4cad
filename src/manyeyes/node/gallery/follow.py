"""Keeps this node's gallery close to the masters' newest. Errors are logged; the next broadcast tries again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from manyeyes.errors import ManyeyesError
from manyeyes.node.gallery.cache import GalleryCache
from manyeyes.telemetry import log


class GalleryFollower:
    """Fetches the gallery for one node whenever a master reports a newer version.

    Args:
        spawn: starts a named task that ends with the agent.
        changed: called after each refresh that succeeded.
    """

    def __init__(
        self,
        galleries: GalleryCache,
        spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]],
        changed: Callable[[], None],
    ) -> None:
        self._galleries = galleries
        self._spawn = spawn
        self._changed = changed

    def heard(self, version: int) -> None:
        """A master reports that it has this version."""
        if version > self._galleries.version:
            self._spawn(self.refresh(version), "refresh-gallery")

    async def refresh(self, least: int = 0) -> None:
        """Fetch the gallery up to at least this version; 0: the newest."""
        try:
            await self._galleries.refresh(least)
        except ManyeyesError as error:
            log().warning("gallery not refreshed", error=error.detail)
        else:
            self._changed()
