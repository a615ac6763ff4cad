"""What a gateway counts of its pictures."""

from __future__ import annotations

from manyeyes.dispatch.statistics import Statistics


def test_ends_are_counted_in_all_and_by_node() -> None:
    counts = Statistics()
    counts.ended("a", 100, ok=True)
    counts.ended("a", 100, ok=False)
    counts.ended("", 100, ok=False)
    assert (counts.done, counts.failed, counts.by_node) == (1, 2, {"a": (1, 1)})
    assert counts.take_by_node() == {"a": (1, 1)} and counts.by_node == {}


def test_the_usual_size_begins_with_the_first_and_follows_slowly() -> None:
    counts = Statistics()
    counts.ended("a", 1000, ok=True)
    assert counts.usual_bytes == 1000
    counts.ended("a", 2000, ok=True)
    assert 1000 < counts.usual_bytes < 1200
