"""`send` and `people` as a person at a terminal uses them."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.samples import heif

from .conftest import Up, records
from .fleet import nodes_of
from .pictures import astronaut, write_many


@pytest.fixture()
def eileen(up: Up, tmp_path: Path) -> Iterator[str]:
    """One enrolled person, removed after the test."""
    name, photo = f"Eileen {uuid.uuid4().hex[:6]}", tmp_path / "eileen.jpg"
    astronaut().save(photo)
    added = up.run("people", "add", name, str(photo))
    assert added.returncode == 0, added.stderr
    yield name
    up.run("people", "remove", name, "--yes")


def test_names_and_predicted_pictures(up: Up, eileen: str, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder / "a" / "b", 3)
    sent = up.run("send", str(folder), "-o", str(out))
    assert sent.returncode == 0, sent.stderr
    for record in records(out):
        assert [face["name"] for face in record["faces"]] == [eileen]
        assert record["faces"][0]["confidence"] > 0.5
        assert record["pack"].startswith("faces@")
    drawn = sorted(out.rglob("*.jpg"))
    assert [path.name for path in drawn] == ["0000.jpg", "0001.jpg", "0002.jpg"]
    assert {path.parent.parts[-2:] for path in drawn} == {("a", "b")}
    for path in drawn:
        source = folder / "a" / "b" / path.name
        assert Image.open(path).size == Image.open(source).size
        assert path.read_bytes() != source.read_bytes()


def test_every_format_keeps_its_name_and_nothing_meets(up: Up, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    small = astronaut().resize((320, 320))
    for name in ("a.gif", "a.png", "b.tiff", "c.bmp", "d.avif", "f.webp"):
        small.save(folder / name)
    small.save(folder / "really-a-jpeg.png", "JPEG")
    (folder / "e.heic").write_bytes(heif(small))
    sent = up.run("send", str(folder), "-o", str(out))
    assert sent.returncode == 0, sent.stdout + sent.stderr
    outputs = {record["file"]: record["output"] for record in records(out)}
    assert outputs == {
        "a.gif": "a.gif.png",
        "a.png": "a.png",
        "b.tiff": "b.tiff.png",
        "c.bmp": "c.bmp.png",
        "d.avif": "d.avif.jpg",
        "e.heic": "e.heic.jpg",
        "f.webp": "f.webp",
        "really-a-jpeg.png": "really-a-jpeg.png.jpg",
    }
    kinds = {".png": "PNG", ".jpg": "JPEG", ".webp": "WEBP"}
    for name in outputs.values():
        with Image.open(out / name) as picture:
            assert (picture.size, picture.format) == ((320, 320), kinds[Path(name).suffix])
    assert [len(record["faces"]) for record in records(out)] == [1] * 8


def test_a_second_send_skips_what_is_there(up: Up, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder, 4)
    assert up.run("send", str(folder), "-o", str(out)).returncode == 0
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.jpg")}
    write_many(tmp_path / "more", 6)
    for name in ("0004.jpg", "0005.jpg"):
        shutil.move(tmp_path / "more" / name, folder / name)
    again = up.run("send", str(folder), "-o", str(out))
    assert again.returncode == 0, again.stderr
    names = [Path(record["file"]).name for record in records(out)]
    assert sorted(names) == [f"{number:04}.jpg" for number in range(6)]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_json_for_machines(up: Up, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_many(folder, 2)
    sent = up.run("send", str(folder), "-o", str(tmp_path / "out"), "--json")
    assert sent.returncode == 0, sent.stderr
    for line in sent.stdout.splitlines():
        json.loads(line)
    listed = nodes_of(up.run("nodes", "list", "--json").stdout)
    assert [node["state"] in ("ready", "working") for node in listed.values()] == [True]


def test_enrolling_goes_wrong(up: Up, eileen: str, tmp_path: Path) -> None:
    nobody, two, photo = tmp_path / "nobody.png", tmp_path / "two.jpg", tmp_path / "one.jpg"
    astronaut().crop((0, 0, 60, 60)).resize((300, 300)).save(nobody)
    astronaut().save(photo)
    pair = Image.new("RGB", (1024, 512))
    pair.paste(astronaut(), (0, 0))
    pair.paste(astronaut(), (512, 0))
    pair.save(two)
    cases = [
        ("Nobody", nobody, 3, "no face"),
        ("Two", two, 3, "face"),
        ("Gone", tmp_path / "missing.jpg", 10, "missing.jpg"),
    ]
    for name, path, status, told in cases:
        tried = up.run("people", "add", name, str(path))
        assert tried.returncode == status, (name, tried.stderr)
        assert told in tried.stderr.lower(), tried.stderr
        assert "Traceback" not in tried.stderr
    people = up.run("people", "list")
    assert people.returncode == 0
    assert eileen in people.stdout
    assert not {"Nobody", "Two", "Gone"} & set(people.stdout.split())


def test_a_person_who_is_not_there(up: Up) -> None:
    for arguments in (("show", "Nemo"), ("remove", "Nemo", "--yes"), ("rename", "Nemo", "Ahab")):
        tried = up.run("people", *arguments)
        assert tried.returncode == 4, tried.stderr
        assert "Nemo" in tried.stderr


def test_no_master_there(tmp_path: Path, up: Up) -> None:
    """The context's master does not answer: the message says where the master should be."""
    context = dict(up.context, url="https://127.0.0.1:9")
    path, picture = tmp_path / "context.json", tmp_path / "one.jpg"
    path.write_text(json.dumps(context))
    astronaut().save(picture)
    quick = ("--json", "--patience", "1")
    tried = up.run("send", str(picture), *quick, env={"MANYEYES_CONTEXT": str(path)})
    assert tried.returncode in (3, 6), tried.stderr
    assert "127.0.0.1:9" in tried.stdout + tried.stderr
    assert "Traceback" not in tried.stderr
