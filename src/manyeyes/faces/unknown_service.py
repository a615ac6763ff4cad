"""The service for faces that got no name: kept while an admin wants it, for as long as they say.

What nodes send waits in a short line, and what does not fit is dropped: no picture ever waits for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from manyeyes.access.audit import Audit
from manyeyes.errors import BadRequest, EmbedderMismatch, EntryNotFound, Unavailable
from manyeyes.face_results import FaceOutcome
from manyeyes.faces.new_faces import Enrolment, NewFace
from manyeyes.faces.people import PeopleService
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.faces.unknown_faces import Among, Group
from manyeyes.faces.unknown_thread import UnknownFacesThread
from manyeyes.store.gallery import GalleryRepository
from manyeyes.store.photos import PhotoRepository
from manyeyes.store.settings import Retention, SettingsRepository
from manyeyes.store.timestamps import now_iso
from manyeyes.telemetry import log

MOST_FACES = 2000
LEAST_KEPT_S, LONGEST_KEPT_S = 60.0, 90 * 86_400.0
EXPIRE_EVERY_S = 20.0
FILE_NAME = "unknown-faces.db"
_LINE = 16


class UnknownFacesService:
    """Keeps, names and forgets unknown faces.

    Args:
        folder: of the file they are kept in; it is there only while they are kept.
        growth: says who has new photos: unknown faces that would get their name are no longer kept.
        clock: seconds since 1970.
        changed: called when the faces to show may have changed.
    """

    def __init__(
        self,
        folder: Path,
        settings: SettingsRepository,
        photos: PhotoRepository,
        gallery: GalleryRepository,
        people: PeopleService,
        among: Among,
        audit: Audit,
        growth: PersonGrowth,
        *,
        clock: Callable[[], float] = time.time,
        most: int = MOST_FACES,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = UnknownFacesThread(folder / FILE_NAME, among, most)
        self._settings = settings
        self._photos = photos
        self._gallery = gallery
        self._people = people
        self._embedder = among.embedder
        self._audit = audit
        self._clock = clock
        self._changed = changed
        self._line: asyncio.Queue[FaceOutcome] = asyncio.Queue(_LINE)
        self.dropped = 0
        """Pictures whose unknown faces did not fit the line."""
        self.retention = settings.retention()
        growth.listen(self.person_grew)

    # life

    async def start(self) -> None:
        """Open what was kept, or see to it that nothing is; call it before anything else."""
        try:
            if not self.wanted:
                if await self._file.delete():
                    log().info("unknown faces are not kept; what was left of them is deleted")
                return
            await self._file.open()
            named = self._photos.digests_of_named()
            await self._file.use(lambda kept: kept.forget_pictures(named))
            await self.expire()
        except Unavailable as error:
            log().error("unknown faces are not kept", error=error.detail)

    async def run(self) -> None:
        """Store waiting faces and delete old ones, until cancelled."""
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
            numbers = self._gallery.embedding_numbers(self._embedder)
            await self._file.use(lambda kept: kept.take(outcomes, numbers, self._clock()))
            self._changed()

    async def expire(self) -> None:
        """Delete what is too old; raises Unavailable."""
        for_s = self.retention.for_s
        await self._file.use(lambda kept: kept.expire(for_s, self._clock()))

    async def close(self) -> None:
        """Close the file."""
        await self._file.close()

    @property
    def most(self) -> int:
        """How many faces are kept; the oldest go first."""
        return self._file.most

    @property
    def wanted(self) -> bool:
        """Whether nodes must send crops of unknown faces."""
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
        """Set how many seconds unknown faces are kept from now on; 0: keep none, and delete those kept.

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
            await self._file.open()
        since = self.retention.since if for_s and self.wanted else now_iso()
        retention = Retention(for_s, since)
        self._settings.set_retention(retention)
        self.retention = retention
        if for_s:
            await self.expire()
        else:
            while not self._line.empty():
                self._line.get_nowait()
            await self._file.delete()
        self._changed()
        return self.retention

    # what an operator does

    async def count(self) -> int:
        """How many faces are kept that can be shown."""
        return await self._file.use(len) or 0

    async def groups(self) -> list[Group]:
        """All groups that are neither named nor dismissed, last seen first."""
        version = self._gallery.version
        return await self._file.use(lambda kept: kept.groups(version)) or []

    async def picture(self, face: int) -> bytes:
        """The JPEG of a face; raises EntryNotFound."""
        found = await self._file.use(lambda kept: kept.picture(face))
        if found is None:
            raise EntryNotFound(f"there is no unknown face {face}; 'manyeyes faces list' lists them")
        return found

    async def name(self, who: str, group: int, name: str, faces: Sequence[int] = ()) -> Enrolment:
        """Enrol a group's faces under a name, new or known, and keep them no longer.

        Args:
            faces: those of the group that show the person; none: all of it, of which the best
                `unknown_faces.MOST_ENROLLED` are enrolled.

        Raises:
            EntryNotFound: there is no such group, or no such face in it.
            EmbedderMismatch: a node lied about these faces; nothing was done.
            Unavailable: the audit log cannot be written; nothing was done.
        """
        chosen, going = await self._of_group(group, faces)
        known, seen = (
            self._gallery.embedding_numbers(self._embedder),
            len(chosen[0].enrolled.embedding),
        )
        if known not in (0, seen):
            raise EmbedderMismatch(
                f"the faces of group {group} have embeddings of {seen} numbers, {known} are needed; "
                f"dismiss them with 'manyeyes faces dismiss {group}' and look at the nodes"
            )
        where_from = f", {len(chosen)} of {len(going)} faces of unknown group {group}"
        enrolment = await self._people.enrol(who, name, chosen, what="faces name", where_from=where_from)
        await self._file.use(lambda kept: kept.forget(going))
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
        await self._file.use(lambda kept: kept.dismiss(group, self._clock()))
        self._changed()
        return len(faces)

    async def person_grew(self, name: str) -> None:
        """A person has new photos: delete the unknown faces that would get the name now."""
        try:
            if gone := await self._file.use(lambda kept: kept.forget_known(name)):
                log().info("unknown faces are known now", faces=gone)
                self._changed()
        except Unavailable as error:  # the person is enrolled all the same
            log().warning("unknown faces could not be compared with a person", error=error.detail)

    async def _of_group(self, group: int, faces: Sequence[int]) -> tuple[list[NewFace], list[int]]:
        found = await self._file.use(lambda kept: kept.chosen(group, tuple(faces)))
        if found is None:
            raise EntryNotFound(f"there is no group {group}: unknown faces are not kept")
        return found
