"""The file of unknown faces, used in one thread; it is there only while faces are kept."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from manyeyes.errors import Unavailable
from manyeyes.faces.unknown_faces import Among, UnknownFaces
from manyeyes.store.unknown_faces import FaceStore

_T = TypeVar("_T")


class FaceFile:
    """Every call raises Unavailable where the file cannot be used.

    Args:
        most: faces that are kept at once.
    """

    def __init__(self, path: Path, among: Among, most: int) -> None:
        self._path = path
        self._among = among
        self._most = most
        self._thread = ThreadPoolExecutor(1, "faces")
        self._kept: UnknownFaces | None = None

    async def open(self) -> None:
        """Keep faces from now on; nothing changes where they are kept already."""
        await self._do(self._open)

    async def close(self) -> None:
        """Close the file for good."""
        await self._do(self._close)
        self._thread.shutdown(wait=False)

    async def remove(self) -> bool:
        """Delete the file, with all faces; whether there was one."""
        return await self._do(self._remove)

    async def ask(self, function: Callable[[UnknownFaces], _T]) -> _T | None:
        """What a function gives of the kept faces, None while none are kept."""
        return await self._do(lambda: function(self._kept) if self._kept is not None else None)

    async def _do(self, function: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"the file of unknown faces cannot be used: {error}") from error

    def _open(self) -> None:
        if self._kept is None:
            self._kept = UnknownFaces.open(self._path, self._among, self._most)

    def _close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _remove(self) -> bool:
        self._close()
        return FaceStore.remove(self._path)
