"""What `send` takes out of a folder: by content, without other programs' thumbnails and its own results, and it says so."""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import pytest
from PIL import Image

from manyeyes.cli.enrolling.plan import read_folder
from manyeyes.cli.sending.choice import Choice, PassedOver
from manyeyes.cli.sending.plan import plan, read_arguments
from manyeyes.errors import BadRequest, UnsupportedFormat
from manyeyes.recognition.pictures.first_bytes import HEAD_BYTES, format_of
from manyeyes.recognition.pictures.probe import read_header
from tests.unit.cli.test_cli_commands import Fleet, Run, fleet, lines, run  # noqa: F401


def jpeg(shade: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 9), (shade, 0, 0)).save(buffer, "JPEG")
    return buffer.getvalue()


def raw_with_a_thumbnail() -> bytes:
    """The beginning of a TIFF as cameras write it: a reduced picture first, the whole one in a sub-directory."""
    tags = [(254, 4, 1, 1), (256, 4, 1, 8), (257, 4, 1, 8), (330, 4, 1, 4000)]
    return (
        b"II*\0"
        + struct.pack("<IH", 8, len(tags))
        + b"".join(struct.pack("<HHII", *tag) for tag in tags)
        + b"\0" * 64
    )


def tree(folder: Path, **files: bytes) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def chosen(folder: Path, choice: Choice = Choice()) -> tuple[list[str], PassedOver]:  # noqa: B008
    passed = PassedOver()
    arguments = read_arguments([folder], None, choice=choice)
    found = sorted(source.relative for source in plan(arguments, passed))
    return found, passed


HOLIDAY = {
    "a.jpg": jpeg(),
    "no-suffix": jpeg(),
    "b.mpo": jpeg(),
    "c.jpg_original": jpeg(),
    "broken.jpg": b"no picture, and named like one",
    "notes.txt": b"a list",
    "empty": b"",
    "song.m4a": b"\0\0\0\x18ftypM4A ",
    "d.NEF": raw_with_a_thumbnail(),
    "e.svg": b"<svg xmlns='x'/>",
    ".hidden.jpg": jpeg(),
    "._a.jpg": b"\0\5\x16\7",
    "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg": jpeg(),
    ".thumbnails/a.png": jpeg(),
    "old/edited.jpg": jpeg(),
}


def test_the_content_decides_and_what_is_passed_over_is_counted(tmp_path: Path) -> None:
    found, passed = chosen(tree(tmp_path, **HOLIDAY))
    assert found == ["a.jpg", "b.mpo", "broken.jpg", "c.jpg_original", "no-suffix", "old/edited.jpg"]
    assert passed.sentence() == (
        "passed over: hidden files (1), not pictures (3), pictures of other formats (2), thumbnails of other programs (3); "
        "--all sends hidden files and thumbnails of other programs, too"
    )


def test_all_takes_them_and_exclude_leaves_out(tmp_path: Path) -> None:
    tree(tmp_path, **HOLIDAY)
    assert {".hidden.jpg", ".thumbnails/a.png", "@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg"} <= set(
        chosen(tmp_path, Choice(everything=True))[0]
    )
    found, passed = chosen(tmp_path, Choice(["*.jp*", "old/"]))
    assert (found, passed.reasons["excluded"]) == (["b.mpo", "no-suffix"], 5)
    assert "excluded (5), excluded folders (1)" in passed.sentence(), "a folder is not taken for one picture"
    assert "old/edited.jpg" not in chosen(tmp_path, Choice(["old/*"]))[0]
    with pytest.raises(BadRequest, match="--exclude is empty"):
        Choice(["/"])


def test_a_named_file_is_said_whatever_it_is_and_sent_once(fleet: Fleet, run: Run, tmp_path: Path) -> None:  # noqa: F811
    folder = tree(tmp_path / "in", x=jpeg(1), notes=b"text")
    code, _, heard = run("send", folder, folder / "x", folder / "notes", "-o", tmp_path / "out")
    assert (code, sorted(fleet.sent)) == (0, sorted([jpeg(1), b"text"]))
    assert heard == "passed over: not pictures (1)\n"


def test_nothing_found_says_what_there_was(fleet: Fleet, run: Run, tmp_path: Path) -> None:  # noqa: F811
    code, _, heard = run("send", tree(tmp_path / "in", notes=b"text"), "-o", tmp_path / "out")
    assert code == 11 and heard.endswith("are sent; passed over: not pictures (1)\n")
    assert run("send", tmp_path / "in", "--exclude", "", "-o", tmp_path / "out")[0] == 2


