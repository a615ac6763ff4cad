"""A master's file of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from manyeyes.store.database import Database
from manyeyes.store.repositories import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "master.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    """The file below the repositories, for what they do not show."""
    opened = Database(path)
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)
