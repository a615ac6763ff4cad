"""20,000 broken pictures: each ends in a result or a typed error, in bounded time and memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzzing.harness import feed
from tests.fuzzing.mutations import broken

INPUTS = 20_000
MAX_GROWTH_MB = 1500


@pytest.mark.chaos
@pytest.mark.timeout(7200)
def test_broken_pictures(default_pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    seen = feed(default_pack, map(broken, range(100_000, 100_000 + INPUTS)), tmp_path / "kept")
    with capsys.disabled():
        print(f"\n{seen.as_markdown()}")
    assert seen.inputs == INPUTS and not seen.failures, seen.failures[:20]
    assert seen.peak_mb < MAX_GROWTH_MB
