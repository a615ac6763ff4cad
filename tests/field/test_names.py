"""Names as people write them: composed or not, in any case, with joiners, and looking like others."""

from __future__ import annotations

import asyncio
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from manyeyes.access.audit import Audit
from manyeyes.cli.enrolling.plan import read_folder
from manyeyes.errors import BadRequest, PersonExists, PersonNotFound
from manyeyes.face_results import Enrolled
from manyeyes.faces.merging import Merging
from manyeyes.faces.names import about_name
from manyeyes.faces.new_faces import Enrolment, NewFace
from manyeyes.faces.outcome_reader import _check
from manyeyes.faces.people import PeopleService
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.faces.references import FaceReferences
from manyeyes.gateway.routes.people import checked_name
from manyeyes.packs.build import CALIBRATION
from manyeyes.person_names import name_key, objection, tidy
from manyeyes.plain_text import harmless, plain
from manyeyes.recognition.pictures.labels import missing_letters, single_line
from manyeyes.results import Face, Result
from manyeyes.store.database import Database
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store
from tests.integration.conftest import Network

ZWNJ, ZWJ = "\N{ZERO WIDTH NON-JOINER}", "\N{ZERO WIDTH JOINER}"
NFC, NFD = unicodedata.normalize("NFC", "José"), unicodedata.normalize("NFD", "José")
CYRILLIC_ELENA = "\N{CYRILLIC CAPITAL LETTER IE}lena"


@pytest.fixture
def people(store: Store, tmp_path: Path) -> PeopleService:
    async def changed() -> None:
        pass

    served: Any = SimpleNamespace(pack="faces@1", embedder="e", threshold=0.58, calibration=CALIBRATION)
    repositories = (store.people, store.photos, store.feedback, store.gallery, store.settings)
    references = FaceReferences(tmp_path / "references.key")
    growth = PersonGrowth()
    service = PeopleService(*repositories, Audit(store.audit), references, served, changed, growth)
    service.merging = Merging(  # type: ignore[attr-defined]
        store.merges, service, store.gallery.reader, served, Audit(store.audit), changed, growth
    )
    return service


def add(people: PeopleService, name: str, file: str) -> Enrolment:
    embedding = tuple(float(part) for part in np.random.default_rng(len(file)).normal(size=8))
    face = NewFace(file, file.encode(), Enrolled(embedding=embedding, box_xyxy_px=(0, 0, 9, 9)), b"")
    return asyncio.run(people.enrol("boss", checked_name(name), [face]))


def kinds(enrolment: Enrolment) -> list[str]:
    return [warning.kind for warning in enrolment.about_name]


@pytest.mark.parametrize(
    "name",
    [
        f"علی{ZWNJ}رضا",
        f"श्{ZWJ}र",
        f"র{ZWJ}্যাচেল",
        f"രാജന്{ZWJ}",
        f"👩{ZWJ}👩{ZWJ}👧",
        f"❤\N{VARIATION SELECTOR-16}{ZWJ}🔥",
        f"👩🏽{ZWJ}🚀",
        "O’Brien – “Jr.”",
        "李小龍",
    ],
)
def test_joiners_are_kept_where_they_change_the_letters(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (f"a{ZWJ}b", "ab"),
        (f"{ZWNJ}Ann{ZWNJ}", "Ann"),
        (f"{ZWNJ}علی{ZWNJ}", "علی"),
        ("  Ann \N{NO-BREAK SPACE}  Lee ", "Ann Lee"),
        (NFD, NFC),
    ],
)
def test_what_changes_nothing_is_left_out(given: str, kept: str) -> None:
    assert checked_name(given) == kept
    assert tidy(kept) == kept


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("abc\N{RIGHT-TO-LEFT OVERRIDE}gpj", "U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("Ann\N{LEFT-TO-RIGHT ISOLATE}", "U+2066"),
        ("An\N{ZERO WIDTH SPACE}n", "U+200B"),
        ("An\N{SOFT HYPHEN}n", "U+00AD"),
        ("\N{HANGUL FILLER}", "U+3164"),
        ("\N{BRAILLE PATTERN BLANK}", "U+2800"),
        ("An\x1b[31mn", "U+001B"),
        ("A\nn", "U+000A"),
        ("\udcff", "U+DCFF"),
        ("\N{COMBINING ACUTE ACCENT}", "has no letter"),
        (ZWJ, "0 characters"),
        ("   ", "0 characters"),
        ("x" * 201, "201 characters; 1 to 200"),
        ("unknown", "drawn at faces that nobody knows"),
        (" UnKnown ", "drawn at faces that nobody knows"),
        (f"un{ZWNJ}known", "drawn at faces that nobody knows"),
    ],
)
def test_a_name_that_cannot_be_is_refused_with_the_reason(name: str, why: str) -> None:
    with pytest.raises(BadRequest) as refused:
        checked_name(name)
    assert why in refused.value.detail


