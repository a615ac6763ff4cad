"""Which nodes are watched: whoever says that they take pictures, and has somebody to work on them."""

from __future__ import annotations

from typing import Literal

import pytest

from manyeyes.contract import Heartbeat, HostFacts, WorkerReport
from manyeyes.master.probing import says_it_takes

State = Literal["starting", "idle", "busy", "resting"]
HOST = HostFacts(hostname="h", system="s", cpu="c", cores=1, memory_bytes=1, python="3")


@pytest.mark.parametrize(
    ("workers", "holds", "takes"),
    [
        (("idle",), 0, True),
        (("resting", "busy"), 0, True),
        (("resting",), 0, False),
        (("starting", "resting"), 0, False),
        ((), 0, False),
        (("resting",), 1, True),
    ],
)
def test_a_node_whose_workers_rest_is_not_unresponsive(
    workers: tuple[State, ...], holds: int, takes: bool
) -> None:
    reports = tuple(WorkerReport(index=index, state=state) for index, state in enumerate(workers))
    assert says_it_takes(Heartbeat(state="working", workers=reports, host=HOST), holds) is takes
    assert not says_it_takes(Heartbeat(state="draining", workers=reports, host=HOST), holds)
