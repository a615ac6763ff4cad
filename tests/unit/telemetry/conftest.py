"""What a test sets up for its process ends with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from manyeyes.telemetry import events


@pytest.fixture(autouse=True)
def set_up_ends() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    events._facts.clear()
    events._State.on = False
