"""What the engine is started with."""

from __future__ import annotations

import pytest

from manyeyes.broker.engine import processors


@pytest.mark.parametrize(("cores", "taken"), [(1, 1), (2, 1), (4, 1), (8, 2), (64, 16)])
def test_the_engine_leaves_most_cores_to_others(cores: int, taken: int) -> None:
    assert processors(cores) == taken
