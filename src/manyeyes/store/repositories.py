"""All repositories over the master's file, opened and closed together."""

from __future__ import annotations

from pathlib import Path

from manyeyes.store.audit import AuditRepository
from manyeyes.store.credentials import CredentialRepository
from manyeyes.store.database import Database
from manyeyes.store.feedback import FeedbackRepository
from manyeyes.store.gallery import GalleryRepository
from manyeyes.store.merges import MergeRepository
from manyeyes.store.nodes import NodeRepository
from manyeyes.store.people import PeopleRepository
from manyeyes.store.person_ids import PersonIds
from manyeyes.store.photos import PhotoRepository
from manyeyes.store.sessions import SessionRepository
from manyeyes.store.settings import SettingsRepository


class Store:
    """What a master remembers over restarts; one SQLite file, for the thread that opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.nodes = NodeRepository(database)
        self.credentials = CredentialRepository(database)
        self.sessions = SessionRepository(database)
        self.audit = AuditRepository(database)
        self.people = PeopleRepository(database)
        self.merges = MergeRepository(database)
        self.person_ids = PersonIds(database)
        self.photos = PhotoRepository(database)
        self.feedback = FeedbackRepository(database)
        self.gallery = GalleryRepository(database)
        self.settings = SettingsRepository(database)

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open a file, created if it is missing; raises DataFolderUnusable."""
        return cls(Database(path))

    def close(self) -> None:
        """Close the file."""
        self._database.close()
