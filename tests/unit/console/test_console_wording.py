"""How pages word figures and moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from manyeyes.console.wording import ago, count, exact, rate
from manyeyes.wording import duration, several, size

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "now"), (4, "now"), (6, "6 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (172_800, "2 d ago")],
)  # fmt: skip
def test_how_long_ago(seconds: float, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said
    assert ago((NOW - timedelta(seconds=seconds)).replace(tzinfo=None), NOW) == said


def test_never_and_exactly() -> None:
    assert ago(None, NOW) == "never"
    assert (exact(NOW), exact(None)) == ("2026-01-02 03:04:05 UTC", "")
    assert duration(-1) == "0 s"


@pytest.mark.parametrize(
    ("per_s", "said"), [(0, "0"), (-1, "0"), (0.254, "0.25"), (3.14, "3.1"), (12.04, "12.0"), (128.4, "128")]
)
def test_rates(per_s: float, said: str) -> None:
    assert rate(per_s) == said


def test_figures() -> None:
    assert count(12345) == "12,345"
    assert (size(512e6), size(8.06e9)) == ("512 MB", "8.1 GB")
    assert (several(1, "node"), several(2000, "node"), several(0, "person", "people")) == (
        "1 node",
        "2,000 nodes",
        "0 people",
    )
