"""Pytest plugin: runs the slow tiers first, and prints how many tests of each tier ran above pytest's own last line."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

SLOWEST_FIRST = ("e2e", "integration", "field", "contract", "unit")
"""With several processes, none is left with a long file at the end: the short files of unit tests fill the gaps."""
OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


def tier_of(nodeid: str) -> str:
    """`tests/e2e/test_send.py::test_x` -> `e2e`."""
    parts = nodeid.split("::", 1)[0].split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "tests" else "other"


def pytest_collection_modifyitems(items: list[Any]) -> None:
    def rank(item: Any) -> int:
        tier = tier_of(item.nodeid)
        return SLOWEST_FIRST.index(tier) if tier in SLOWEST_FIRST else len(SLOWEST_FIRST)

    items.sort(key=rank)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for outcome in OUTCOMES:
        for report in terminalreporter.stats.get(outcome, []):
            if nodeid := getattr(report, "nodeid", ""):
                counts[tier_of(nodeid)][outcome] += 1
    if not counts:
        return
    terminalreporter.section("tests of each tier")
    for tier, counter in sorted(counts.items()):
        told = ", ".join(f"{counter[outcome]} {outcome}" for outcome in OUTCOMES if counter[outcome])
        terminalreporter.write_line(f"{tier:<12} {told}")
