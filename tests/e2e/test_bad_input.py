"""Every kind of bad input: each has a message of its own, other pictures go on, and the service stays up."""

from __future__ import annotations

import os
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from background import MANYEYES

from tests.needs import needed

from .conftest import Up, records
from .disks import mounted, why_no_disk
from .pictures import astronaut, write_huge_png, write_many

MIB = 1024 * 1024


def jpeg(path: Path) -> Path:
    astronaut().save(path, quality=90)
    return path


def empty(folder: Path) -> Path:
    path = folder / "empty.jpg"
    path.touch()
    return path


def text(folder: Path) -> Path:
    path = folder / "text.jpg"
    path.write_text("this is a letter, not a picture\n" * 50)
    return path


def truncated(folder: Path) -> Path:
    path = jpeg(folder / "truncated.jpg")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    return path


def drawing(folder: Path) -> Path:
    path = folder / "drawing.svg"
    path.write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return path


def huge(folder: Path) -> Path:
    path = folder / "huge.png"
    write_huge_png(path)
    return path


def heavy(folder: Path) -> Path:
    path = jpeg(folder / "heavy.jpg")
    with path.open("ab") as file:
        file.truncate(60 * MIB)
    return path


@contextmanager
def small_disk(folder: Path, *options: str) -> Iterator[Path]:
    """A separate file system in memory; needs root."""
    needed(why_no_disk())
    with mounted(folder, *options):
        yield folder


def assert_still_answers(up: Up, tmp_path: Path) -> None:
    picture, out = jpeg(tmp_path / "after.jpg"), tmp_path / "after"
    sent = up.run("send", str(picture), "-o", str(out))
    assert sent.returncode == 0, sent.stderr
    assert [len(record["faces"]) for record in records(out)] == [1]


CASES: list[tuple[Callable[[Path], Path], str]] = [
    (empty, "empty"),
    (text, "not a picture"),
    (truncated, "cut short"),
    (drawing, "svg"),
    (huge, "megapixel"),
    (heavy, "limit"),
]


@pytest.mark.parametrize(("make", "told"), CASES, ids=[make.__name__ for make, _ in CASES])
def test_a_bad_picture_fails_alone(up: Up, tmp_path: Path, make: Callable[[Path], Path], told: str) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    write_many(folder, 2)
    bad = make(tmp_path)
    sent = up.run("send", str(folder), str(bad), "-o", str(out))
    assert sent.returncode == 3, sent.stderr
    assert "Traceback" not in sent.stderr
    by_name = {Path(record["file"]).name: record for record in records(out)}
    assert set(by_name) == {"0000.jpg", "0001.jpg", bad.name}
    assert told in by_name[bad.name]["error"]["detail"].lower()
    assert bad.name in sent.stdout + sent.stderr
    for name in ("0000.jpg", "0001.jpg"):
        assert not by_name[name].get("error")
        assert len(by_name[name]["faces"]) == 1


def test_no_face_is_no_error(up: Up, tmp_path: Path) -> None:
    picture, out = tmp_path / "wall.png", tmp_path / "out"
    astronaut().crop((0, 0, 60, 60)).resize((300, 300)).save(picture)
    sent = up.run("send", str(picture), "-o", str(out))
    assert sent.returncode == 0, sent.stderr
    assert [record["faces"] for record in records(out)] == [[]]


def test_a_path_that_does_not_exist(up: Up, tmp_path: Path) -> None:
    good, out = jpeg(tmp_path / "good.jpg"), tmp_path / "out"
    sent = up.run("send", str(good), str(tmp_path / "missing.jpg"), "-o", str(out))
    assert sent.returncode == 10, sent.stderr
    assert "missing.jpg" in sent.stderr
    assert "Traceback" not in sent.stderr


