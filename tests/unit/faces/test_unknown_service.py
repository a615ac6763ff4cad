"""Unknown faces: kept while an admin says so, grouped, named, dismissed, forgotten in time."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from tests.stored_rows import embeddings
from tests.unit.faces.unknown_faces import EMBEDDER, Scene, at, near, outcome

from manyeyes.errors import BadRequest, EmbedderMismatch, EntryNotFound, Unavailable
from manyeyes.faces import unknown_service as faces_module
from manyeyes.faces.new_faces import NewFace
from manyeyes.faces.person_growth import PersonGrowth
from manyeyes.faces.unknown_faces import NEAR_PART
from manyeyes.faces.unknown_service import FILE_NAME
from manyeyes.store.database import Database
from manyeyes.store.repositories import Store
from manyeyes.store.settings import ThresholdRuleRow


@pytest.fixture
def scene(store: Store, tmp_path: Path) -> Scene:
    return Scene(store, tmp_path)


def play(scene: Scene, body: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        try:
            await body()
        finally:
            await scene.faces.close()

    asyncio.run(run())


def kept_files(folder: Path) -> list[bytes]:
    """What stands in the file of unknown faces, and in those that SQLite has beside it."""
    return [path.read_bytes() for path in folder.glob(FILE_NAME + "*")]


def test_nothing_is_kept_before_an_admin_says_so(scene: Scene, tmp_path: Path) -> None:
    async def body() -> None:
        await scene.faces.start()
        assert not scene.faces.wanted
        scene.faces.offer(outcome(at(1)))
        await scene.faces.take([outcome(at(1))])
        assert await scene.faces.groups() == [] and await scene.faces.count() == 0
        assert not (tmp_path / FILE_NAME).exists()
        with pytest.raises(EntryNotFound, match="not kept"):
            await scene.faces.name("boss", 1, "Ann")

    play(scene, body)


def test_faces_are_grouped_by_likeness_and_groups_keep_their_ids(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(at(0), at(5)), outcome(near(0, by=0.2, seed=1))])
        scene.now += 60
        await service.take([outcome(near(5, by=0.3, seed=2)), outcome(at(0, 9))])
        assert await scene.members() == [[1, 3], [2, 4], [5]]
        first, *_ = await service.groups()
        assert first.seen_s[1] == scene.now
        by_id = {group.id: {face.id for face in group.faces} for group in await service.groups()}
        await service.close()
        scene.begin()
        await scene.faces.start()
        assert {g.id: {face.id for face in g.faces} for g in await scene.faces.groups()} == by_id
        await scene.faces.take([outcome(near(5, by=0.1, seed=3))])
        assert await scene.members() == [[1, 3], [2, 4, 6], [5]]
        assert (await scene.faces.picture(6))[:3] == b"\xff\xd8\xff"

    play(scene, body)


def test_a_chain_of_faces_each_like_the_next_is_not_one_group(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on()
        for step in range(9):
            await service.take([outcome(at(step * 0.3))])
        assert len(await scene.members()) >= 3

    play(scene, body)


def test_time_and_number_are_bounded_also_over_a_restart(scene: Scene, tmp_path: Path) -> None:
    async def body() -> None:
        scene.most = 4
        scene.begin()
        service = await scene.on(100.0)
        for number in range(6):
            await service.take([outcome(at(0, number * 3))])
            scene.now += 10
        assert await scene.members() == [[3], [4], [5], [6]]
        scene.now = 1_000_000.0 + 20 + 100 + 1
        await service.expire()
        assert await scene.members() == [[4], [5], [6]]
        await service.close()
        scene.now += 20
        scene.begin()
        await scene.faces.start()
        assert await scene.members() == [[6]]
        with pytest.raises(EntryNotFound):
            await scene.faces.picture(5)
        scene.now -= 86_400  # the clock is set back: what is kept is kept no longer for it
        await scene.faces.expire()
        scene.now += 101
        await scene.faces.expire()
        assert await scene.faces.count() == 0
        files = kept_files(tmp_path)
        assert len(files) > 1 and not any(b"\xff\xd8\xff" in content for content in files), (
            "deleted pictures are overwritten, in the journal too"
        )

    play(scene, body)


def test_expired_faces_go_by_themselves(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    assert faces_module.EXPIRE_EVERY_S <= 30
    monkeypatch.setattr(faces_module, "EXPIRE_EVERY_S", 0.01)

    async def body() -> None:
        service = await scene.on(60.0)
        running = asyncio.create_task(service.run())
        service.offer(outcome(at(1)))
        while not await service.count():
            await asyncio.sleep(0.005)
        scene.now += 61
        async with asyncio.timeout(5):
            while await service.count():
                await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.wait([running])

    play(scene, body)


def test_off_deletes_everything_and_a_kill_in_between_changes_nothing(scene: Scene, tmp_path: Path) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(at(1))])
        await service.expire()
        path = tmp_path / FILE_NAME
        assert path.exists() and path.stat().st_mode & 0o777 == 0o600
        left = path.read_bytes()
        await service.keep("boss", 0)
        assert kept_files(tmp_path) == []
        assert not service.wanted and await service.groups() == []
        entries = scene.audit.entries()
        assert [(entry.who, entry.what, entry.outcome) for entry in entries] == [
            ("boss", "faces keep", "on, for 3600 s"),
            ("boss", "faces keep", "off"),
        ]
        assert entries[1].detail == "1 faces were kept"
        path.write_bytes(left)  # as if killed before the file was deleted
        await service.close()
        scene.begin()
        await scene.faces.start()
        assert not path.exists() and not scene.faces.wanted

    play(scene, body)


@pytest.mark.parametrize("for_s", [1.0, -5.0, 91 * 86_400.0, float("nan"), float("inf")])
def test_a_retention_out_of_bounds_is_refused(scene: Scene, for_s: float) -> None:
    async def body() -> None:
        await scene.faces.start()
        with pytest.raises(BadRequest, match="90 days"):
            await scene.faces.keep("boss", for_s)
        assert not scene.faces.wanted and scene.audit.entries() == []

    play(scene, body)


def test_naming_enrols_the_best_and_takes_the_group_along(
    scene: Scene, store: Store, database: Database
) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(near(2, by=0.05, seed=n)) for n in range(12)] + [outcome(at(0, 7))])
        (group,) = [group for group in await service.groups() if len(group.faces) == 12]
        named = await service.name("operator", group.id, "Ann")
        assert named.person.photos == 10 == len(named.added)
        assert named.added[0].box_xyxy_px is None
        assert await scene.members() == [[13]]
        photos = scene.store.photos.of_person("Ann")
        assert {photo.source for photo in photos} == {"kept"} and all(photo.has_image for photo in photos)
        assert [photo.file_name for photo in photos][:2] == ["face-12.jpg", "face-11.jpg"]
        assert scene.store.photos.picture(photos[0].id) is not None
        entry = scene.audit.entries()[-1]
        said = f"person 1, 10 photos more, 10 in all, 10 of 12 faces of unknown group {group.id}"
        assert (entry.what, entry.detail) == ("faces name", said)
        assert len(embeddings(database, EMBEDDER)) == 10
        store.people.remove("Ann")
        assert await scene.members() == [[13]], "deleting a person brings no face back"

    play(scene, body)


def test_some_faces_of_a_group_are_named(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(at(0)), outcome(at(0.45)), outcome(at(0, 3))])
        assert await scene.members() == [[1, 2], [3]]
        group = next(group.id for group in await service.groups() if len(group.faces) == 2)
        with pytest.raises(EntryNotFound, match="face 3 is not in group"):
            await service.name("operator", group, "Ann", [1, 3])
        scene.store.settings.set_threshold_rule(ThresholdRuleRow("distance", 0.3, EMBEDDER))
        named = await service.name("operator", group, "Ann", [1])
        assert named.person.photos == 1
        assert await scene.members() == [[2], [3]]

    play(scene, body)


def test_who_is_enrolled_elsewhere_is_unknown_no_more(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(at(0)), outcome(at(0.2)), outcome(at(4))])
        groups = {len(group.faces): group for group in await service.groups()}
        assert groups[1].nearest is None
        [new], _ = await service._of_group(groups[1].id, ())
        far = new.enrolled.model_copy(update={"embedding": at(4, 0.9)})
        await scene.people.enrol("boss", "Far", [NewFace("far.jpg", b"1", far, b"")])
        nearest = {len(group.faces): group.nearest for group in await service.groups()}
        assert nearest[1] is not None and nearest[2] is not None
        assert (nearest[1].name, round(nearest[1].distance, 2), nearest[1].known) == ("Far", 0.9, False)
        assert not nearest[1].near, "a stranger's nearest person means nothing"
        close = new.enrolled.model_copy(
            update={"embedding": at(4, NEAR_PART * scene.people.threshold().threshold - 0.01)}
        )
        await scene.people.enrol("boss", "Close", [NewFace("close.jpg", b"3", close, b"")])
        nearest = {len(group.faces): group.nearest for group in await service.groups()}
        assert nearest[1] is not None
        assert (nearest[1].name, nearest[1].known, nearest[1].near) == ("Close", False, True)
        ann = new.enrolled.model_copy(update={"embedding": at(0.1)})
        await scene.people.enrol("boss", "Ann", [NewFace("ann.jpg", b"2", ann, b"")])
        assert await scene.members() == [[3]]

    play(scene, body)


def test_a_face_that_came_late_is_said_to_be_known(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(at(0)), outcome(at(0, 4))])
        first = next(group for group in await service.groups() if group.faces[0].id == 1)
        await service.name("operator", first.id, "Ann")
        await service.take([outcome(at(0.1))])  # recognised before, arrived after
        late = next(group for group in await service.groups() if group.faces[0].id == 3)
        assert late.nearest is not None and late.nearest.known and late.nearest.name == "Ann"

    play(scene, body)


def test_a_vetoed_face_stays_unknown(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(at(0.3))])
        [new], _ = await service._of_group((await service.groups())[0].id, ())
        far = new.enrolled.model_copy(update={"embedding": at(0, 9)})
        await scene.people.enrol("boss", "Ann", [NewFace("a.jpg", b"1", far, b"")])
        scene.store.feedback.add_veto("Ann", EMBEDDER, np.array(at(0.3), "<f4").tobytes(), "x.jpg")
        close = new.enrolled.model_copy(update={"embedding": at(0.1)})
        await scene.people.enrol("boss", "Ann", [NewFace("b.jpg", b"2", close, b"")])
        assert await scene.members() == [[1]]

    play(scene, body)


def test_dismissed_faces_do_not_come_back_while_the_retention_lasts(scene: Scene, tmp_path: Path) -> None:
    async def body() -> None:
        service = await scene.on(100.0)
        await service.take([outcome(near(1, by=0.1, seed=n)) for n in range(8)] + [outcome(at(6))])
        group = next(group for group in await service.groups() if len(group.faces) == 8)
        scene.now += 50
        assert await service.dismiss("operator", group.id) == 8
        assert await scene.members() == [[9]]
        assert scene.audit.entries()[-1].what == "faces dismiss"
        for gone in [group.id, 999]:
            with pytest.raises(EntryNotFound):
                await service.dismiss("operator", gone)
        with pytest.raises(EntryNotFound):
            await service.picture(1)
        await service.close()
        scene.begin()
        await scene.faces.start()
        await scene.faces.take([outcome(near(1, by=0.1, seed=77))])
        assert await scene.members() == [[9]]
        scene.now += 101  # its retention begins with the dismissal
        await scene.faces.expire()
        await scene.faces.take([outcome(near(1, by=0.1, seed=78))])
        assert await scene.faces.count() == 1

    play(scene, body)


def test_what_was_enrolled_before_a_kill_is_not_shown_again(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(at(0)), outcome(at(0, 5))])
        chosen, _ = await service._of_group((await service.groups())[0].id, ())
        await service.close()  # killed between enrolling and deleting
        await scene.people_with(PersonGrowth()).enrol("boss", "Ann", chosen)
        scene.begin()
        await scene.faces.start()
        assert len(await scene.members()) == 1

    play(scene, body)


def test_a_damaged_file_is_begun_anew(scene: Scene, tmp_path: Path) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(at(0))])
        await service.close()
        (tmp_path / FILE_NAME).write_bytes(b"this is no database" * 1000)
        scene.begin()
        await scene.faces.start()
        await scene.faces.take([outcome(at(0))])
        assert await scene.faces.count() == 1

    play(scene, body)


def test_a_file_that_cannot_be_used_stops_nobody(scene: Scene, tmp_path: Path) -> None:
    async def body() -> None:
        (tmp_path / FILE_NAME).mkdir()
        await scene.faces.start()
        with pytest.raises(Unavailable, match="file of unknown faces"):
            await scene.faces.keep("boss", 3600)
        assert not scene.faces.wanted
        await scene.faces.person_grew("Ann")

    play(scene, body)


def test_faces_of_another_embedder_or_pack_are_not_mixed_in(scene: Scene, tmp_path: Path) -> None:
    async def body() -> None:
        service = await scene.on()
        await service.take([outcome(at(0)), outcome(at(3), pack="faces@0")])
        assert await scene.members() == [[1]]
        await service.close()
        with sqlite3.connect(tmp_path / FILE_NAME) as db:
            db.execute("UPDATE faces SET embedder = 'older'")
        scene.begin()
        await scene.faces.start()
        assert await scene.members() == []

    play(scene, body)


def test_the_first_faces_do_not_decide_how_long_an_embedding_is(scene: Scene) -> None:
    """A node that lies with the first face kept is set right by the first person enrolled."""

    async def body() -> None:
        service = await scene.on()
        await service.take([outcome((1.0, 2.0, 3.0))])
        await service.take([outcome(at(0))])
        assert await service.count() == 1
        [new], _ = await service._of_group(1, ())
        right = new.enrolled.model_copy(update={"embedding": at(9)})
        await scene.people.enrol("boss", "Ann", [NewFace("a.jpg", b"1", right, b"")])
        assert (await service.groups())[0].nearest is None
        with pytest.raises(EmbedderMismatch, match="3 numbers, 8 are needed"):
            await service.name("operator", 1, "Bob")
        await service.take([outcome(at(0)), outcome((1.0, 2.0, 3.0))])
        assert [group.nearest.name for group in await service.groups() if group.nearest] == ["Ann"]
        assert await service.count() == 1

    play(scene, body)


def test_a_full_line_drops_faces_and_never_waits(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on()
        for _ in range(40):
            service.offer(outcome(at(0)))
        assert service.dropped == 24

    play(scene, body)


@pytest.mark.slow
def test_two_thousand_faces_are_grouped_in_a_thread_of_their_own(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on()
        rng = np.random.default_rng(1)
        people = rng.normal(size=(300, 8)) * 3
        shown = rng.integers(300, size=(130, 16))
        threads: set[int] = set()

        def clock() -> float:
            threads.add(threading.get_ident())
            return scene.now

        service._clock = clock
        for row in shown:
            await service.take([outcome(*(tuple(people[who] + rng.normal(size=8) * 0.05) for who in row))])
        await service.expire()
        groups = await service.groups()
        assert sum(len(group.faces) for group in groups) == 2000
        assert len(groups) == len(set(shown.ravel()[-2000:].tolist()))
        assert len(threads) == 1 and threading.get_ident() not in threads

    play(scene, body)


def test_the_same_picture_sent_again_is_one_face_seen_again(scene: Scene) -> None:
    async def body() -> None:
        service = await scene.on(100.0)
        told = outcome(at(0))
        await service.take([told, told])
        assert await scene.members() == [[1]]
        scene.now += 90
        await service.take([told, told])
        (group,) = await service.groups()
        assert len(group.faces) == 1 and group.seen_s == (scene.now, scene.now)

    play(scene, body)
