"""`send` on videos: stills, who is seen from when to when, and going on after a stop."""

# ruff: noqa: F811  fixtures of another file

from __future__ import annotations

import builtins
import functools
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from tests.unit.cli.test_cli_commands import FACE, Fleet, Run, album, fleet, lines, run  # noqa: F401
from tests.videos import make_sound, make_video, second_of

from manyeyes.cli import send as send_module
from manyeyes.cli.sending import refresh as refreshing
from manyeyes.cli.sending.record import Record
from manyeyes.errors import DamagedPicture
from manyeyes.sdk.blocking import Client


@pytest.fixture(autouse=True)
def seen(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> dict[int, list[str | None]]:
    """Who the fleet finds in a still, by the second that it shows; Ada in all others."""
    found: dict[int, list[str | None]] = {}
    answer = Fleet.__call__

    def recognise(self: Fleet, request: httpx.Request) -> httpx.Response:
        response = answer(self, request)
        if request.method == "GET" or not request.content.startswith(b"\xff\xd8"):
            return response
        names = found.get(second_of(request.content), ["Ada"])
        faces = [FACE | {"name": name, "person_id": f"1-{name}" if name else None} for name in names]
        facts = {"width_px": 64, "height_px": 48, "media_type": "image/jpeg", "pack": "p@1", "timings_ms": {}}
        return httpx.Response(200, json={**facts, "faces": faces})

    monkeypatch.setattr(Fleet, "__call__", recognise)
    return found


def send(run: Run, *arguments: object) -> tuple[int, str, str]:
    return run("send", *arguments, "--draw", "none", "-o", "out")


def timeline_of(out: Path = Path("out")) -> dict[str, Any]:
    return json.loads((out / "timeline.json").read_text())  # type: ignore[no-any-return]


def asked(fleet: Fleet) -> list[tuple[str, float]]:
    posts = [request.url.params for request in fleet.asked if request.method == "POST"]
    return [(one.get("video", ""), float(one.get("time_s", "-1"))) for one in posts]


def test_stills_go_the_way_of_pictures_and_a_table_says_who_is_seen_when(
    fleet: Fleet,
    run: Run,
    seen: dict[int, list[str | None]],
) -> None:
    seen |= {2: [], 4: [None, "Ada"], 8: ["Grace"]}
    make_video(Path("film.mp4"), 10)
    code, said, _ = send(run, "film.mp4")
    assert code == 0
    assert asked(fleet) == [
        ("film.mp4", 0),
        ("film.mp4", 2),
        ("film.mp4", 4),
        ("film.mp4", 6),
        ("film.mp4", 8),
    ]
    assert [second_of(still) for still in fleet.sent] == [0, 2, 4, 6, 8]
    found = lines(Path("out"))
    assert list(found) == [f"film.mp4/00-00-0{second}.000.jpg" for second in (0, 2, 4, 6, 8)]
    line = found["film.mp4/00-00-04.000.jpg"]
    assert (line["video"], line["time_s"], line["every_s"]) == ("film.mp4", 4, 2)
    assert line["source"] == str(Path("film.mp4").resolve())
    assert "film.mp4: 5 stills, one every 2 s\n" in said
    rows = [" ".join(row.split()) for row in said.splitlines()]
    assert {"Ada 0:00–0:06 3", "Grace 0:08 1", "unknown 0:04 1"} <= set(rows)
    (video,) = timeline_of()["videos"]
    assert (video["video"], video["stills"], video["failed"], video["every_s"]) == ("film.mp4", 5, 0, 2)
    assert video["people"][0] == {
        "name": "Ada",
        "person_id": "1-Ada",
        "stills": 3,
        "spans": [{"from_s": 0, "to_s": 6}],
    }


def test_a_run_goes_on_at_the_still_it_was_at(
    fleet: Fleet,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_video(Path("film.mp4"), 10)
    add = Record.add

    def killed_at_the_third(self: Record, line: dict[str, Any]) -> None:
        if line["time_s"] == 4:
            raise KeyboardInterrupt
        add(self, line)

    with monkeypatch.context() as patch:
        patch.setattr(Record, "add", killed_at_the_third)
        assert send(run, "film.mp4", "--in-flight", "1")[0] == 130
    assert set(lines(Path("out"))) == {f"film.mp4/00-00-0{second}.000.jpg" for second in (0, 2)}
    fleet.sent.clear()
    code, said, _ = send(run, "film.mp4", "--in-flight", "1")
    assert code == 0 and [second_of(still) for still in fleet.sent] == [4, 6, 8]
    assert "3 pictures, 2 done before" in said and "film.mp4: 5 stills" in said
    fleet.sent.clear()
    code, said, _ = send(run, "film.mp4")
    assert code == 0 and fleet.sent == [] and "film.mp4: 5 stills" in said
    assert timeline_of()["videos"][0]["stills"] == 5


def test_which_stills_are_taken(fleet: Fleet, run: Run) -> None:
    make_video(Path("film.mp4"), 10)
    assert send(run, "film.mp4", "--every", "0.5", "--from", "0:03", "--to", "4.5")[0] == 0
    assert [time_s for _, time_s in asked(fleet)] == [3, 3.5, 4]
    assert [second_of(still) for still in fleet.sent] == [3, 3, 4]
    code, _, said = send(run, "film.mp4", "--to", "soon")
    assert code == 2 and "'soon' is no time in a video" in said
    code, _, said = send(run, "film.mp4", "--every", "0")
    assert code == 2 and "--every is 0 s" in said


def test_a_folder_with_videos(fleet: Fleet, run: Run) -> None:
    folder = album(Path("in"), picture=b"1")
    make_video(folder / "deep.d.mkv", 3)
    make_video(folder / "named-like-a.jpg", 3, container="mp4")
    make_sound(folder / "song.mp4")
    make_video(folder / "not-wanted.mp4", 3)
    code, _, told = send(run, folder, "--exclude", "not-*")
    assert code == 0
    assert sorted(lines(Path("out"))) == [
        "deep.d.mkv/00-00-00.000.jpg",
        "deep.d.mkv/00-00-02.000.jpg",
        "named-like-a.jpg/00-00-00.000.jpg",
        "named-like-a.jpg/00-00-02.000.jpg",
        "picture.jpg",
    ]
    assert "passed over: excluded (1), not pictures (1)" in told
    assert [video["video"] for video in timeline_of()["videos"]] == ["deep.d.mkv", "named-like-a.jpg"]


@pytest.fixture
def without_pyav(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where manyeyes[video] is not installed."""
    load = builtins.__import__

    def missing(name: str, *arguments: Any, **named: Any) -> Any:
        if name == "av":
            raise ModuleNotFoundError("No module named 'av'", name="av")
        return load(name, *arguments, **named)

    monkeypatch.setattr(builtins, "__import__", missing)


@pytest.mark.usefixtures("without_pyav")
def test_without_the_extra_a_video_is_refused_and_in_a_folder_passed_over(
    fleet: Fleet,
    run: Run,
) -> None:
    folder = album(Path("in"), picture=b"1")
    (folder / "film.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    code, _, said = send(run, folder / "film.mp4", folder)
    assert code == 2 and fleet.sent == [] and not Path("out").exists()
    assert said == (
        "error: in/film.mp4 is a video; to send stills of a video, PyAV is needed, which is not installed here: "
        "pip install 'manyeyes[video]'; nothing was sent\n"
    )
    code, _, said = send(run, folder)
    assert code == 0 and fleet.sent == [b"1"]
    assert "passed over: videos (1); pip install 'manyeyes[video]' lets stills of videos be sent, too" in said


def test_of_a_video_that_is_cut_off_the_rest_is_said_once(fleet: Fleet, run: Run) -> None:
    import numpy as np

    def noise(time_s: float) -> np.ndarray:
        return np.random.default_rng(int(time_s * 10)).integers(0, 255, (48, 64, 3)).astype(np.uint8)

    path = make_video(Path("film.mov"), 12, paint=noise, key_every_s=1, moov_first=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    code, said, _ = send(run, "film.mov", "--every", "1")
    assert code == 3
    failed = [line for line in lines(Path("out")).values() if "error" in line]
    assert len(failed) == 1 and 4 <= len(fleet.sent) <= 8
    detail = failed[0]["error"]["detail"]
    assert "ends at 0:0" in detail and "though it states 0:12: it is cut off or damaged" in detail
    assert f"{12 - len(fleet.sent)} stills of its end are missing" in detail
    assert "one every 1 s, 1 failed" in said


def test_what_is_no_video_after_all_is_a_failure(fleet: Fleet, run: Run) -> None:
    Path("film.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    code, said, _ = send(run, "film.mp4")
    assert code == 3 and "film.mp4: failed: film.mp4 cannot be opened as a video" in said
    assert not Path("out/timeline.json").exists()


def test_names_of_today_reach_the_timeline_and_stills_are_drawn_anew(
    fleet: Fleet,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_video(Path("film.mp4"), 6)
    assert run("send", "film.mp4", "-o", "out", "--draw", "here")[0] == 0
    before = Path("out/film.mp4/00-00-04.000.jpg").read_bytes()
    today = {"people": {"1-Ada": {"id": "1-Ada", "name": "Lovelace"}}}
    fleet.answers["POST /v1/people-names"] = httpx.Response(200, json=today)
    transport = httpx.MockTransport(fleet)
    monkeypatch.setattr(send_module, "Client", functools.partial(Client, transport=transport))
    code, said, _ = run("send", "film.mp4", "-o", "out", "--refresh")
    assert code == 0 and "3 predicted pictures drawn anew" in said
    assert "Lovelace  0:00–0:04  3" in said
    assert timeline_of()["videos"][0]["people"][0]["name"] == "Lovelace"
    after = Path("out/film.mp4/00-00-04.000.jpg").read_bytes()
    assert before != after and second_of(after) >= 4


def test_a_timeline_of_somebody_else_is_not_replaced(fleet: Fleet, run: Run) -> None:
    make_video(Path("film.mp4"), 2)
    Path("out").mkdir()
    Path("out/timeline.json").write_text("mine")
    code, _, said = send(run, "film.mp4")
    assert code == 2 and "timeline.json is no timeline of manyeyes and stays as it is" in said
    assert Path("out/timeline.json").read_text() == "mine" and len(lines(Path("out"))) == 1


def test_a_burst_of_pictures_has_a_timeline_by_the_time_they_were_taken(
    fleet: Fleet,
    run: Run,
    seen: dict[int, list[str | None]],
) -> None:
    seen |= {1: [], 2: [], 3: [], 4: ["Grace"], 5: []}
    began = datetime(2026, 5, 1, 12, 0, 3)
    taken_s = {0: 0.0, 4: 0.25, 1: 1.5, 2: 6.4, 3: 11.3, 5: 16.4, 6: 30, 7: 31}
    Path("in").mkdir()
    for second, after_s in taken_s.items():
        exif = Image.Exif()
        moment = began + timedelta(seconds=after_s)
        exif.get_ifd(0x8769).update(
            {0x9003: f"{moment:%Y:%m:%d %H:%M:%S}", 0x9291: f"{moment.microsecond // 1000:03d}"}
        )
        file = io.BytesIO()
        Image.new("L", (64, 48), 16 * second + 16).save(file, "JPEG", exif=exif)
        (Path("in") / f"{9 - second}.jpg").write_bytes(file.getvalue())
    code, said, _ = send(run, "in")
    assert code == 0
    (burst,) = timeline_of()["bursts"]
    assert burst["files"] == ["9.jpg", "5.jpg", "8.jpg", "7.jpg", "6.jpg"]
    assert (burst["from"], burst["to"]) == ("2026-05-01T12:00:03", "2026-05-01T12:00:14.300000")
    assert [(one["name"], one["spans"]) for one in burst["people"]] == [
        ("Ada", [{"from": "2026-05-01T12:00:03", "to": "2026-05-01T12:00:03"}]),
        ("Grace", [{"from": "2026-05-01T12:00:03.250000", "to": "2026-05-01T12:00:03.250000"}]),
    ]
    assert "burst: 5 pictures taken from 2026-05-01 12:00:03 on" in said


def test_a_refresh_that_finds_no_original_says_so(fleet: Fleet, run: Run, tmp_path: Path) -> None:
    make_video(Path("film.mp4"), 2)
    assert send(run, "film.mp4")[0] == 0
    (line,) = lines(Path("out")).values()
    line["time_s"] = 60
    with pytest.raises(DamagedPicture, match=r"film.mp4 ends before 1:00"):
        refreshing.drawn_from_original(Path("out"), line)
