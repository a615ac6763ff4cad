"""The file of unknown faces: batches kept whole, pictures known again, groups dismissed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from manyeyes.store.unknown_faces import NewUnknown, UnknownFaceRepository


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "unknown-faces.db"


@pytest.fixture
def faces(file: Path) -> Iterator[UnknownFaceRepository]:
    opened = UnknownFaceRepository(file, "dlib-1")
    yield opened
    opened.close()


def new(number: int, group: int, seen_at: float = 0.0) -> NewUnknown:
    return NewUnknown(
        id=number,
        group=group,
        seen_at=seen_at,
        embedding=bytes(8),
        jpeg=b"jpeg",
        sha256=f"sha{number}",
        landmarks_px=((1.0, 2.0),),
        width_px=90,
        sharpness=5.0,
        warnings=(),
        task_id="t",
    )


def groups_of(faces: UnknownFaceRepository) -> dict[int, int]:
    return {face.id: face.group for face in faces.faces()}


def test_a_batch_makes_its_groups_and_the_next_ids_follow(faces: UnknownFaceRepository) -> None:
    assert faces.next_ids() == (1, 1)
    faces.add([new(1, 1), new(2, 1), new(3, 2)], [], 0.0)
    assert groups_of(faces) == {1: 1, 2: 1, 3: 2} and faces.next_ids() == (4, 3)
    faces.add([new(4, 2)], [], 0.0)
    assert groups_of(faces) == {1: 1, 2: 1, 3: 2, 4: 2}
    assert faces.picture(4) == (b"jpeg", ((1.0, 2.0),))


def test_ids_are_not_given_again(faces: UnknownFaceRepository, file: Path) -> None:
    faces.add([new(1, 1), new(2, 2)], [], 0.0)
    assert faces.delete([1, 2, 9]) == [1, 2]
    assert faces.next_ids() == (3, 3)
    again = UnknownFaceRepository(file, "dlib-1")
    assert again.next_ids() == (3, 3)
    again.close()


def test_a_batch_is_kept_whole_or_not_at_all(faces: UnknownFaceRepository) -> None:
    faces.add([new(1, 1)], [], 0.0)
    with pytest.raises(sqlite3.IntegrityError):
        faces.add([new(2, 2), new(1, 2)], ["sha1"], 50.0)
    assert groups_of(faces) == {1: 1} and faces.next_ids() == (2, 2)
    assert faces.faces()[0].seen_at == 0.0


def test_a_picture_that_is_kept_is_seen_again(faces: UnknownFaceRepository) -> None:
    faces.add([new(1, 1), new(2, 1)], [], 0.0)
    assert faces.holds("sha1") and not faces.holds("sha9")
    faces.add([], ["sha1"], 50.0)
    assert {face.id: face.seen_at for face in faces.faces()} == {1: 50.0, 2: 0.0}
    assert faces.expire(before=10.0, now=60.0) == [2]


def test_the_oldest_go_where_there_are_too_many(faces: UnknownFaceRepository) -> None:
    faces.add([new(number, 1, seen_at=float(number)) for number in range(1, 6)], [], 5.0)
    assert sorted(faces.trim(3)) == [1, 2] and faces.count() == 3


def test_of_a_dismissed_group_only_embeddings_stay(faces: UnknownFaceRepository) -> None:
    faces.add([new(1, 1), new(2, 1), new(3, 2)], [], 0.0)
    assert faces.dismiss(1, [2], 9.0) == [1]
    assert groups_of(faces) == {3: 2} and faces.dismissed() == {1}
    assert [vector.face for vector in faces.vectors()] == [2, 3]
    assert faces.picture(2) is None and not faces.holds("sha2")
    assert faces.with_digests(["sha2", "sha3"]) == [3]


def test_faces_of_another_embedder_are_deleted(faces: UnknownFaceRepository, file: Path) -> None:
    faces.add([new(1, 1)], [], 0.0)
    faces.close()
    other = UnknownFaceRepository(file, "own-2")
    assert other.count() == 0 and other.vectors() == []
    other.close()
    assert UnknownFaceRepository.remove(file) and not UnknownFaceRepository.remove(file)
