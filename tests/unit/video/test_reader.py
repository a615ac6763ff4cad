"""Stills of every kind of video that a user may have."""

from __future__ import annotations

import io
import tracemalloc
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from tests.videos import grey, make_sound, make_video, second_of, size_of

from manyeyes.errors import DamagedPicture, ManyeyesError, NotAPicture
from manyeyes.recognition.pictures.sniff import is_video
from manyeyes.video.reader import Video


def seconds(video: Video, *times_s: float) -> list[int | None]:
    stills = [video.still(time_s) for time_s in times_s]
    return [None if still is None else second_of(still) for still in stills]


KINDS: dict[str, dict[str, Any]] = {
    "a.mp4": {},
    "a.mov": {"moov_first": True},
    "a.mkv": {},
    "a.ts": {},
    "a.avi": {"codec": "mpeg4"},
    "a.webm": {"codec": "libvpx-vp9"},
    "a.mpg": {"codec": "mpeg2video", "rate": 25},
    "a.flv": {},
    "a.wmv": {"codec": "wmv2", "container": "asf"},
    "bframes.mp4": {"options": {"bf": "3"}},
    "keys.mp4": {"key_every_s": 1},
    "keys.mkv": {"key_every_s": 1},
    "ten-bit.mp4": {
        "codec": "libx265",
        "pixels": "yuv420p10le",
        "options": {"x265-params": "log-level=none"},
    },
}


@pytest.mark.parametrize("name", KINDS)
def test_a_still_is_the_frame_that_a_player_shows_then(tmp_path: Path, name: str) -> None:
    path = make_video(tmp_path / name, **KINDS[name])
    assert is_video(path.read_bytes()[:4096])
    with Video(path) as video:
        assert video.duration_s == pytest.approx(6, abs=0.5)
        assert seconds(video, 0, 1.5, 2.5, 5.5) == [0, 1, 2, 5]
        assert seconds(video, 60) == [None]
        assert not video.is_cut
    with Video(path) as video:  # a run that goes on
        assert seconds(video, 4.5, 5.1) == [4, 5]
        assert seconds(video, 1.5) == [1]


@pytest.mark.parametrize(("rotation", "is_dark_at"), [(90, "bottom"), (-90, "top"), (180, "right")])
def test_phones_turn_their_videos_by_a_note_in_the_file(
    tmp_path: Path, rotation: int, is_dark_at: str
) -> None:
    path = make_video(tmp_path / "a.mp4", 1, rotation=rotation)
    with Video(path) as video:
        still = video.still(0)
    assert still is not None
    assert size_of(still) == ((64, 48) if rotation == 180 else (48, 64))
    image = np.asarray(Image.open(io.BytesIO(still)).convert("L"))
    means = {"top": image[:8].mean(), "bottom": image[-8:].mean(), "right": image[:, -8:].mean()}
    assert min(means, key=lambda side: means[side]) == is_dark_at


def test_pixels_that_are_no_squares_are_made_square(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", 1, pixel_shape=Fraction(4, 3))
    with Video(path) as video:
        still = video.still(0)
    assert still is not None and size_of(still) == (85, 48)


def test_frames_at_no_fixed_rate(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", times_s=[0, 0.1, 0.2, 3.0, 3.05, 9.0])
    with Video(path) as video:
        assert seconds(video, 0, 2, 3, 4, 8, 9) == [0, 0, 3, 3, 3, 9]


def test_a_video_that_begins_late_begins_at_zero(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.ts", times_s=[5 + number / 5 for number in range(20)])
    with Video(path) as video:
        assert seconds(video, 0, 2.5) == [5, 7]


def cut(path: Path, keep: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    return path


@pytest.mark.parametrize("name", ["a.mov", "keys.mkv"])
def test_of_a_video_that_is_cut_off_what_is_there_is_read(tmp_path: Path, name: str) -> None:
    path = make_video(tmp_path / name, 12, paint=_noise, moov_first=name == "a.mov", key_every_s=1)
    cut(path, 0.5)
    with Video(path) as video:
        found = [video.still(time_s) is not None for time_s in range(12)]
        assert found[:4] == [True] * 4 and found[-4:] == [False] * 4
        assert video.is_cut and video.ends_s == pytest.approx(6, abs=1.5)


def _noise(time_s: float) -> Any:
    image = grey(time_s)
    return np.random.default_rng(int(time_s * 10)).integers(0, 255, image.shape).astype(np.uint8)


def test_a_damaged_place_is_said_and_the_rest_is_read(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 12, paint=_noise, key_every_s=1, moov_first=True)
    content = bytearray(path.read_bytes())
    content[len(content) * 4 // 10 : len(content) * 6 // 10] = bytes(
        len(content) * 6 // 10 - len(content) * 4 // 10
    )
    path.write_bytes(content)
    said: list[str] = []
    read = []
    with Video(path) as video:
        for time_s in range(12):
            try:
                read.append(video.still(time_s + 0.5) is not None)
            except DamagedPicture as error:
                said.append(error.detail)

    assert said and "nothing can be decoded at 0:06.5; the file is damaged there" in said[-1] + said[0]
    assert len(read) + len(said) == 12 and all(read) and len(read) >= 8


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", DamagedPicture, "cannot be opened as a video"),
        (b"\x1aE\xdf\xa3" + bytes(100), DamagedPicture, "cannot be opened as a video"),
    ],
)
def test_what_only_begins_like_a_video(
    tmp_path: Path, content: bytes, kind: type[ManyeyesError], says: str
) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(kind, match=says):
        Video(path)


def test_sound_without_a_video(tmp_path: Path) -> None:
    with pytest.raises(NotAPicture, match="has sound, but no video"):
        Video(make_sound(tmp_path / "a.mp4"))


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = make_video(tmp_path / "x.mp4", 1).rename(tmp_path / "concat:a|b.mp4")
    with Video(Path(path.name)) as video:
        assert seconds(video, 0) == [0]


def test_a_title_that_is_not_utf8_does_no_harm(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mkv", 1, title="TITLE")
    path.write_bytes(path.read_bytes().replace(b"TITLE", b"f\xeate!"))
    with Video(path) as video:
        assert seconds(video, 0) == [0]


def test_memory_does_not_grow_with_the_stills(tmp_path: Path) -> None:
    path = make_video(tmp_path / "a.mp4", 40, rate=2)
    with Video(path) as video:
        video.still(0)
        tracemalloc.start()
        try:
            for time_s in range(1, 40):
                video.still(time_s)
            assert tracemalloc.get_traced_memory()[1] < 300_000
        finally:
            tracemalloc.stop()


def test_a_recording_without_length_and_index_is_counted(tmp_path: Path) -> None:
    whole, live = make_video(tmp_path / "whole.mp4", 6, key_every_s=1), tmp_path / "live.webm"
    with (
        av.open(str(whole)) as source,
        live.open("wb") as file,
        av.open(_Pipe(file), "w", format="matroska") as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)
    with av.open(str(live)) as check:
        assert check.duration is None
    with Video(live) as video:
        assert video.duration_s == pytest.approx(6, abs=0.3)
        assert seconds(video, 0.5, 3.5, 5.5) == [0, 3, 5]
        assert seconds(video, 60) == [None]
        assert not video.is_cut


class _Pipe:
    """Something to write to that cannot go back, as a browser or a camera records into."""

    def __init__(self, file: Any) -> None:
        self.write = file.write
