"""A pack without a calibration: a threshold must be a distance. Feedback without a valid reference is refused."""

from __future__ import annotations

import pytest

from manyeyes import ReferenceRefused, ThresholdRefused
from tests.integration.conftest import Network, picture


def test_a_rate_is_refused_and_a_distance_taken(network: Network) -> None:
    client = network.client
    before = client.threshold()
    assert (before.mode, before.fmr, before.miss_rate) == ("default", None, None)
    with pytest.raises(ThresholdRefused, match=r"faulty@1\.0\.0 has no calibration"):
        client.set_threshold(fmr=1e-3)
    assert client.threshold() == before
    assert client.set_threshold(distance=0.4).threshold == 0.4
    assert client.set_threshold().mode == "default"
    assert client.check_people() == []
    with pytest.raises(ReferenceRefused, match="this is not a reference"):
        client.give_feedback("nonsense", is_="Ann")
    with network.node("one"):
        assert client.recognize(picture(), picture=False).result.faces == ()
