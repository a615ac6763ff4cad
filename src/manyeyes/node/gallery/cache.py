"""The newest gallery that a node has, in files that its workers map: a base, its index, the changes since."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from manyeyes.broker.nodelink import NodeLink
from manyeyes.broker.transfer import PartialFile
from manyeyes.contract import ANY, GalleryQuery
from manyeyes.durable import flush_to_disk
from manyeyes.errors import PackDamaged, Unavailable
from manyeyes.node.gallery.files import GalleryFiles
from manyeyes.node.packs.environment import OWN, Interpreter
from manyeyes.telemetry import log

if TYPE_CHECKING:
    from manyeyes.recognition.matching.gallery_changes import Changes

MOST_DELTAS = 48
LEAST_CHANGED = 1_000
CHANGED_SHARE = 50
"""The base is rebuilt after more than 1/`CHANGED_SHARE` of its photos changed, at least `LEAST_CHANGED`, or after more
than `MOST_DELTAS` deltas."""
_REST_S = 30.0


def wants_fold(base_photos: int, has_index: bool, changed_photos: int, deltas: int) -> bool:
    """Whether the base should be rebuilt, or needs its index."""
    from manyeyes.recognition.matching.nearest import SCAN_FROM

    if base_photos >= SCAN_FROM and not has_index:
        return True
    return changed_photos > max(LEAST_CHANGED, base_photos // CHANGED_SHARE) or deltas > MOST_DELTAS


def _changes(path: Path) -> Changes:
    from manyeyes.recognition.matching.gallery_changes import Changes  # NumPy, only where there is a gallery

    return Changes.open(path)


class GalleryCache:
    """Fetches changes of the gallery, keeps them in `folder` over restarts, and compacts them in the background.

    `files` are the files that a worker must open to have `version`; None before anything was fetched.
    """

    def __init__(self, link: NodeLink, folder: Path) -> None:
        self._link = link
        self._folder = folder
        self._lock = asyncio.Lock()
        self._grown = asyncio.Event()
        self._part: PartialFile | None = None
        self._number = 0
        self._base_photos = 0
        self._retired: list[Path] = []
        self.files: GalleryFiles | None = None
        self.version = -1
        self.trouble = ""
        """Why the last attempt to get the newest version failed on this machine; empty if it succeeded."""
        self._mark = ""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._load()

    # what lies in the folder

    def _load(self) -> None:
        """Load what an earlier run left. If its files do not match, they are deleted and fetched again."""
        try:
            state = json.loads((self._folder / "state.json").read_text())
            base, deltas = self._folder / state["base"], [self._folder / name for name in state["deltas"]]
            index = self._folder / state["index"] if state["index"] else None
            self._adopt(base, index, deltas)
            self._number = int(state["number"])
        except (OSError, ValueError, KeyError, TypeError, PackDamaged) as error:
            if (self._folder / "state.json").exists():
                log().warning("the kept gallery cannot be used and is fetched again", error=str(error))
            self.files, self.version, self._mark = None, -1, ""
        kept = {"state.json"} | {Path(path).name for path in self._paths()}
        for path in self._folder.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)
        if self.files is None:
            (self._folder / "state.json").unlink(missing_ok=True)

    def _paths(self) -> list[str]:
        if self.files is None:
            return []
        return [path for path in (self.files.base, self.files.index, *self.files.deltas) if path]

    def _adopt(self, base: Path, index: Path | None, deltas: list[Path]) -> None:
        """Use these files from now on.

        Raises:
            PackDamaged: one cannot be read, or does not follow the one before.
        """
        first = last = _changes(base)
        if first.since or (index is not None and not index.exists()):
            raise PackDamaged(f"{base} is no whole gallery with an index; it is fetched again")
        changed = 0
        for path in deltas:
            change = _changes(path)
            if change.since != last.version:
                raise PackDamaged(f"{path} leads on from version {change.since}, here is {last.version}")
            last, changed = change, changed + change.size_photos
        self._base_photos = len(first.photos)
        self.version, self._mark = last.version, last.mark
        self.files = GalleryFiles(
            base=str(base),
            index=str(index) if index else "",
            deltas=tuple(map(str, deltas)),
            version=last.version,
        )
        if wants_fold(self._base_photos, bool(index), changed, len(deltas)):
            self._grown.set()

    def _save(self) -> None:
        assert self.files is not None
        state = {
            "base": Path(self.files.base).name,
            "index": Path(self.files.index).name if self.files.index else "",
            "deltas": [Path(path).name for path in self.files.deltas],
            "number": self._number,
        }
        partial = self._folder / "state.part"
        partial.write_text(json.dumps(state))
        flush_to_disk(partial)
        partial.replace(self._folder / "state.json")

    def _next(self, kind: str) -> Path:
        self._number += 1
        return self._folder / f"{kind}-{self._number}.gal"

    # what the master has

    async def refresh(self, least: int, *, gateway: str = ANY) -> None:
        """Fetch the gallery up to at least version `least`; 0: the master's newest.

        Args:
            gateway: the gateway to ask.

        Raises:
            Unavailable: the master does not answer (what has arrived is kept for the next time), or what it
                sent cannot be used or written.
        """
        if least and self.files is not None and self.version >= least:
            return
        async with self._lock:
            wanted = least
            while self.files is None or self.version < wanted or not least:
                try:
                    newest = await self._fetch(wanted, gateway)
                except (OSError, PackDamaged) as error:
                    self.trouble = f"the gallery cannot be brought up to date: {error}"
                    raise Unavailable(self.trouble) from error
                self.trouble = ""
                if self.version >= newest:
                    return
                wanted = max(wanted, newest)

    async def forget(self) -> None:
        """Forget what is here; the next `refresh` fetches the whole gallery."""
        async with self._lock:
            (self._folder / "state.json").unlink(missing_ok=True)
            self._retire(self._paths())
            self.files, self.version, self._mark = None, -1, ""

    async def _fetch(self, least: int, gateway: str) -> int:
        query = GalleryQuery(have=max(self.version, 0), mark=self._mark, least=least)
        incoming = self._folder / "incoming.part"
        if self._part is None:
            self._part = PartialFile(incoming)
        newest = await self._link.fetch_gallery(query, self._part, gateway=gateway)
        part, self._part = self._part, None
        part.close()
        if part.received:
            await asyncio.to_thread(flush_to_disk, incoming)
            self._take(incoming)
        return newest

    def _take(self, incoming: Path) -> None:
        change = _changes(incoming)
        if change.since and (self.files is None or change.since != self.version):
            raise Unavailable(f"the master sent changes since {change.since}, here is {self.version}")
        path = self._next("delta" if change.since else "base")
        incoming.replace(path)
        if change.since:
            assert self.files is not None
            index = Path(self.files.index) if self.files.index else None
            self._adopt(Path(self.files.base), index, [*map(Path, self.files.deltas), path])
        else:
            self._retire(self._paths())
            self._adopt(path, None, [])
        self._save()

    # folding

    async def keep_folded(self, interpreter: Callable[[], Interpreter] = lambda: OWN) -> None:
        """Rebuild the base when needed, in a separate process of low priority, until cancelled.

        Args:
            interpreter: the pack's environment, which has the libraries for searching.
        """
        while True:
            await self._grown.wait()
            self._grown.clear()
            try:
                await self._fold(interpreter())
            except (OSError, PackDamaged) as error:
                log().warning("the gallery could not be folded; matching is slower", error=str(error))
                await asyncio.sleep(_REST_S)
                self._grown.set()

    async def _fold(self, interpreter: Interpreter) -> None:
        before = self.files
        if before is None:
            return
        made = self._next("base") if before.deltas else Path(before.base)
        index = made.with_suffix(".idx")
        command = [
            str(interpreter.python),
            "-m",
            "manyeyes.node.gallery.compaction",
            str(made),
            str(index),
            before.base,
        ]
        process = await asyncio.create_subprocess_exec(
            *command,
            *before.deltas,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env={**interpreter.environment(os.environ), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        try:
            _, said = await process.communicate()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise PackDamaged(f"folding ended with {process.returncode}: {said.decode()[-300:]}")
        async with self._lock:
            now = self.files
            if now is None or now.base != before.base:
                self._retire([str(made), str(index)])
                return
            later = [Path(path) for path in now.deltas[len(before.deltas) :]]
            gone = [path for path in self._paths() if path != str(made) and Path(path) not in later]
            self._adopt(made, index if index.exists() else None, later)
            self._save()
            self._retire(gone)
        log().info("gallery folded", photos=self._base_photos, version=before.version)

    def _retire(self, paths: list[str]) -> None:
        """Delete the files that were retired earlier. A worker may be about to open the ones that are retired now."""
        for path in self._retired:
            path.unlink(missing_ok=True)
        self._retired = [Path(path) for path in paths]
