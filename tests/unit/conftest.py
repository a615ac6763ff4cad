"""A registry of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from manyeyes.store.database import Registry


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "master.db"


@pytest.fixture
def registry(path: Path) -> Iterator[Registry]:
    opened = Registry(path)
    yield opened
    opened.close()
