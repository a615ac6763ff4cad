"""One node with one worker: a picture that kills the worker becomes an error, and the next picture is done."""

from __future__ import annotations

import pytest

from manyeyes import PictureKillsWorkers
from tests.integration.conftest import Network, picture


@pytest.mark.parametrize("ending", [b"RAISE", b"CRASH"])
def test_a_picture_that_kills_the_only_worker_becomes_an_error_and_the_next_is_done(
    network: Network, ending: bytes
) -> None:
    with network.node("a"):
        with pytest.raises(PictureKillsWorkers, match="4 attempts"):
            network.client.recognize(picture(ending))
        assert network.client.recognize(picture()).result.pack == "faulty@1.0.0"
