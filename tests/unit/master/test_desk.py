"""What a node sends beside a result is passed on where it was asked for, and stays in no remembered answer."""

from __future__ import annotations

from typing import Any

import pytest
from manyeyes.master.desk import Desk
from tests.unit.master.unknown_faces import at, outcome

from manyeyes.config import Limits
from manyeyes.contract import Outcome, Task

TRACE = "0af7651916cd43dd8448eb211c80319c"
TASK = Task(
    id="t",
    operation="recognize",
    gateway="g",
    pack="p@1",
    size_bytes=1,
    sha256="s",
    draw=True,
    gallery_version=0,
)


@pytest.mark.parametrize(
    ("unknown", "thumbnail"), [(True, True), (True, False), (False, True), (False, False)]
)
def test_only_what_was_asked_for_is_set_aside(unknown: bool, thumbnail: bool) -> None:
    unused: Any = None
    desk = Desk(unused, "g", Limits(), {}, unused)
    seen: list[Outcome] = []
    desk.aside = seen.append
    told = outcome(at(1)).model_copy(update={"thumbnail": "/9j/"})
    task = TASK.model_copy(update={"keep_unknown": unknown, "thumbnail": thumbnail})
    answered = desk._set_aside(task, told, TRACE)
    assert (answered.unknown, answered.thumbnail) == ((), "")
    assert answered.result is not None and answered.result.trace_id == TRACE, "whatever the node calls it"
    assert told.result is not None and answered.result.faces == told.result.faces
    assert [(bool(one.unknown), bool(one.thumbnail)) for one in seen] == (
        [(unknown, thumbnail)] if unknown or thumbnail else []
    )
    desk._set_aside(task, told.model_copy(update={"kind": "error"}), TRACE)
    assert len(seen) == (unknown or thumbnail), "an error brings nothing"
