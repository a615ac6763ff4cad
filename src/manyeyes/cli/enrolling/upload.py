"""Sends the photos of a plan, several at once, and leaves out those that are enrolled already."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from manyeyes.api.people import Person
from manyeyes.cli.enrolling.plan import Noticed, Photo, Plan
from manyeyes.errors import EnrolmentError, ManyeyesError, PersonNotFound, PictureError, first_of
from manyeyes.person_names import name_key
from manyeyes.plain_text import utf8
from manyeyes.results import Caution
from manyeyes.sdk.client import AsyncClient

AT_ONCE = 8
_OF_PEOPLE = ("double", "too-close", "mislabelled", "outlier")
"""What the check of everybody finds; at enrolment it depends on who was enrolled first."""
_AT_ENROLMENT = ("same-face", "unlike")


@dataclass
class Outcome:
    """What came of a plan, by person."""

    enrolled: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    """Photos that were enrolled before."""
    refused: Counter[str] = field(default_factory=Counter)
    noticed: list[Noticed] = field(default_factory=list)

    @property
    def total(self) -> int:
        """How many photos are done."""
        return self.enrolled.total() + self.known.total() + self.refused.total()

    def warn(self, photo: Photo, warnings: tuple[Caution, ...]) -> None:
        """Note the warnings of an enrolled photo."""
        self.noticed += [
            Noticed(photo.person, photo.label, warning.kind, warning.sentence)
            for warning in warnings
            if warning.kind not in _AT_ENROLMENT
        ]


async def upload(client: AsyncClient, plan: Plan, outcome: Outcome, told: Callable[[int, int], None]) -> None:
    """Enrol every photo by itself, so that one that cannot be used keeps no other out.

    Args:
        outcome: filled while the photos are sent: what is in it is done, whatever happens then.
        told: called with how many photos are done, and how many there are.

    Raises:
        ManyeyesError: the master cannot be reached, or refuses for a reason that holds for every photo.
    """
    known = await _known(client, plan)
    todo = []
    for photo in plan.photos:
        if photo.sha256 in known.get(photo.person, {}):
            outcome.known[photo.person] += 1
            outcome.warn(photo, known[photo.person][photo.sha256])
        else:
            todo.append(photo)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(photo: Photo) -> None:
        async with slots:
            try:
                person = await client.add_person(photo.person, photo.path)
            except (EnrolmentError, PictureError) as error:
                outcome.refused[photo.person] += 1
                said = error.detail.removeprefix(f"{utf8(photo.path.name)}: ")
                outcome.noticed.append(
                    Noticed(photo.person, photo.label, error.code, f"not enrolled: {said}")
                )
            else:
                _enrolled(photo, person, outcome)
        told(outcome.total, len(plan.photos))

    try:
        async with asyncio.TaskGroup() as group:
            for photo in todo:
                group.create_task(one(photo), name=f"enrol {photo.label}")
    except BaseExceptionGroup as errors:
        raise first_of(errors) from errors
    if outcome.enrolled or outcome.known:
        outcome.noticed += _about(await client.check_people(), set(plan.people))


async def _known(client: AsyncClient, plan: Plan) -> dict[str, dict[str, tuple[Caution, ...]]]:
    """Of everybody in the plan who is enrolled the photos, by digest, with their warnings."""
    enrolled = {name_key(person.name) for person in await client.people()}
    found = {}
    for name in plan.people:
        if name_key(name) in enrolled:
            try:
                person = await client.person(name)
            except PersonNotFound:  # removed just now
                continue
            found[name] = {photo.sha256: photo.warnings for photo in person.photos_detail}
    return found


def _enrolled(photo: Photo, person: Person, outcome: Outcome) -> None:
    if len(person.added) != 1:
        raise ManyeyesError(
            f"the master's answer names {len(person.added)} photos as added, 1 was sent; same version on both sides?"
        )
    (added,) = person.added
    (outcome.enrolled if added.is_new else outcome.known)[photo.person] += 1
    outcome.warn(photo, added.warnings)
    for warning in person.warnings:
        noticed = Noticed(photo.person, "", warning.kind, warning.sentence)
        if not warning.photo and noticed not in outcome.noticed:  # it is about the name
            outcome.noticed.append(noticed)


def _about(findings: list[Caution], people: set[str]) -> list[Noticed]:
    return [
        Noticed(found.people[0], found.photo, found.kind, found.sentence)
        for found in findings
        if found.kind in _OF_PEOPLE and people & set(found.people)
    ]
