"""What the console's pages show of people."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from manyeyes.api.people import Feedback, MergePreview, Person, Photo
from manyeyes.api.unknown_faces import NearestPerson, UnknownFace, UnknownGroup
from manyeyes.console.pages.people import facts
from manyeyes.results import Caution

NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
ODD_NAMES = ["Ada/Lovelace", "..", "a&b=c#d?e", "100 %", 'x" y', "<img src=x>", "Коллинз 宇航員"]


def crowd(*names: str) -> facts.Crowd:
    return facts.Crowd([Person(name=name, photos=2) for name in names])


def found(view: facts.View) -> list[str]:
    return [person.name for person in view.people]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_an_address_holds_any_name(name: str) -> None:
    parts = urlsplit(facts.person_address("/console", name))
    assert parts.path == "/console/people/person" and not parts.fragment
    assert parse_qs(parts.query, strict_parsing=True) == {"name": [name]}
    assert urlsplit(facts.portrait_address("", name, 3)).query == "photos=3"


def test_people_are_found_without_case_and_accents() -> None:
    people = crowd("Émile Zola", "ada", "Zoë", "Bob")
    assert found(people.view("", 1)) == ["ada", "Bob", "Émile Zola", "Zoë"]
    assert found(people.view(" ZO", 1)) == ["Émile Zola", "Zoë"]
    assert found(people.view("emile", 1)) == ["Émile Zola"]
    assert people.view("nobody", 1) == facts.View((), 0, 1, 1)


def test_a_page_that_is_gone_gives_the_last_one() -> None:
    people = crowd(*(f"Person {number:04}" for number in range(2 * facts.PER_PAGE + 1)))
    last = people.view("", 9)
    assert (last.page, last.pages, last.found, len(last.people)) == (3, 3, 2 * facts.PER_PAGE + 1, 1)
    assert people.view("", 0).page == 1
    assert people.view("Person 0000", 3).page == 1


@pytest.mark.parametrize(
    ("name", "letters"), [("Ada Lovelace", "AL"), ("ada", "A"), ("Ada M. (King) Lovelace", "AL"), ("??", "?")]
)
def test_initials(name: str, letters: str) -> None:
    assert facts.initials(name) == letters


@pytest.mark.parametrize(
    ("duration_s", "words"),
    [(604_800, "7 days"), (86_400, "1 day"), (3600, "1 hour"), (90, "90 seconds"), (5400, "90 minutes")],
)
def test_durations(duration_s: float, words: str) -> None:
    assert facts.lasting(duration_s) == words


def test_what_goes_is_counted() -> None:
    entry = Feedback(id="not-1", verdict="not", name="Ada", file_name="a.jpg", added_at=NOW)
    said = facts.what_goes(Person(name="Ada", photos=1, feedback=(entry, entry)))
    assert said.startswith("1 photo and 2 feedback entries of Ada go")
    assert facts.verdict(entry) == "is not Ada"


def test_a_finding_about_a_photo_leads_to_it() -> None:
    finding = Caution(kind="mislabelled", sentence="photo 7", people=("Ada", "Bob"), photo_id=7)
    assert facts.whom_to_open(finding, "/c") == [
        ("Ada", "/c/people/person?name=Ada#photo-7"),
        ("Bob", "/c/people/person?name=Bob"),
    ]
    assert facts.whom_to_open(Caution(kind="more-too-close", sentence="9 more"), "/c") == []


def test_photos_newest_first_and_without_a_picture_none_is_asked_for() -> None:
    blurred = Caution(kind="blurred", sentence="the face is blurred")
    photos = [
        Photo(id=1, file_name="a.jpg", source="enrolled", added_at=NOW, warnings=(blurred,), has_image=True),
        Photo(id=2, file_name="", source="feedback", added_at=NOW),
    ]
    second, first = facts.photo_cards(photos, "/sub")
    assert (second["id"], second["fileName"], second["src"]) == (2, "photo 2", "")
    assert first["src"] == "/sub/v1/people-photos/1/image"
    assert first["warnings"] == ["The face is blurred."]


@pytest.mark.parametrize(
    ("nearest", "said"),
    [
        (None, "Nobody is enrolled yet."),
        (NearestPerson(name="Ada", distance=0.6, known=False, near=True), "Ada is near, at distance 0.60."),
        (
            NearestPerson(name="Ada", distance=0.7, known=False, near=False),
            "Nobody who is enrolled looks like this.",
        ),
        (
            NearestPerson(name="Ada", distance=0.5, known=True),
            "Ada is near, at distance 0.50: near enough for that name now.",
        ),
    ],
)
def test_groups_say_whom_they_are_near(nearest: NearestPerson | None, said: str) -> None:
    face = UnknownFace(id=3, seen_at=NOW, width_px=90, sharpness=5.0)
    group = UnknownGroup(
        id=1, count=1, first_seen=NOW, last_seen=NOW, face_ids=(3,), faces=(face,), nearest=nearest
    )
    (card,) = facts.group_cards([group])
    assert card["nearest"] == said
    assert card["nearestName"] == ("Ada" if nearest and nearest.near else ""), "a stranger is offered nobody"
    assert card["faces"] == [{"id": 3, "seen": NOW.isoformat(), "noticed": ""}]


def test_the_question_before_a_merge_has_the_figure() -> None:
    preview = MergePreview(
        name="Ann",
        photos=1,
        into="Bob",
        into_photos=2,
        distance=0.71,
        usual=0.63,
        is_far=True,
        sentence="the nearest photos of Ann and Bob are 0.71 apart",
    )
    question, said = facts.merge_question(preview)
    assert question == "Merge Ann into Bob?"
    assert said == (
        "The nearest photos of Ann and Bob are 0.71 apart. They may be two people. "
        "1 photo and all feedback of Ann go to Bob. For 30 days this can be undone on their page."
    )
    assert "two people" not in facts.merge_question(preview.model_copy(update={"is_far": False}))[1]
