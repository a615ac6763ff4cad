"""What `people add FOLDER` prints at its end."""

from __future__ import annotations

from typing import Any

from manyeyes.cli.enrolling.plan import Noticed, Plan
from manyeyes.cli.enrolling.upload import Outcome
from manyeyes.wording import several

PEOPLE = ("person", "enrolled", "had before", "not enrolled")
NOTICED = ("person", "photo", "noticed")


def people_rows(plan: Plan, outcome: Outcome) -> list[tuple[str, int, int, int]]:
    """A row of counts for each person."""
    return [
        (name, outcome.enrolled[name], outcome.known[name], outcome.refused[name]) for name in plan.people
    ]


def noticed(plan: Plan, outcome: Outcome) -> list[Noticed]:
    """All that was noticed, by person and photo."""
    return sorted({*plan.noticed, *outcome.noticed}, key=lambda one: (one.person, one.photo, one.kind))


def noticed_rows(plan: Plan, outcome: Outcome) -> list[tuple[str, str, str]]:
    """The rows of the table of what was noticed."""
    return [(one.person or "-", one.photo or "-", one.sentence) for one in noticed(plan, outcome)]


def summary(plan: Plan, outcome: Outcome) -> str:
    """The last line."""
    people, photos = several(len(plan.people), "person", "people"), several(outcome.total, "photo")
    parts = [f"{outcome.enrolled.total()} enrolled"]
    parts += [f"{outcome.known.total()} enrolled before"] if outcome.known else []
    parts += [f"{outcome.refused.total()} not enrolled"] if outcome.refused else []
    return f"{people}, {photos}: {', '.join(parts)}"


def as_json(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """The same for machines."""
    rows = people_rows(plan, outcome)
    return {
        "people": [
            {"name": name, "enrolled": new, "enrolled_before": known, "not_enrolled": refused}
            for name, new, known, refused in rows
        ],
        "noticed": [vars(one) for one in noticed(plan, outcome)],
    }
