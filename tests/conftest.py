"""Fixtures that several tiers share."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

import manyeyes  # noqa: F401  must come before any library that sends telemetry

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What masters store for their user is stored here, and not for who runs the tests."""
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="session")
def default_pack() -> Path:
    """The built default pack: from MANYEYES_TEST_PACK, or built once under `.cache/packs`."""
    given = os.environ.get("MANYEYES_TEST_PACK")
    if given:
        return Path(given)
    from manyeyes.packs.store import ensure_default

    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    with (cache / "building").open("w") as lock:  # the tests run in several processes
        fcntl.flock(lock, fcntl.LOCK_EX)
        return ensure_default(cache)
