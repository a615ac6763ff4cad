"""What the list says of a node beyond its state."""

from __future__ import annotations

import pytest

from manyeyes.fleet.node_views import with_what_waits


@pytest.mark.parametrize(
    ("state", "desired", "said"),
    [
        ("lost", "", "not heard of"),
        ("lost", "pause", "not heard of; it pauses when it is back"),
        ("left", "drain", "not heard of; it drains when it is back"),
        ("paused", "pause", "not heard of"),
    ],
)
def test_a_pause_that_waits_for_a_node_is_in_every_list(state: str, desired: str, said: str) -> None:
    assert with_what_waits("not heard of", state, desired) == said
