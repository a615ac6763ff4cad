"""The service for faces that got no name: kept while an admin wants it, for as long as they say.

Their file is used in one thread. What nodes send waits in a short line, and what does not fit is dropped: no
picture ever waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from manyeyes.access.audit import Audit
from manyeyes.errors import BadRequest, EmbedderMismatch, EntryNotFound, Unavailable
from manyeyes.face_results import FaceOutcome
from manyeyes.faces.people import Enrolment, NewFace, PeopleService
from manyeyes.faces.unknown_faces import Among, Group, UnknownFaces
from manyeyes.store.database import Registry, now_iso
from manyeyes.store.unknown_faces import FaceStore
from manyeyes.telemetry import log

MOST_FACES = 2000
LEAST_KEPT_S, LONGEST_KEPT_S = 60.0, 90 * 86_400.0
EXPIRE_EVERY_S = 20.0
FILE_NAME = "unknown-faces.db"
_SETTING = "unknown_faces"
_LINE = 16
_T = TypeVar("_T")


@dataclass(frozen=True)
class Retention:
    """Whether unknown faces are kept; `for_s` seconds, 0: they are not; `since`: ISO 8601, UTC."""

    for_s: float = 0.0
    since: str = ""


class UnknownFacesService:
    """Keeps, names and forgets unknown faces.

    Args:
        folder: of the file they are kept in; it is there only while they are kept.
        clock: seconds since 1970.
        changed: is told when there may be other faces to show.
    """

    def __init__(
        self,
        folder: Path,
        registry: Registry,
        people: PeopleService,
        among: Among,
        audit: Audit,
        *,
        clock: Callable[[], float] = time.time,
        most: int = MOST_FACES,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = folder / FILE_NAME
        self._registry = registry
        self._people = people
        self._among = among
        self._audit = audit
        self._clock = clock
        self._changed = changed
        self.most = most
        self._thread = ThreadPoolExecutor(1, "faces")
        self._line: asyncio.Queue[FaceOutcome] = asyncio.Queue(_LINE)
        self._kept: UnknownFaces | None = None
        self.dropped = 0
        """Pictures whose unknown faces did not fit the line."""
        rows = registry.read("SELECT value FROM meta WHERE key = ?", _SETTING)
        self.retention = Retention(*json.loads(rows[0][0])) if rows else Retention()

    # life

    async def start(self) -> None:
        """Open what was kept, or see to it that nothing is; call it before anything else."""
        try:
            if not self.wanted:
                if await self._do(FaceStore.remove, self._path):
                    log().info("unknown faces are not kept; what was left of them is deleted")
                return
            await self._do(self._open)
            named = self._registry.read("SELECT sha256 FROM photos WHERE source = 'kept'")
            await self._with(lambda kept: kept.forget_pictures({row[0] for row in named}))
            await self.expire()
        except Unavailable as error:
            log().error("unknown faces are not kept", error=error.detail)

    async def run(self) -> None:
        """Take in what waits and let go of what is too old, until cancelled."""
        while True:
            batch: list[FaceOutcome] = []
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EXPIRE_EVERY_S):
                    batch.append(await self._line.get())
            while not self._line.empty():
                batch.append(self._line.get_nowait())
            try:
                await self.take(batch)
                await self.expire()
            except Exception as error:  # whatever is wrong with the file, pictures go on
                log().error("unknown faces are not kept", error=repr(error))

    async def take(self, outcomes: Sequence[FaceOutcome]) -> None:
        """Keep what these outcomes bring; raises Unavailable."""
        if outcomes:
            numbers = self._registry.embedding_numbers(self._among.embedder)
            await self._with(lambda kept: kept.take(outcomes, numbers, self._clock()))
            self._changed()

    async def expire(self) -> None:
        """Delete what is too old; raises Unavailable."""
        for_s = self.retention.for_s
        await self._with(lambda kept: kept.expire(for_s, self._clock()))

    async def close(self) -> None:
        """Close the file."""
        await self._do(self._close)
        self._thread.shutdown(wait=False)

    @property
    def wanted(self) -> bool:
        """Whether nodes are to cut unknown faces out."""
        return bool(self.retention.for_s)

    def offer(self, outcome: FaceOutcome) -> None:
        """A node's outcome with unknown faces; what does not fit the line is dropped."""
        if not outcome.unknown or not self.wanted:
            return
        try:
            self._line.put_nowait(outcome)
        except asyncio.QueueFull:
            self.dropped += 1

    # the setting

    async def keep(self, who: str, for_s: float) -> Retention:
        """Keep unknown faces for so many seconds from now on; 0: keep none, and delete those kept.

        Raises:
            BadRequest: out of bounds.
            Unavailable: the audit log or the file cannot be written.
        """
        if for_s and not LEAST_KEPT_S <= for_s <= LONGEST_KEPT_S:
            raise BadRequest(
                f"unknown faces are kept for {LEAST_KEPT_S:.0f} s to {LONGEST_KEPT_S / 86_400:.0f} days, "
                f"not for {for_s:g} s"
            )
        outcome = f"on, for {for_s:g} s" if for_s else "off"
        self._audit.record(who, "faces keep", outcome=outcome, detail=f"{await self.count()} faces were kept")
        if for_s:
            await self._do(self._open)
        since = self.retention.since if for_s and self.wanted else now_iso()
        wished = Retention(for_s, since)
        with self._registry.transaction() as cursor:
            value = json.dumps([wished.for_s, wished.since])
            cursor.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (_SETTING, value))
        self.retention = wished
        if for_s:
            await self.expire()
        else:
            while not self._line.empty():
                self._line.get_nowait()
            await self._do(self._delete_all)
        self._changed()
        return self.retention

    # what an operator does

    async def count(self) -> int:
        """How many faces are kept that can be shown."""
        return await self._with(len) or 0

    async def groups(self) -> list[Group]:
        """All groups that are neither named nor dismissed, last seen first."""
        version = self._registry.gallery_version
        return await self._with(lambda kept: kept.groups(version)) or []

    async def picture(self, face: int) -> bytes:
        """The JPEG of a face; raises EntryNotFound."""
        found = await self._with(lambda kept: kept.picture(face))
        if found is None:
            raise EntryNotFound(
                f"there is no unknown face {face}; 'manyeyes faces list' shows which there are"
            )
        return found

    async def name(self, who: str, group: int, name: str, faces: Sequence[int] = ()) -> Enrolment:
        """Enrol a group's faces under a name, new or known, and keep them no longer.

        Args:
            faces: those of the group that show the person; none: all of it, of which the best
                `unknown.MOST_ENROLLED` are enrolled.

        Raises:
            EntryNotFound: there is no such group, or no such face in it.
            EmbedderMismatch: a node lied about these faces; nothing was done.
            Unavailable: the audit log cannot be written; nothing was done.
        """
        chosen, going = await self._of_group(group, faces)
        known, seen = (
            self._registry.embedding_numbers(self._among.embedder),
            len(chosen[0].enrolled.embedding),
        )
        if known not in (0, seen):
            raise EmbedderMismatch(
                f"the faces of group {group} have embeddings of {seen} numbers, {known} are needed; "
                f"dismiss them with 'manyeyes faces dismiss {group}' and look at the nodes"
            )
        detail = f"{len(chosen)} of {len(going)} faces of group {group} as {name!r}"
        self._audit.record(who, "faces name", outcome="named", detail=detail)
        enrolment = await self._people.enrol(name, chosen)
        await self._with(lambda kept: kept.forget(going))
        self._changed()
        return enrolment

    async def dismiss(self, who: str, group: int) -> int:
        """Show a group, and later faces like it, no more while the retention lasts; how many faces it had.

        Raises:
            EntryNotFound: there is no such group.
            Unavailable: the audit log cannot be written; nothing was done.
        """
        _, faces = await self._of_group(group, ())
        detail = f"group {group}, {len(faces)} faces"
        self._audit.record(who, "faces dismiss", outcome="dismissed", detail=detail)
        await self._with(lambda kept: kept.dismiss(group, self._clock()))
        self._changed()
        return len(faces)

    async def person_grew(self, name: str) -> None:
        """Somebody has new photos: unknown faces that would get the name now are kept no longer."""
        try:
            if gone := await self._with(lambda kept: kept.forget_known(name)):
                log().info("unknown faces are known now", faces=gone)
                self._changed()
        except Unavailable as error:  # the person is enrolled all the same
            log().warning("unknown faces could not be compared with a person", error=error.detail)

    # the thread

    async def _of_group(self, group: int, faces: Sequence[int]) -> tuple[list[NewFace], list[int]]:
        found = await self._with(lambda kept: kept.chosen(group, tuple(faces)))
        if found is None:
            raise EntryNotFound(f"there is no group {group}: unknown faces are not kept")
        return found

    async def _with(self, function: Callable[[UnknownFaces], _T]) -> _T | None:
        """What a function gives of the kept faces, None while none are kept."""
        return await self._do(lambda: function(self._kept) if self._kept is not None else None)

    async def _do(self, function: Callable[..., _T], *args: Any) -> _T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"the file of unknown faces cannot be used: {error}") from error

    def _open(self) -> None:
        if self._kept is None:
            self._kept = UnknownFaces.open(self._path, self._among, self.most)

    def _close(self) -> None:
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _delete_all(self) -> None:
        self._close()
        FaceStore.remove(self._path)