def test_a_name_in_another_case_or_composition_is_the_same_person(people: PeopleService) -> None:
    assert kinds(add(people, "José", "a")) == []
    for number, name in enumerate(("josé", "JOSÉ", NFD), start=2):
        added = add(people, name, "a" * number)
        assert (added.person.name, added.person.photos) == ("José", number)
        assert kinds(added) == ([] if name == NFD else ["same-name"])
    assert "the name josé is that of José" in add(people, "josé", "a").warnings[0].sentence
    for name in ("josé", NFD):
        assert people.person(name).photos == 4
    photo = people.photos.of_person("José")[0].id
    assert asyncio.run(people.remove_photo("boss", "JOSÉ", photo)).photos == 3
    asyncio.run(people.remove("boss", "jOSÉ"))
    assert people.everybody() == []


def test_a_person_is_renamed_to_another_case_and_not_to_anothers_name(people: PeopleService) -> None:
    add(people, "ann", "a")
    add(people, "Bob", "b")
    assert asyncio.run(people.rename("boss", "Ann", "Ann")).name == "Ann"
    with pytest.raises(PersonExists, match="'Ann' already"):
        asyncio.run(people.rename("boss", "bob", "ANN"))
    assert [person.name for person in people.everybody()] == ["Ann", "Bob"]


def test_names_that_look_the_same_are_warned_of_with_the_letter(people: PeopleService) -> None:
    add(people, "Elena", "a")
    (warning,) = add(people, CYRILLIC_ELENA, "b").about_name
    assert warning.kind == "look-alike" and warning.people == ("Elena",)
    assert "U+0415 CYRILLIC CAPITAL LETTER IE for U+0045 LATIN CAPITAL LETTER E" in warning.sentence
    assert kinds(add(people, CYRILLIC_ELENA, "bb")) == [], "once"
    assert kinds(add(people, "Bob", "c")) == []
    assert [person.name for person in people.everybody()] == ["Bob", "Elena", CYRILLIC_ELENA]
    checked = [one.kind for one in asyncio.run(people.check())]
    assert (checked[0], checked[-1]) == ("double", "look-alike"), "the most serious first"


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("lvan", "Ivan"),
        ("rnodern", "modern"),
        ("\N{CYRILLIC SMALL LETTER A}nn", "Ann"),
        ("Ivan", "\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}van"),
        ("Bob 0", "Bob O"),
        ("Weiß", "Weiss"),
        ("\N{LATIN SMALL LIGATURE FI}ona", "Fiona"),
        ("علیرضا", f"علی{ZWNJ}رضا"),
        ("Ａｎｎ", "Ann"),
        ("髙橋", "高橋"),
        ("Bob", "B0b"),
        ("IVAN", "lvan"),
        ("Αννα", "Anna"),
        ("ابراهيم", "إبراهيم"),
        ("فاطمه", "فاطِمة"),
        ("שלום", "שָׁלוֹם"),
    ],
)
def test_look_alikes(name: str, other: str) -> None:
    assert [one.kind for one in about_name(name, ["Zoe", other])] == ["look-alike"]
    assert about_name(name, ["Zoe", name]) == []


def test_names_that_look_different_are_not_warned_of() -> None:
    pairs = (
        ("Anna", "Hanna"), ("José", "Jose"), ("Weiß", "Weisz"), ("斎藤", "伊藤"), ("p1", "p2"), ("Bob", "Bod"),
        ("Ann", "Anne"), ("علي", "عمر"), ("Åsa", "Asa"), ("Σοφία", "Sofia"),
    )  # fmt: skip
    assert [pair for pair in pairs if about_name(pair[0], [pair[1]])] == []


@pytest.mark.parametrize(
    "name", ["unkn\N{CYRILLIC SMALL LETTER O}wn", "ＵＮＫＮＯＷＮ", "UΝΚΝΟWΝ", "unkn0wn"]
)
def test_a_name_that_looks_like_the_word_for_strangers(name: str) -> None:
    (warning,) = about_name(name, [])
    assert "the word for strangers" in warning.sentence


def test_the_letter_that_is_told_is_one_that_differs() -> None:
    (warning,) = about_name("UΝΚΝΟWΝ", [])
    assert "it has U+039D GREEK CAPITAL LETTER NU for U+006E LATIN SMALL LETTER N" in warning.sentence


ENGLAND = "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbeng") + "\N{CANCEL TAG}"
SCOTLAND = ENGLAND.replace(
    "\N{TAG LATIN SMALL LETTER E}\N{TAG LATIN SMALL LETTER N}\N{TAG LATIN SMALL LETTER G}",
    "".join(chr(0xE0000 + ord(letter)) for letter in "sct"),
)


