"""Stills for programs."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from tests.videos import make_video, second_of

import manyeyes
from manyeyes import Client, DamagedPicture, NoSuchFile
from manyeyes.sdk.context import Context


def test_each_still_comes_with_what_the_master_wants_to_know(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mp4", 6)
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        facts = {
            "width_px": 64,
            "height_px": 48,
            "media_type": "image/jpeg",
            "faces": [],
            "pack": "p@1",
            "timings_ms": {},
        }
        return httpx.Response(200, content=json.dumps(facts))

    with Client(Context("https://10.0.0.4:8443", "", "key"), transport=httpx.MockTransport(answer)) as client:
        for one in manyeyes.stills(path, every_s=2.5, from_s=0.5):
            assert second_of(one.jpeg) == int(one.time_s)
            client.recognize(one.jpeg, picture=False, still=one.still)
    params = [dict(request.url.params) for request in asked]
    assert [(one["video"], one["time_s"], one["every_s"]) for one in params] == [
        ("film.mp4", "0.5", "2.5"),
        ("film.mp4", "3.0", "2.5"),
        ("film.mp4", "5.5", "2.5"),
    ]
    assert len({one["video_id"] for one in params}) == 1
    other = make_video(tmp_path / "other/film.mp4", 1)
    assert next(manyeyes.stills(other)).still.video_id != params[0]["video_id"]


def test_what_is_missing_is_said_after_what_is_there(tmp_path: Path) -> None:
    path = make_video(tmp_path / "film.mov", 12, key_every_s=1, moov_first=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    found = []
    with pytest.raises(
        DamagedPicture, match=r"film\.mov ends at 0:\d\d, though it states 0:12.* are missing"
    ):
        for one in manyeyes.stills(path):
            found.append(one.time_s)
    assert found and found == [2.0 * number for number in range(len(found))]


def test_a_video_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        next(manyeyes.stills(tmp_path / "a.mp4"))


def test_a_playlist_in_disguise_opens_no_other_file(tmp_path: Path) -> None:
    secret = make_video(tmp_path / "secret.ts", 1)
    playlist = tmp_path / "film.m3u8"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n")
    with pytest.raises(DamagedPicture, match="cannot be opened as a video"):
        next(manyeyes.stills(playlist))
