"""The service for people over a real store, with a served pack that only says what it holds."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.stored_rows import vetoes

from manyeyes.access.audit import Audit
from manyeyes.errors import PersonNotFound, ReferenceRefused
from manyeyes.face_results import Enrolled, FaceOutcome
from manyeyes.faces.new_faces import NewFace
from manyeyes.faces.people import PeopleService
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.faces.references import FaceReferences
from manyeyes.packs.build import CALIBRATION
from manyeyes.recognition.arrays import half_precision
from manyeyes.results import Caution, Face, Result, TooSmall
from manyeyes.store.database import Database
from manyeyes.store.repositories import Store


def at(*places: float) -> tuple[float, ...]:
    return (*places, *(0.0 for _ in range(8 - len(places))))


def new_face(file: str, embedding: tuple[float, ...], *warnings: Caution) -> NewFace:
    enrolled = Enrolled(embedding=embedding, box_xyxy_px=(0, 0, 9, 9), warnings=warnings)
    return NewFace(file, file.encode(), enrolled, b"")


@pytest.fixture
def served() -> SimpleNamespace:
    return SimpleNamespace(pack="faces@1", embedder="dlib-1", threshold=0.58, calibration=CALIBRATION)


@pytest.fixture
def told() -> list[int]:
    """The gallery's version at each time that nodes were told of a change."""
    return []


@pytest.fixture
def service(store: Store, tmp_path: Path, served: Any, told: list[int]) -> PeopleService:
    async def changed() -> None:
        told.append(store.gallery.version)

    return PeopleService(
        store.people,
        store.photos,
        store.feedback,
        store.gallery,
        store.settings,
        Audit(store.audit),
        FaceReferences(tmp_path / "references.key"),
        served,
        changed,
        PersonGrowth(),
    )


def answered(embeddings: list[tuple[float, ...]], pack: str = "faces@1") -> FaceOutcome:
    face = Face(
        box_xyxy_px=(0, 0, 9, 9),
        landmarks_px=(),
        score=1,
        name=None,
        distance=None,
        threshold=0.58,
        confidence=0,
    )
    faces = (face,) * len(embeddings)
    result = Result(width_px=9, height_px=9, media_type="image/png", faces=faces, pack=pack, timings_ms={})
    return FaceOutcome("t", result=result, embeddings=half_precision(embeddings))


def references(service: PeopleService, outcome: FaceOutcome) -> list[str]:
    return [face.reference for face in service.sealed(outcome).faces]


def test_photos_are_compared_as_they_are_enrolled(service: PeopleService) -> None:
    async def run() -> None:
        blurred = Caution(kind="blurred", value=1, limit=3, sentence="the face is blurred")
        said = (
            await service.enrol(
                "boss", "Ann", [new_face("a1.jpg", at(0), blurred), new_face("a2.jpg", at(0.3))]
            )
        ).warnings
        assert [(caution.kind, caution.photo) for caution in said] == [("blurred", "a1.jpg")]
        enrolment = await service.enrol(
            "boss", "Bob", [new_face("b.jpg", at(0.1)), new_face("x.jpg", at(0, 0.9))]
        )
        person, said = enrolment.person, enrolment.warnings
        assert person.photos == 2
        assert [(c.kind, c.photo, c.people) for c in said] == [
            ("same-face", "b.jpg", ("Ann",)),
            ("unlike", "b.jpg", ()),
            ("unlike", "x.jpg", ()),
        ]
        assert [photo.warnings[0].kind for photo in service.photos.of_person("Bob")] == [
            "same-face",
            "unlike",
        ]
        assert [finding.kind for finding in await service.check()] == ["mislabelled", "outlier"]

    asyncio.run(run())


def test_nodes_hear_of_who_is_renamed_and_who_is_forgotten(service: PeopleService, told: list[int]) -> None:
    async def run() -> None:
        await service.enrol("boss", "Ann", [new_face("a.jpg", at(0))])
        assert (await service.rename("boss", "Ann", "Anna")).name == "Anna"
        assert [person.name for person in service.everybody()] == ["Anna"]
        with pytest.raises(PersonNotFound):
            await service.rename("boss", "Ann", "Other")
        await service.remove("boss", "Anna")
        assert service.everybody() == []
        with pytest.raises(PersonNotFound):
            service.person("Anna")

    asyncio.run(run())
    assert len(told) == 3 and told == sorted(set(told)), "each time, after the change"


def test_every_face_gets_its_reference(service: PeopleService) -> None:
    first, second = references(service, answered([at(1), at(0, 1)]))
    assert first.startswith("mef1.") and first != second
    assert references(service, answered([at(1)], pack="older@1")) == [""]
    for odd in (b"\0" * 3, b"\0" * 7, b""):
        assert references(service, replace(answered([at(1), at(2)]), embeddings=odd)) == ["", ""]
    assert references(service, answered([])) == []
    told = answered([at(1), at(0)])
    assert told.result is not None
    small = told.result.faces[1].model_copy(update={"too_small": TooSmall(size_px=9, least_px=24)})
    faces = (told.result.faces[0], small)
    told = replace(told, result=told.result.model_copy(update={"faces": faces}))
    assert references(service, told) == [first, ""], "nothing can be said of a face too small to name"


