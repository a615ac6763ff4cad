"""Each way in which a node leaves, alone: no picture is lost or answered twice, and all are taken up soon."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clocks import why_no_clock
from tests.needs import needed
from tests.one_file_packs import write_pack

from .disks import why_no_disk
from .hosts import why_not
from .memory import why_no_bound
from .rounds import Scene, Way, play, play_under_load, scene_of
from .ways_to_leave import HARMS, MASTERS, WORDS, why_no_filter

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

WITHIN_S = 150.0
DEADLINE_S = 75.0
"""A worker that hangs is killed after 60 s by its agent, if that is alive."""
GATED = Path(__file__).with_name("gated.py")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    needed(why_not(), why_no_disk(), why_no_bound(), why_no_clock(), why_no_filter())
    folder = tmp_path_factory.mktemp("leaving")
    pack = write_pack(folder / "gated", GATED)
    with scene_of(folder / "fleet", pack, {"alpha": Way("", lambda _: None)}) as made:
        yield made


@pytest.mark.parametrize("way", [*WORDS, *HARMS, *MASTERS], ids=lambda way: way.title)
def test_alone(scene: Scene, way: Way, tmp_path: Path) -> None:
    taken = play(scene, {"alpha": way}, tmp_path, WITHIN_S)
    assert (taken.lost, taken.doubled) == (0, 0)
    assert taken.taken_up_s < (DEADLINE_S if way.title == "worker frozen" else 20.0)


@pytest.mark.parametrize("way", [WORDS[0], *HARMS[:3], HARMS[5]], ids=lambda way: way.title)
def test_while_pictures_flow(scene: Scene, way: Way, tmp_path: Path) -> None:
    assert play_under_load(scene, "alpha", way, tmp_path, 300, WITHIN_S) < 20.0
