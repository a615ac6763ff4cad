"""People who are renamed, merged or removed after pictures were sent: results carry an id, and get the names of today."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from manyeyes.api.people import PersonNow
from manyeyes.cli.sending import refresh as module
from manyeyes.cli.sending.record import RESULTS_NAME, Record
from manyeyes.cli.sending.refresh import (
    OUTDATED,
    Now,
    drawn_from_original,
    names_changed,
    person_ids,
    renamed,
    renew_names,
    with_names,
)
from manyeyes.errors import FileTrouble, NoSuchFile, Unavailable
from manyeyes.faces.references import FaceReferences
from manyeyes.faces.result_people import ResultPeople
from manyeyes.recognition.pictures.predicted import draw
from manyeyes.results import Face, Result
from manyeyes.store.photos import Photo
from manyeyes.store.repositories import Store
from tests.unit.gateway.fake_master import KEY, FakeMaster


def face(name: str | None, person_id: str | None = None) -> Face:
    return Face(
        box_xyxy_px=(10, 10, 60, 60),
        landmarks_px=(),
        score=1.0,
        name=name,
        person_id=person_id,
        distance=0.3,
        threshold=0.6,
        confidence=0.9,
    )


def result(*faces: Face) -> Result:
    return Result(width_px=120, height_px=90, media_type="image/png", faces=faces, pack="p@1", timings_ms={})


# on the master


@pytest.fixture
def people(store: Store, tmp_path: Path) -> ResultPeople:
    for number, name in enumerate(("Ann", "Bob", "Cid")):
        raw = np.full(4, number, "<f4").tobytes()
        store.photos.enrol(name, "e", [Photo(f"{number}" * 64, raw, "a.jpg", "enrolled")])
    return ResultPeople(store.person_ids, FaceReferences(tmp_path / "references.key"))


def id_of(people: ResultPeople, name: str) -> str:
    (found,) = people.identified(result(face(name))).faces
    assert found.person_id is not None
    return found.person_id


def test_each_person_of_a_result_has_an_id_that_stays(store: Store, people: ResultPeople) -> None:
    ann = id_of(people, "Ann")
    assert ann.startswith(f"{store.people.person('Ann').id}-") and ann != id_of(people, "Bob")
    store.people.rename("Ann", "Anna")
    assert id_of(people, "Anna") == ann
    assert people.now([ann]) == {ann: PersonNow(id=ann, name="Anna")}


def test_a_node_that_still_says_the_earlier_name_gets_the_id(store: Store, people: ResultPeople) -> None:
    ann = id_of(people, "Ann")
    store.people.rename("Ann", "Anna")
    assert id_of(people, "Ann") == ann
    store.people.rename("Bob", "Ann")
    assert id_of(people, "Ann") == id_of(people, "Ann") != ann, "who has the name now is meant"


def test_only_the_master_gives_ids(people: ResultPeople) -> None:
    told = people.identified(result(face("Nobody", "1-x"), face(None, "2-y")))
    assert [one.person_id for one in told.faces] == [None, None]
    plain = result(face(None))
    assert people.identified(plain) is plain


def test_a_merged_person_leads_to_the_other_and_a_removed_one_to_nobody(
    store: Store, people: ResultPeople
) -> None:
    ann, bob, cid = (id_of(people, name) for name in ("Ann", "Bob", "Cid"))
    merge = store.merges.merge("Ann", "Bob")
    later = store.merges.merge("Bob", "Cid")
    assert people.now([ann, bob]) == {ann: PersonNow(id=cid, name="Cid"), bob: PersonNow(id=cid, name="Cid")}
    store.merges.forget("9999")
    assert people.now([ann]) == {ann: PersonNow(id=cid, name="Cid")}, (
        "also when the merge cannot be undone any more"
    )
    assert merge.id != later.id
    store.people.remove("Cid")
    assert people.now([ann, cid]) == {ann: None, cid: None}


def test_an_undone_merge_leads_back(store: Store, people: ResultPeople) -> None:
    ann = id_of(people, "Ann")
    store.merges.undo(store.merges.merge("Ann", "Bob").id)
    assert people.now([ann]) == {ann: PersonNow(id=ann, name="Ann")}


@pytest.mark.parametrize(
    "guessed", ["1", "1-", "1-AAAAAAAAAAAA", "-", "", "x-y", "９-AAAAAAAAAAAA", "9" * 40 + "-A", "1-ü"]
)
def test_who_has_no_id_gets_no_name(guessed: str, people: ResultPeople) -> None:
    assert people.now([guessed]) == {}


def test_the_route_says_names_to_who_has_ids(tmp_path: Path, people: ResultPeople) -> None:
    from manyeyes.gateway.app import make_app

    ann = id_of(people, "Ann")
    master: Any = FakeMaster(tmp_path)
    master.recognition.result_people = people

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(make_app(master)), base_url="https://m"
        ) as client:
            return await client.post(
                "/v1/people-names",
                json={"ids": [ann, "2-guessed"]},
                headers={"Authorization": f"Bearer {KEY}"},
            )

    assert asyncio.run(ask()).json() == {"people": {ann: {"id": ann, "name": "Ann"}}}


# in OUT


class Names:
    """Answers as a master does; counts how often it is asked."""

    def __init__(self, now: Now) -> None:
        self.now, self.asked = now, 0

    def names(self, person_ids: list[str], /) -> Now:
        self.asked += 1
        return {key: self.now[key] for key in person_ids if key in self.now}


def named(name: str | None, person_id: str | None) -> dict[str, Any]:
    return {
        "box": [10, 10, 60, 60], "name": name, "person_id": person_id,
        "distance": 0.3, "confidence": 0.9, "threshold": 0.6,
    }  # fmt: skip


def write(out: Path, *lines: dict[str, Any]) -> Path:
    out.mkdir(exist_ok=True)
    text = "".join(json.dumps({"size": 1, "mtime_ns": 1, "output": None, **line}) + "\n" for line in lines)
    (out / RESULTS_NAME).write_text(text)
    return out


def read(out: Path) -> list[list[tuple[str | None, str | None]]]:
    lines = [json.loads(line) for line in (out / RESULTS_NAME).read_text().splitlines()]
    return [[(one["name"], one["person_id"]) for one in line.get("faces", [])] for line in lines]


def no_picture(out: Path, line: dict[str, Any]) -> bytes:
    raise AssertionError("no picture is drawn")


def drawn(content: bytes) -> Callable[[Path, dict[str, Any]], bytes]:
    return lambda out, line: content + str(line["faces"][0]["name"]).encode()


NOW: Now = {"1-a": PersonNow(id="1-a", name="Anna"), "2-b": PersonNow(id="3-c", name="Cid"), "4-d": None}


def test_the_names_of_today_come_into_the_results(tmp_path: Path) -> None:
    out = write(
        tmp_path / "out",
        {"file": "a.png", "faces": [named("Ann", "1-a"), named(None, None)]},
        {"file": "b.png", "faces": [named("Bob", "2-b"), named("Dora", "4-d")]},
        {"file": "c.png", "error": {"code": "x", "detail": "y"}},
        {"file": "d.png", "faces": [named("Eve", None), named("Foreign", "9-z")]},
    )
    names = Names(NOW)
    done = renew_names(out, names, no_picture)
    assert read(out) == [
        [("Anna", "1-a"), (None, None)],
        [("Cid", "3-c"), (None, None)],
        [],
        [("Eve", None), ("Foreign", "9-z")],
    ]
    assert (done.faces, done.pictures, done.removed, done.without_id) == (3, 2, 1, 1)
    assert done.sentences(out)[0] == (
        "names renewed: 3 faces (1 of a person who was removed) in 2 pictures, 0 predicted pictures drawn anew"
    )
    assert "not renewed: 1 name;" in done.sentences(out)[1]
    before = (out / RESULTS_NAME).stat().st_ino
    again = renew_names(out, names, no_picture)
    assert (out / RESULTS_NAME).stat().st_ino == before, "nothing changes, nothing is written"
    assert again.sentences(out)[0] == f"all names in {out / RESULTS_NAME} are those of today"


def test_predicted_pictures_are_drawn_anew_or_named(tmp_path: Path) -> None:
    lines = [
        {"file": f"{name}.png", "output": f"{name}.png", "faces": [named("Ann", "1-a")]} for name in "abc"
    ]
    out = write(tmp_path / "out", *lines)
    for name in "ab":
        (out / f"{name}.png").write_bytes(b"old")

    def draw_one(out: Path, line: dict[str, Any]) -> bytes:
        if line["file"] == "b.png":
            raise FileTrouble("it is gone")
        return drawn(b"new ")(out, line)

    done = renew_names(out, Names(NOW), draw_one)
    assert (out / "a.png").read_bytes() == b"new Anna"
    assert ((out / "b.png").read_bytes(), (out / "c.png").exists()) == (b"old", False)
    assert (done.drawn, done.old) == (1, ["b.png"])
    assert "show earlier names, because their originals are gone or changed: b.png" in done.sentences(out)[1]
    assert [OUTDATED in json.loads(line) for line in (out / RESULTS_NAME).read_text().splitlines()] == [
        False, True, False,
    ]  # fmt: skip
    later = renew_names(out, Names(NOW), drawn(b"new "))
    assert ((out / "b.png").read_bytes(), later.drawn, later.faces, later.old) == (b"new Anna", 1, 0, [])
    assert OUTDATED not in (out / RESULTS_NAME).read_text()


def test_killed_half_way_the_old_results_are_whole_and_the_same_command_does_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = write(tmp_path / "out", {"file": "a.png", "output": "a.png", "faces": [named("Ann", "1-a")]})
    (out / "a.png").write_bytes(b"old")
    before = (out / RESULTS_NAME).read_bytes()
    real = module.replace_with

    def killed(path: Path, chunks: Any) -> None:
        if path.name == RESULTS_NAME:
            raise KeyboardInterrupt
        real(path, chunks)

    monkeypatch.setattr(module, "replace_with", killed)
    with pytest.raises(KeyboardInterrupt):
        renew_names(out, Names(NOW), drawn(b"new "))
    assert (out / RESULTS_NAME).read_bytes() == before
    monkeypatch.setattr(module, "replace_with", real)
    renew_names(out, Names(NOW), drawn(b"new "))
    assert ((out / "a.png").read_bytes(), read(out)) == (b"new Anna", [[("Anna", "1-a")]])


def test_two_at_once_are_refused(tmp_path: Path) -> None:
    out = write(tmp_path / "out", {"file": "a.png", "faces": [named("Ann", "1-a")]})
    record = Record(out / RESULTS_NAME)
    with pytest.raises(FileTrouble, match="another 'manyeyes send'"):
        renew_names(out, Names(NOW), no_picture)
    record.close()
    with pytest.raises(NoSuchFile, match="of an earlier 'manyeyes send'"):
        renew_names(tmp_path / "none", Names(NOW), no_picture)


def test_a_run_that_goes_on_says_that_names_have_changed(tmp_path: Path) -> None:
    out = write(
        tmp_path / "out",
        {"file": "a.png", "faces": [named("Ann", "1-a"), named("Dora", "4-d")]},
        {"file": "b.png", "faces": [named("Anna", "1-a")]},
    )
    assert person_ids(out) == ["1-a", "4-d"]
    assert renamed(out, NOW) == {"Ann": "Anna", "Dora": None}
    said = names_changed(out, Names(NOW))
    assert "(Ann is Anna now, Dora is nobody now); the same command with --refresh" in said
    assert names_changed(write(out, {"file": "b.png", "faces": [named("Anna", "1-a")]}), Names(NOW)) == ""
    nobody = Names(NOW)
    assert names_changed(write(out, {"file": "c.png", "faces": [named(None, None)]}), nobody) == ""
    assert nobody.asked == 0

    class Silent:
        def names(self, person_ids: list[str], /) -> Now:
            raise Unavailable("no answer")

    assert names_changed(write(out, {"file": "b.png", "faces": [named("Ann", "1-a")]}), Silent()) == ""


def test_a_picture_drawn_from_a_line_is_the_one_that_a_node_draws(tmp_path: Path) -> None:
    original = tmp_path / "a.png"
    original.write_bytes(cv2.imencode(".png", np.full((90, 120, 3), 90, np.uint8))[1].tobytes())
    facts = original.stat()
    line = {
        "file": "a.png", "source": str(original), "size": facts.st_size, "mtime_ns": facts.st_mtime_ns,
        "faces": [named("Anna", "1-a")], "pack": "p@1",
    }  # fmt: skip
    assert drawn_from_original(tmp_path, line) == draw(original.read_bytes(), result(face("Anna"))).content
    os.utime(original, ns=(1, 1))
    with pytest.raises(FileTrouble, match="was changed since it was sent"):
        drawn_from_original(tmp_path, line)
    original.unlink()
    with pytest.raises(FileTrouble, match="cannot be read"):
        drawn_from_original(tmp_path, line)


def test_a_line_without_changes_stays_the_same_object() -> None:
    line = {"file": "a.png", "error": {}}
    assert with_names(line, NOW) is line
