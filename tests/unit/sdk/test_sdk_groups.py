"""The client's groups of calls: faces, portraits, recent pictures, and their blocking faces."""

from __future__ import annotations

import inspect
import json
from typing import Any

import httpx
import pytest
from tests.unit.sdk.test_sdk_client import Master, problem

from manyeyes import errors
from manyeyes.sdk.blocking_groups import (
    BlockingFaces,
    BlockingPeopleMerges,
    BlockingPortraits,
    BlockingRecentPictures,
)
from manyeyes.sdk.faces import Faces
from manyeyes.sdk.merges import PeopleMerges
from manyeyes.sdk.portraits import Portraits
from manyeyes.sdk.recent import RecentPictures

WHEN = "2026-01-01T00:00:00+00:00"
RETENTION = {"on": True, "for_s": 60.0, "since": WHEN, "kept": 1, "most": 2000}
FACE = {"id": 3, "seen_at": WHEN, "width_px": 90, "sharpness": 4.5, "warnings": []}
GROUP = {
    "id": 4,
    "count": 1,
    "first_seen": WHEN,
    "last_seen": WHEN,
    "face_ids": [3],
    "faces": [FACE],
    "nearest": {"name": "Ada", "distance": 0.7, "known": False},
}
ADDED = {"file_name": "a.jpg", "photo_id": 7, "box_xyxy_px": [1, 2, 3, 4], "warnings": []}
RECENT = {
    "id": "r",
    "at": WHEN,
    "who": "key",
    "task_id": "t",
    "faces": 1,
    "names": ["Ada"],
    "width_px": 9,
    "height_px": 8,
    "ms": 1.5,
    "has_image": True,
}


def ok(value: Any) -> httpx.Response:
    return httpx.Response(200, json=value)


def image() -> httpx.Response:
    return httpx.Response(
        200, content=b"\xff\xd8", headers={"Content-Type": "image/jpeg; a=b", "ETag": '"e"'}
    )


def asked(master: Master) -> tuple[str, str, Any]:
    request = master.requests[-1]
    return request.method, request.url.raw_path.decode(), json.loads(request.content or b"null")


def test_faces() -> None:
    master = Master(ok(RETENTION))
    with master.client() as client:
        assert client.faces.retention().most == 2000 and asked(master)[:2] == ("GET", "/v1/faces/retention")
        client.faces.keep(60)
        assert asked(master) == ("PUT", "/v1/faces/retention", {"for_s": 60})
        client.faces.keep(None)
        assert asked(master)[2] == {"for_s": None}
    master = Master(ok({"retention": RETENTION, "groups": [GROUP], "more_groups": 2}))
    with master.client() as client:
        found = client.faces.unknown(5)
        assert asked(master)[1] == "/v1/faces/unknown?limit=5" and found.more_groups == 2
        (group,) = found.groups
        assert group.nearest is not None and group.nearest.name == "Ada" and group.faces[0].id == 3
    master = Master(ok({"name": "Ada", "photos": 1, "added": [ADDED]}))
    with master.client() as client:
        assert client.faces.name(4, "Ada", [3]).added[0].box_xyxy_px == (1, 2, 3, 4)
        assert asked(master) == ("POST", "/v1/faces/unknown/4/name", {"name": "Ada", "face_ids": [3]})
    master = Master(ok({"dismissed": 3}))
    with master.client() as client:
        assert client.faces.dismiss(4) == 3 and asked(master)[:2] == ("DELETE", "/v1/faces/unknown/4")


def test_pictures_come_with_type_and_etag() -> None:
    master = Master(image())
    with master.client() as client:
        calls = [
            (lambda: client.faces.image(3), "/v1/faces/unknown/3/image"),
            (lambda: client.portraits.of_photo(7), "/v1/people-photos/7/image"),
            (lambda: client.portraits.of_person("a/b"), "/v1/people-portraits/a%2Fb"),
            (lambda: client.portraits.of_person(".."), "/v1/people-portraits/%2E%2E"),
            (lambda: client.recent.image("r"), "/v1/recent/r/image"),
        ]
        for call, path in calls:
            picture = call()
            assert (picture.content, picture.media_type, picture.etag) == (b"\xff\xd8", "image/jpeg", '"e"')
            assert asked(master)[1] == path
    gone = Master(problem(errors.EntryNotFound("gone")))
    with gone.client() as client, pytest.raises(errors.EntryNotFound):
        client.recent.image("r")


def test_the_result_of_a_recent_picture() -> None:
    result = {
        "width_px": 4,
        "height_px": 3,
        "media_type": "image/png",
        "faces": [],
        "pack": "p@1",
        "timings_ms": {},
    }
    master = Master(ok(result))
    with master.client() as client:
        assert client.recent.result("r").width_px == 4
        assert asked(master)[:2] == ("GET", "/v1/recent/r")


def test_recent_and_merge() -> None:
    master = Master(ok({"pictures": [RECENT], "most": 24}))
    with master.client() as client:
        latest = client.recent.latest()
        (picture,) = latest.pictures
        assert latest.most == 24
        assert (picture.names, picture.trace_id, picture.has_image) == (("Ada",), "", True)
    row = {"id": "is-1", "verdict": "is", "name": "Ada", "file_name": "", "added_at": WHEN}
    master = Master(ok({"name": "Ada", "photos": 2, "feedback": [row]}))
    with master.client() as client:
        assert client.merge_person("A/B", "Ada").feedback[0].id == "is-1"
        assert asked(master) == ("POST", "/v1/people/A%2FB/merge", {"into": "Ada"})


def test_merges() -> None:
    merge = {"id": 3, "name": "A/B", "into": "Ada", "merged_at": WHEN, "until": WHEN}
    master = Master(ok({"merges": [merge]}))
    with master.client() as client:
        assert [one.id for one in client.merges.all()] == [3]
        assert asked(master)[:2] == ("GET", "/v1/people-merges")
    preview = {"name": "A/B", "photos": 1, "into": "Ada", "into_photos": 2, "distance": 0.71, "usual": 0.63}
    master = Master(ok({**preview, "is_far": True, "sentence": "they are 0.71 apart"}))
    with master.client() as client:
        assert client.merges.preview("A/B", "Ada").is_far
        assert asked(master)[1] == "/v1/people-merges/preview?name=A%2FB&into=Ada"
    master = Master(ok({"name": "A/B", "photos": 1, "merge": merge}))
    with master.client() as client:
        assert client.merges.undo(3).name == "A/B"
        assert asked(master)[:2] == ("DELETE", "/v1/people-merges/3")


def test_every_group_has_its_whole_blocking_face() -> None:
    pairs = (
        (Faces, BlockingFaces),
        (PeopleMerges, BlockingPeopleMerges),
        (Portraits, BlockingPortraits),
        (RecentPictures, BlockingRecentPictures),
    )
    for group, blocking in pairs:
        calls = {name for name, _ in inspect.getmembers(group, inspect.iscoroutinefunction)}
        assert calls and calls == {name for name in vars(blocking) if not name.startswith("_")}
        for name in calls:
            mine, theirs = (inspect.signature(getattr(kind, name)) for kind in (group, blocking))
            assert mine.parameters == theirs.parameters