def test_a_file_without_read_permission(up: Up) -> None:
    """Root can read every file, so as root the command runs without that capability."""
    with tempfile.TemporaryDirectory(prefix="manyeyes-perm-") as name:
        folder = Path(name)
        secret, good = jpeg(folder / "secret.jpg"), jpeg(folder / "good.jpg")
        plain = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
        secret.chmod(0o000)
        sent = subprocess.run(
            [*plain, MANYEYES, "send", str(secret), str(good), "-o", str(folder / "out")],
            capture_output=True,
            text=True,
            timeout=120,
            env={**os.environ, **up.env},
        )
        assert sent.returncode == 3, sent.stderr
        assert "secret.jpg" in sent.stdout + sent.stderr
        assert "Traceback" not in sent.stderr
        by_name = {Path(record["file"]).name: record for record in records(folder / "out")}
        assert "permission" in by_name["secret.jpg"]["error"]["detail"].lower()
        assert len(by_name["good.jpg"]["faces"]) == 1


def test_a_read_only_out(up: Up, tmp_path: Path) -> None:
    picture = jpeg(tmp_path / "good.jpg")
    with small_disk(tmp_path / "disk", "ro") as disk:
        sent = up.run("send", str(picture), "-o", str(disk / "out"))
    assert sent.returncode == 2, sent.stderr
    assert "read-only" in sent.stderr.lower()
    assert "Traceback" not in sent.stderr
    assert_still_answers(up, tmp_path)


def test_a_full_out(up: Up, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_many(folder, 40)
    with small_disk(tmp_path / "disk", "size=256k") as disk:
        sent = up.run("send", str(folder), "-o", str(disk / "out"))
    assert sent.returncode == 2, sent.stderr
    assert "is full" in sent.stderr
    assert "Traceback" not in sent.stderr
    assert_still_answers(up, tmp_path)


def test_raw_http(up: Up) -> None:
    context = up.context
    trust = ssl.create_default_context(cadata=context["ca_pem"])
    signed = {"Authorization": f"Bearer {context['api_key']}", "Content-Type": "image/jpeg"}
    url = f"{context['url']}/v1/recognize"
    with httpx.Client(verify=trust, timeout=60) as client:
        heavy_answer = client.post(url, content=bytes(60 * MIB), headers=signed)
        assert heavy_answer.status_code == 413
        assert heavy_answer.headers["content-type"].startswith("application/problem+json")
        assert heavy_answer.json()["code"] == "too-many-bytes"
        assert client.post(url, content=b"", headers=signed).json()["code"] == "empty-picture"
        assert client.post(url, content=b"hello" * 99, headers=signed).status_code == 415
        unsigned = client.post(url, content=b"x", headers={"Content-Type": "image/jpeg"})
        assert unsigned.status_code == 401
        assert unsigned.json()["code"] == "not-signed-in"


def test_noise_then_a_good_one(up: Up, tmp_path: Path) -> None:
    """After many bad requests the service still answers a good one."""
    context = up.context
    trust = ssl.create_default_context(cadata=context["ca_pem"])
    signed = {"Authorization": f"Bearer {context['api_key']}", "Content-Type": "image/jpeg"}
    random = np.random.default_rng(5)
    with httpx.Client(verify=trust, timeout=60) as client:
        for _ in range(300):
            junk = b"\xff\xd8\xff\xe0" + random.bytes(int(random.integers(1, 20_000)))
            answer = client.post(f"{context['url']}/v1/recognize", content=junk, headers=signed)
            assert 400 <= answer.status_code < 500, answer.text
    assert_still_answers(up, tmp_path)


def test_memory_stays_bounded(up: Up) -> None:
    """After all tests above, the memory of every process is still small, whatever it was sent."""
    sizes = {}
    for process in up.service.family():
        try:
            sizes[f"{process.pid} {process.name()}"] = process.memory_info().rss / MIB
        except psutil.NoSuchProcess:
            continue
    assert sizes
    assert {name: size for name, size in sizes.items() if size > 700} == {}
