"""Alive and ready: each thing that can be wrong is told, alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from manyeyes.monitoring.health import Signs, not_ready, unwell

WELL = Signs(
    ticked_ago_s=0.3,
    engine_runs=True,
    engine_answers=True,
    engine_words="",
    ready_nodes=1,
    nodes=2,
    stopping=False,
    disk_free_bytes=10**9,
    disk_least_bytes=10**7,
)


@pytest.mark.parametrize(
    ("change", "alive", "ready"),
    [
        ({}, [], []),
        ({"ticked_ago_s": 5.1}, ["clock"], ["clock"]),
        ({"engine_runs": False, "engine_answers": False}, ["engine"], ["engine"]),
        ({"engine_answers": False}, [], ["engine-silent"]),
        ({"ready_nodes": 0}, [], ["nodes"]),
        ({"ready_nodes": 0, "nodes": 0}, [], ["nodes"]),
        ({"stopping": True}, [], ["stopping"]),
        ({"disk_free_bytes": 10**7 - 1}, [], ["disk"]),
        ({"stopping": True, "ready_nodes": 0}, [], ["stopping", "nodes"]),
    ],
)
def test_what_is_wrong(change: dict[str, object], alive: list[str], ready: list[str]) -> None:
    signs = replace(WELL, **change)  # type: ignore[arg-type]
    assert [one.what for one in unwell(signs)] == alive
    assert [one.what for one in not_ready(signs)] == ready
    assert all(one.detail for one in not_ready(signs))
