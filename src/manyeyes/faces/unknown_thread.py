"""The one thread that uses the file of unknown faces, open while they are kept."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from manyeyes.errors import Unavailable
from manyeyes.faces.unknown_faces import Among, UnknownFaces
from manyeyes.store.unknown_faces import UnknownFaceRepository

_T = TypeVar("_T")


class UnknownFacesThread:
    """Runs all calls on the file of unknown faces in one thread, one after the other.

    Raises:
        Unavailable: the file cannot be used; so from every call.
    """

    def __init__(self, path: Path, among: Among, most: int) -> None:
        self.most = most
        self._path = path
        self._among = among
        self._thread = ThreadPoolExecutor(1, "faces")
        self._kept: UnknownFaces | None = None

    async def use(self, function: Callable[[UnknownFaces], _T]) -> _T | None:
        """Return what a function returns for the kept faces; None while none are kept."""
        return await self._do(lambda: function(self._kept) if self._kept is not None else None)

    async def open(self) -> None:
        """Open the file, created if it is missing; nothing changes where it is open."""
        await self._do(self._open)

    async def delete(self) -> bool:
        """Close the file and delete it. Returns whether there was one."""
        return await self._do(self._delete)

    async def close(self) -> None:
        """Close the file and end the thread."""
        await self._do(self._close)
        self._thread.shutdown(wait=False)

    async def _do(self, function: Callable[[], _T]) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"the file of unknown faces cannot be used: {error}") from error

    def _open(self) -> None:
        if self._kept is None:
            self._kept = UnknownFaces.open(self._path, self._among, self.most)

    def _close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _delete(self) -> bool:
        self._close()
        return UnknownFaceRepository.remove(self._path)
