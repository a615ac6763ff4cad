from __future__ import annotations

import os
import threading
from itertools import islice
from pathlib import Path

import pytest

from manyeyes.cli.sending import plan as plan_module
from manyeyes.cli.sending.plan import count, look, plan, read_arguments
from manyeyes.errors import EmptyPicture, FileTrouble, TooManyBytes


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(*inputs: Path, out: Path | None = None) -> list[str]:
    arguments = read_arguments(inputs, out)
    found = sorted(source.relative for source in plan(arguments))
    assert count(arguments, threading.Event()) == len(found)
    return found


def test_pictures_of_any_case_and_depth_without_hidden_ones(tmp_path: Path) -> None:
    for name in (
        "a.jpg",
        "B.JPEG",
        "c/d.png",
        "c/e/f.WebP",
        ".h.jpg",
        ".hid/i.jpg",
        "notes.txt",
        "g.Gif",
        "i.svg",
        "j.heic",
    ):
        put(tmp_path / name)
    assert names(tmp_path) == ["B.JPEG", "a.jpg", "c/d.png", "c/e/f.WebP", "g.Gif", "j.heic"]


def test_out_inside_the_input_is_left_out(tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    put(tmp_path / "out" / "a.jpg")
    assert names(tmp_path, out=tmp_path / "out") == ["a.jpg"]


def test_named_file_is_taken_whatever_its_suffix(tmp_path: Path) -> None:
    assert names(put(tmp_path / "a.gif")) == ["a.gif"]


def test_several_arguments_keep_their_own_first_part(tmp_path: Path) -> None:
    one, two = put(tmp_path / "x" / "pics" / "a.jpg"), put(tmp_path / "y" / "pics" / "a.jpg")
    assert names(one.parent, two.parent) == ["pics-2/a.jpg", "pics/a.jpg"]
    assert names(one, two) == ["a-2.jpg", "a.jpg"]
    assert names(one, one) == ["a.jpg"]


def test_loops_end_and_linked_folders_are_read(tmp_path: Path) -> None:
    put(tmp_path / "in" / "a.jpg")
    put(tmp_path / "album" / "b.jpg")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "album").symlink_to(tmp_path / "album")
    (tmp_path / "in" / "dead.jpg").symlink_to(tmp_path / "nowhere.jpg")
    assert names(tmp_path / "in") == ["a.jpg", "album/b.jpg", "dead.jpg"]


def test_troubles_of_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "MAX_PICTURE_BYTES", 10)
    missing = look(tmp_path / "no.jpg", "no.jpg").trouble
    assert isinstance(missing, FileTrouble) and "not there any more" in missing.detail
    assert isinstance(look(put(tmp_path / "e.jpg", b""), "e.jpg").trouble, EmptyPicture)
    assert isinstance(look(put(tmp_path / "b.jpg", b"0" * 11), "b.jpg").trouble, TooManyBytes)
    os.mkfifo(tmp_path / "pipe.jpg")
    assert isinstance(look(tmp_path / "pipe.jpg", "pipe.jpg").trouble, FileTrouble)
    good = put(tmp_path / "g.jpg")
    assert look(good, "g.jpg").trouble is None
    monkeypatch.setattr(os, "access", lambda *_: False)
    denied = look(good, "g.jpg").trouble
    assert denied is not None and "permission denied" in denied.detail


def test_folder_that_cannot_be_read_is_one_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a.jpg")
    put(tmp_path / "locked" / "b.jpg")
    real = os.scandir

    def scandir(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(plan_module.os, "scandir", scandir)
    found = {source.relative: source.trouble for source in plan(read_arguments([tmp_path], None))}
    assert found["a.jpg"] is None
    assert "Permission denied" in str(found["locked"])


def test_nothing_is_read_before_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(200):
        put(tmp_path / f"{number}.jpg")
    looked: list[Path] = []
    real = plan_module.look
    monkeypatch.setattr(plan_module, "look", lambda path, name: looked.append(path) or real(path, name))
    arguments = read_arguments([tmp_path], None)
    assert len(list(islice(plan(arguments), 3))) == 3
    assert len(looked) == 3
    stopped = threading.Event()
    stopped.set()
    assert count(arguments, stopped) == 0