def test_flags_of_parts_of_a_country() -> None:
    name = f"Ann {ENGLAND}"
    assert checked_name(name) == single_line(name) == harmless(name) == plain(name) == name
    assert missing_letters(name) == [] and about_name(name, []) == []
    assert len({name_key(one) for one in (ENGLAND, SCOTLAND, "🏴")}) == 3
    face = Face(
        box_xyxy_px=(0, 0, 9, 9),
        landmarks_px=(),
        score=1,
        name=name,
        distance=0.1,
        threshold=0.5,
        confidence=1,
    )
    result = Result(width_px=9, height_px=9, media_type="image/png", faces=(face,), pack="p@1", timings_ms={})
    _check(result)
    for bad in (ENGLAND[:-1], ENGLAND[1:], "🏴\N{CANCEL TAG}", f"🏴{ENGLAND[2:]}x"[1:]):
        assert "U+E00" in objection(tidy(bad)) and harmless(bad) != bad
        with pytest.raises(ValueError, match="no text to be shown"):
            _check(result.model_copy(update={"faces": (face.model_copy(update={"name": bad}),)}))


def test_a_letter_that_no_font_has_is_warned_of(people: PeopleService) -> None:
    (warning,) = add(people, "ᬅᬓ", "a").about_name
    assert warning.kind == "no-font" and warning.value == 2
    assert "U+1B05 BALINESE LETTER AKARA" in warning.sentence
    assert kinds(add(people, "राहुल", "b")) == []
    assert "no-font" in [one.kind for one in asyncio.run(people.check())]


def test_feedback_and_merges_take_a_name_in_any_case(people: PeopleService, store: Store) -> None:
    add(people, "Ann", "a")
    add(people, "Bob", "bb")
    assert store.feedback.add_veto("ANN", "e", np.zeros(8, "<f4").tobytes(), "x.jpg") == "not-1"
    with pytest.raises(BadRequest, match="itself"):
        store.merges.merge("ann", "ANN")
    merging = people.merging  # type: ignore[attr-defined]
    assert asyncio.run(merging.preview("ann", "BOB")).distance is not None
    person, merge = asyncio.run(merging.merge("boss", "ann", "BOB"))
    assert (person.name, person.photos, merge.name) == ("Bob", 2, "Ann")
    add(people, "aNN", "ccc")
    with pytest.raises(PersonExists, match="'aNN'"):
        asyncio.run(merging.undo("boss", merge.id))


def test_a_file_of_before_with_one_name_twice_keeps_both_people(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    Store.open(path).close()
    database = Database(path)
    with database.transaction() as cursor:
        for number, name in enumerate(("ann", "ANN", NFC, NFD, "unknown"), start=1):
            cursor.execute("INSERT INTO people (id, name, added_at) VALUES (?, ?, '2026')", (number, name))
    database.close()
    store = Store.open(path)
    assert {person.name for person in store.people.all()} == {"ann", "ANN", NFC, NFD, "unknown"}
    assert [set(group) for group in store.people.of_one_name()] == [{"ann", "ANN"}, {NFC, NFD}]
    assert (store.people.person("ann").id, store.people.person("ANN").id) == (1, 2)
    assert (store.people.person(NFC).id, store.people.person(NFD).id) == (3, 4)
    with pytest.raises(PersonNotFound, match=r"2 people are enrolled as 'Ann'.*: ANN, ann; write one"):
        store.people.person("Ann")
    store.photos.enrol("ann", "e", [Photo("aa", b"\0\0\0\0")])
    assert [person.photos for person in store.people.all() if person.name in ("ann", "ANN")] == [0, 1]
    with pytest.raises(PersonExists):
        store.people.rename("unknown", "ann")
    assert store.people.rename("ann", "Ann Lee").id == 1
    assert store.people.rename(NFD, "José Luis").id == 4
    assert store.people.of_one_name() == []
    assert objection(store.people.person("Unknown").name)
    store.close()


def test_folders_that_are_one_name_are_one_person(tmp_path: Path) -> None:
    for name in ("Ann", "ann", "unknown"):
        (tmp_path / name).mkdir()
    plan = read_folder(tmp_path)
    assert plan.people == ["Ann"]
    assert {(one.kind, one.photo) for one in plan.noticed} == {
        ("same-name", "ann"), ("name", ""), ("empty", ""),
    }  # fmt: skip


def test_the_api_refuses_such_names(network: Network) -> None:
    picture = b"\x89PNG\r\n\x1a\n"
    for name in ("unknown", "a\N{RIGHT-TO-LEFT OVERRIDE}b"):
        with pytest.raises(BadRequest, match=r"nobody can be called|cannot be seen"):
            network.client.add_person(name, picture)
        with pytest.raises(BadRequest, match=r"nobody can be called|cannot be seen"):
            network.client.rename_person("Ann", name)


def test_photos_of_two_families_do_not_go_to_one_person(people: PeopleService) -> None:
    add(people, "Weiß", "a")
    assert kinds(add(people, "Weiss", "b")) == ["look-alike"]
    assert kinds(add(people, "WEIẞ", "c")) == ["same-name"]
    assert [(one.name, one.photos) for one in people.everybody()] == [("Weiss", 1), ("Weiß", 2)]


def test_keys_of_names_are_stable() -> None:
    for name in ("José", NFD, "STRASSE", "Ἀδάμ", "ΐ", "İ", "ǅ", "ǰ", f"علی{ZWNJ}رضا"):
        assert name_key(name_key(name)) == name_key(name) == name_key(name.upper())
