"""Every way in which a node leaves, all at once, each on a host of its own: no picture is lost or answered twice.

`make leaving` plays each way alone and prints how long it takes; the tests of the chaos tier do so once.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.clocks import why_no_clock
from tests.needs import needed
from tests.one_file_packs import write_pack

from .disks import why_no_disk
from .hosts import why_not
from .memory import why_no_bound
from .rounds import Way, play, scene_of
from .ways_to_leave import HARMS, WORDS, why_no_filter

pytestmark = pytest.mark.timeout(240)

HUNG_S = "4"
"""Seconds after which a hung worker is killed in this test; the default is 60."""
WITHIN_S = 40.0
"""A generous limit, in seconds: all ways at once, on a machine that has other work."""


LEFT_OUT = (
    "SIGTERM",
    "agent and worker frozen",
    "nothing arrives from the node",
    "nothing arrives at the node",
    "clock a day behind",
)
"""Ways that differ from others here only in how long they take."""


def _quick(way: Way) -> Way:
    if way.title == "worker frozen":
        return replace(way, env=lambda _: {"MANYEYES_NODE_TASK_DEADLINE_S": HUNG_S})
    return way


def test_all_at_once_and_nothing_is_lost_or_doubled(place: Path, tmp_path: Path) -> None:
    needed(why_not(), why_no_disk(), why_no_bound(), why_no_clock(), why_no_filter())
    chosen = [_quick(way) for way in (*WORDS, *HARMS) if way.title not in LEFT_OUT]
    ways = {f"v{number:02}": way for number, way in enumerate(chosen)}
    pack = write_pack(tmp_path / "gated", Path(__file__).with_name("gated.py"))
    with scene_of(place / "leaving", pack, ways) as scene:
        taken = play(scene, ways, tmp_path / "sent", WITHIN_S)
        left = {name: node["state"] for name, node in scene.fleet.listed().items()}
    assert (taken.lost, taken.doubled) == (0, 0)
    assert taken.held >= len(ways) // 2, "most victims held nothing, which proves little"
    assert taken.taken_up_s < 30
    for name, way in ways.items():
        if way.status == 0 and "cut" not in way.title:
            assert left[name] == "left", f"{way.title}: {left[name]}"
