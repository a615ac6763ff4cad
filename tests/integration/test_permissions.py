"""What a malicious node with a valid identity, and a stranger without one, can do: every attack of `make attacks`.

The long attacks run in the chaos tier.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attacks import by_node, by_stranger
from tests.attacks.scene import Attack, Scene, running_scene, tried

ALL = [*by_node.ATTACKS, *by_stranger.ATTACKS]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, faulty_pack: Path) -> Iterator[Scene]:
    with running_scene(tmp_path_factory.mktemp("attacked"), faulty_pack) as running:
        yield running


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(one.attack, id=one.words[:60], marks=[pytest.mark.chaos] if one.long else [])
        for one in ALL
    ],
)
def test_the_attacker_does_not_get(scene: Scene, attack: Attack) -> None:
    assert tried(scene, attack)
