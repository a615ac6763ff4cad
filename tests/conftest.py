"""Fixtures that several tiers share."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

import manyeyes  # noqa: F401  must come before any library that sends telemetry

ROOT = Path(__file__).resolve().parent.parent


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
