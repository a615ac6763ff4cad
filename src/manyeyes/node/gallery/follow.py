"""Keeps this node's gallery near the masters' newest; what goes wrong is logged, and tried again at the next news."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from manyeyes.errors import ManyeyesError
from manyeyes.node.gallery.cache import GalleryCache
from manyeyes.telemetry import log


class GalleryFollower:
    """Of one node.

    Args:
        spawn: starts a named task that ends with the agent.
        changed: called when another version is here.
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
        """A master has this version."""
        if version > self._galleries.version:
            self._spawn(self.refresh(version), "refresh-gallery")

    async def refresh(self, least: int = 0) -> None:
        """Have at least this version; 0: the newest."""
        try:
            await self._galleries.refresh(least)
        except ManyeyesError as error:
            log().warning("gallery not refreshed", error=error.detail)
        else:
            self._changed()