def test_feedback_enrols_or_bars(service: PeopleService, store: Store, database: Database) -> None:
    async def run() -> None:
        await service.enrol("boss", "Ann", [new_face("a.jpg", at(0))])
        (reference,) = references(service, answered([at(0.5)]))
        with pytest.raises(PersonNotFound, match="'Bob'"):
            await service.give_feedback("boss", reference, "not", "Bob", "p.jpg")
        row, _ = await service.give_feedback("boss", reference, "not", "Ann", "p.jpg")
        assert (row.verdict, row.name, row.file_name) == ("not", "Ann", "p.jpg")
        assert vetoes(database, "dlib-1") == [("Ann", list(at(0.5)))]
        row, said = await service.give_feedback("boss", reference, "is", "Bob", "p.jpg")
        assert row.id.startswith("is-") and [caution.people for caution in said] == [("Ann",)]
        again, _ = await service.give_feedback("boss", reference, "is", "Bob", "p.jpg")
        assert again == row and store.gallery.photo_counts("dlib-1") == {1: 2}
        await service.undo_feedback("boss", row.id)
        assert [entry.verdict for entry in service.feedback.all()] == ["not"]

    asyncio.run(run())


def test_a_reference_of_another_embedder_is_refused(service: PeopleService, served: SimpleNamespace) -> None:
    (reference,) = references(service, answered([at(0.5)]))
    served.embedder = "arcface-2"
    with pytest.raises(ReferenceRefused, match="by the embedder dlib-1, in use is arcface-2"):
        asyncio.run(service.give_feedback("boss", reference, "is", "Ann", "p.jpg"))


def test_the_threshold_follows_the_people(service: PeopleService) -> None:
    async def run() -> None:
        alone = await service.set_threshold("boss", "fmr", 1e-3)
        for number in range(6):
            await service.enrol("boss", f"p{number}", [new_face(f"{number}.jpg", at(*[0.0] * number, 1.0))])
        crowd = service.threshold()
        assert crowd.threshold < alone.threshold and crowd.fmr == pytest.approx(1e-3) and crowd.people == 6
        assert np.isclose((await service.set_threshold("boss", "default", None)).threshold, 0.58)

    asyncio.run(run())


def test_people_are_listed_with_numbers_by_their_value(service: PeopleService) -> None:
    for place, name in enumerate(("p10", "P2", "Ann")):
        asyncio.run(service.enrol("olga", name, [new_face(f"{place}.jpg", at(*[0.0] * place, 5.0))]))
    assert [person.name for person in service.everybody()] == ["Ann", "P2", "p10"]


def test_an_entry_says_what_changed_by_id(service: PeopleService, store: Store) -> None:
    async def run() -> None:
        await service.enrol("olga", "Ann", [new_face("a.jpg", at(0)), new_face("b.jpg", at(0.1))])
        enrolment = await service.enrol(
            "olga", "Ann", [new_face("b.jpg", at(0.1)), new_face("c.jpg", at(0.2))]
        )
        assert [photo.is_new for photo in enrolment.added] == [False, True]
        await service.rename("olga", "Ann", "Anna")
        await service.remove_photo("olga", "Anna", store.photos.ids_by_digest("Anna")[digest("c.jpg")])
        (reference,) = references(service, answered([at(0.5)]))
        row, _ = await service.give_feedback("olga", reference, "is", "Bob", "p.jpg")
        await service.undo_feedback("olga", row.id)
        await service.set_threshold("olga", "distance", 0.5)
        await service.set_threshold("olga", "default", None)
        await service.remove("olga", "Anna")

    asyncio.run(run())
    assert [(entry.what, entry.outcome, entry.detail) for entry in Audit(store.audit).entries()] == [
        ("people add", "enrolled", "person 1, 2 photos more, 2 in all"),
        ("people add", "enrolled", "person 1, 1 photo more, 3 in all"),
        ("people rename", "renamed", "person 1"),
        ("photo remove", "removed", "photo 3 of person 1"),
        ("feedback", "is", "is-3 of person 2"),
        ("feedback undo", "undone", "is-3 of person 2"),
        ("threshold", "set", "distance 0.5: 0.500 now"),
        ("threshold", "set", "default: 0.580 now"),
        ("people remove", "removed", "person 1 with 2 photos"),
    ]
    assert {entry.who for entry in Audit(store.audit).entries()} == {"olga"}


def digest(file: str) -> str:
    return hashlib.sha256(file.encode()).hexdigest()