def test_its_own_results_are_left_out_also_with_all(fleet: Fleet, run: Run, tmp_path: Path) -> None:  # noqa: F811
    folder = tree(tmp_path / "h", **{"a.jpg": jpeg()})
    assert run("send", folder, "-o", folder / "named")[0] == 0
    record = folder / "named" / "results.jsonl"
    record.write_bytes(b'{"file": "cut by a full disk\n' + record.read_bytes())
    for more in ([], ["--all"]):
        code, _, heard = run("send", folder, "-o", folder / f"named-{len(more)}", *more)
        assert code == 0 and f"results of an earlier 'manyeyes send' in {folder / 'named'}" in heard
    assert fleet.sent == [jpeg()] * 3, "the original, in each run, and no predicted picture"


def test_a_folder_of_predicted_pictures_is_left_out_too(fleet: Fleet, run: Run, tmp_path: Path) -> None:  # noqa: F811
    here = Path.cwd()
    tree(here, **{"holiday/a.jpg": jpeg(), "holiday/b/a.jpg": jpeg(1)})
    assert run("send", "holiday")[0] == 0
    predicted = Path("manyeyes-out", "holiday")
    (here / "link").symlink_to(predicted)
    tree(here, **{"manyeyes-out/mine/c.jpg": jpeg(2)})
    for folder in (predicted, predicted / "b", "link"):
        code, _, heard = run("send", folder, "-o", tmp_path / "second")
        assert code == 11 and f"results of an earlier 'manyeyes send' in {folder}; name files in it" in heard
    fleet.sent.clear()
    assert run("send", predicted, predicted / "a.jpg", "-o", tmp_path / "second")[0] == 0, (
        "a named file is sent"
    )
    assert fleet.sent == [(predicted / "a.jpg").read_bytes()]
    assert run("send", "manyeyes-out/mine", "-o", tmp_path / "third")[0] == 0, "no result lies there"
    with pytest.raises(BadRequest, match="results of an earlier 'manyeyes send'"):
        read_folder(Path("manyeyes-out"))


def test_each_picture_has_the_name_by_which_the_user_knows_it(fleet: Fleet, run: Run) -> None:  # noqa: F811
    tree(Path.cwd(), **{"a/x.jpg": jpeg(), "b/x.jpg": jpeg(1), "b/empty.jpg": b""})
    Path("b/dangling.jpg").symlink_to("nowhere.jpg")
    both = run("send", "a", "b", "-o", "out")[1].splitlines()
    assert both[:4] == [
        "a/x.jpg: Ada (80 %), 1 unknown",
        "b/dangling.jpg: failed: it is a broken link: nowhere.jpg is not there",
        "b/empty.jpg: failed: the file is empty (0 bytes)",
        "b/x.jpg: Ada (80 %), 1 unknown",
    ]
    assert run("send", "a/x.jpg", "-o", "oo")[1].startswith("a/x.jpg: ")
    assert "\nb/x.jpg: " in run("send", "b", "-o", "oo")[1], "x-2.jpg was never sent"
    code, _, heard = run("send", "b/dangling.jpg")
    assert (code, heard) == (10, "error: no such file or folder: b/dangling.jpg (a broken link)\n")


def test_people_add_leaves_out_the_same(tmp_path: Path) -> None:
    line = b'{"file": "a.jpg", "faces": []}\n'
    ann = {"Ann/a.jpg": jpeg(1), "Ann/@eaDir/a.jpg": jpeg(2), "@eaDir/b.jpg": jpeg(3), "out/a.jpg": jpeg(4)}
    found = read_folder(tree(tmp_path, **ann, **{"out/results.jsonl": line}))
    assert ([photo.label for photo in found.photos], found.people) == (["a.jpg"], ["Ann"])
    assert sorted(one.photo for one in found.noticed if one.kind == "left-out") == ["@eaDir", "@eaDir", "out"]


def test_a_fifo_is_not_opened_and_a_big_file_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with (tmp_path / "big").open("wb") as file:
        file.write(jpeg())
        file.truncate(1 << 40)
    found, passed = chosen(tmp_path)
    assert found == ["big"] and passed.reasons == {"not pictures": 1}
    assert HEAD_BYTES <= 4096


def test_a_raw_picture_with_a_thumbnail_first_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFormat, match="raw camera picture"):
        format_of(tree(tmp_path, raw=raw_with_a_thumbnail()) / "raw")
    with pytest.raises(UnsupportedFormat, match="raw camera picture"):
        read_header(raw_with_a_thumbnail())


def test_a_name_that_is_not_utf8_is_known_again(fleet: Fleet, run: Run, tmp_path: Path) -> None:  # noqa: F811
    name = os.fsdecode(b"latin1-\xe9.jpg")
    folder = tree(tmp_path / "in", **{name: jpeg()})
    for _ in range(2):
        assert run("send", folder, "-o", tmp_path / "out")[0] == 0
    assert fleet.sent == [jpeg()], "the second run knows it by its line"
    assert list(lines(tmp_path / "out")) == [name]
    assert rb"latin1-\udce9.jpg" in (tmp_path / "out" / "results.jsonl").read_bytes()
