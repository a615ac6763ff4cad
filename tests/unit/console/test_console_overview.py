"""What the overview says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from manyeyes.api.overview import Alert, Overview
from manyeyes.api.recent import RecentPicture
from manyeyes.console.pages.overview.alerts import place
from manyeyes.console.pages.overview.figures import HINTS, NAMES, Figure, figures, of_what
from manyeyes.console.pages.overview.pictures import names
from manyeyes.console.pages.overview.steps import Progress, next_step

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("faces", "named", "small", "said"),
    [
        (0, [], 0, "no face"),
        (1, [], 0, "1 unknown face"),
        (3, [], 0, "3 unknown faces"),
        (1, ["Ada"], 0, "Ada"),
        (2, ["Ada", "Ada"], 0, "Ada"),
        (4, ["Ada", "Grace"], 0, "Ada, Grace and 2 unknown"),
        (6, ["A", "B", "C", "D", "E", "F"], 0, "A, B, C, D and 2 more"),
        (1, [], 1, "1 face too small to name"),
        (66, [], 66, "66 faces too small to name"),
        (33, ["Ada"], 30, "Ada, 2 unknown and 30 too small to name"),
        (3, [], 2, "1 unknown face and 2 too small to name"),
    ],
)
def test_who_is_on_a_picture(faces: int, named: list[str], small: int, said: str) -> None:
    picture = RecentPicture(
        id="1", at=NOW, who="k", task_id="t", faces=faces, names=tuple(named), too_small=small, width_px=1,
        height_px=1, ms=1, has_image=True,
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
        failures={},
    )  # fmt: skip
    shown = figures(overview)
    assert tuple(shown) == NAMES and set(HINTS) == set(NAMES)
    assert shown["Pictures/s"] == Figure("2.0", "last minute")
    assert shown["Waiting"] == Figure("4", "oldest 61 s")
    assert shown["Done"] == Figure("1,234", "since the start")
    assert shown["Failed"] == Figure("0", "since the start")
    failed = overview.model_copy(
        update={"tasks": {**overview.tasks, "failed": 3}, "failures": {"damaged-picture": 3}}
    )
    assert figures(failed)["Failed"] == Figure("3", "3 damaged")


def test_what_failed_is_said_in_words_the_most_frequent_first() -> None:
    assert of_what({}) == ""
    told = {
        "damaged-picture": 1200,
        "too-many-pixels": 3,
        "of-a-newer-master": 2,
        "no-face": 1,
        "empty-picture": 1,
    }
    assert of_what(told) == "1,200 damaged, 3 too many pixels, 2 of a newer master, 2 other"


def test_the_first_open_step_is_next() -> None:
    assert next_step((False, True, False)) == 0
    assert next_step((True, False, False)) == 1
    assert next_step((True, True)) is None


def test_who_is_new() -> None:
    assert Progress(has_people=False, has_pictures=True, has_machines=True).is_new
    assert Progress(has_people=True, has_pictures=False, has_machines=True).is_new
    assert not Progress(has_people=True, has_pictures=True, has_machines=False).is_new
