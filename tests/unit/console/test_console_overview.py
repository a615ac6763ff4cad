"""What the overview says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from manyeyes.api.overview import Alert, Overview
from manyeyes.api.recent import RecentPicture
from manyeyes.console.pages.overview.alerts import place
from manyeyes.console.pages.overview.figures import HINTS, NAMES, figures
from manyeyes.console.pages.overview.pictures import names
from manyeyes.console.pages.overview.steps import Progress

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("faces", "named", "said"),
    [
        (0, [], "no face"),
        (1, [], "1 unknown face"),
        (3, [], "3 unknown faces"),
        (1, ["Ada"], "Ada"),
        (2, ["Ada", "Ada"], "Ada"),
        (4, ["Ada", "Grace"], "Ada, Grace and 2 unknown"),
        (6, ["A", "B", "C", "D", "E", "F"], "A, B, C, D and 2 more"),
    ],
)
def test_who_is_on_a_picture(faces: int, named: list[str], said: str) -> None:
    picture = RecentPicture(
        id="1", at=NOW, who="k", task_id="t", faces=faces, names=tuple(named), width_px=1, height_px=1, ms=1,
        has_image=True,
    )  # fmt: skip
    assert names(picture) == said


@pytest.mark.parametrize(
    ("kind", "node", "label", "path"),
    [
        ("approval", "lab-2", "Node lab-2", "/nodes/lab-2"),
        ("disk-full", "lab-2", "Node lab-2", "/nodes/lab-2"),
        ("disk-full", "", "The master's log", "/logs"),
        ("no-people", "", "People", "/people"),
        ("no-ready-node", "", "Nodes", "/nodes"),
        ("of a newer master", "", "Nodes", "/nodes"),
    ],
)
def test_where_it_is_put_right(kind: str, node: str, label: str, path: str) -> None:
    found = Alert(kind=kind, severity="info", node=node, sentence="s", what_to_do="w", since=NOW)
    assert (place(found).label, place(found).path) == (label, path)


def test_figures_have_names_and_hints() -> None:
    overview = Overview(
        version="1", uptime_s=1, nodes={}, workers=3, tasks={"waiting": 4, "running": 2, "done": 1234, "failed": 0},
        people=5, done_per_s=2.04, failed_per_s=0, oldest_waiting_s=61,
    )  # fmt: skip
    shown = figures(overview)
    assert tuple(shown) == NAMES and set(HINTS) == set(NAMES)
    assert (shown["Pictures/s"], shown["Waiting"], shown["Done"]) == ("2.0", "4, oldest 61 s", "1,234")


def test_who_is_new() -> None:
    assert Progress(has_people=False, has_pictures=True, has_machines=True).is_new
    assert Progress(has_people=True, has_pictures=False, has_machines=True).is_new
    assert not Progress(has_people=True, has_pictures=True, has_machines=False).is_new
