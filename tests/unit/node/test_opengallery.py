from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from manyeyes.node.framing import GalleryFiles
from manyeyes.node.opengallery import OpenGallery
from manyeyes.recognition.changes import Changes

BOUNDED = """
import resource, sys
from pathlib import Path
import numpy as np
from manyeyes.config import NodeSettings
from manyeyes.node.framing import GalleryFiles
from manyeyes.node.opengallery import OpenGallery
from manyeyes.node.worker import bound_memory
np.ones((300, 300), np.float32) @ np.ones((300, 300), np.float32)
bound_memory(NodeSettings(worker_growth_bytes=120_000_000))
opened = OpenGallery()
for name in sys.argv[1:]:
    assert opened.follow(GalleryFiles(base=name)) == "", opened.follow(GalleryFiles(base=name))
    assert opened.gallery.match(np.ones((1, 512), np.float32))[0].distance > 22
try:
    np.zeros(200_000_000, np.uint8)
except MemoryError:
    print("bounded")
"""


def whole(path: Path, version: int = 1, photos: int = 0) -> Changes:
    """A base of `photos` people, all of whose embeddings are 0."""
    head = Changes.of(since=0, version=version, mark="m", threshold=1.0)
    ids = {"photos": (photos,), "owners": (photos,), "embeddings": (photos, 512)}
    made = Changes.create(path, head, ids)
    made.photos[:] = np.arange(photos)
    return made


def test_large_galleries_fit_beside_the_bound_on_memory(tmp_path: Path) -> None:
    """Mapped files are not the worker's memory: two of 400 MB open one after the other, 200 MB are refused."""
    names = [str(tmp_path / f"{number}.gal") for number in range(2)]
    for name in names:
        whole(Path(name), photos=200_000)
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, *names], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "bounded\n", done.stderr[-2000:]


def test_only_what_is_new_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole(tmp_path / "base", photos=3)
    deltas = []
    for version in (2, 3, 4):
        change = Changes.of(
            since=version - 1, version=version, mark="m", threshold=1.0,
            added=[(version * 10, version, np.full(512, version, np.float32))], people={version: f"P{version}"},
        )  # fmt: skip
        (tmp_path / f"delta-{version}").write_bytes(change.to_bytes())
        deltas.append(str(tmp_path / f"delta-{version}"))
    opened, read = OpenGallery(), []
    really = Changes.open
    monkeypatch.setattr(Changes, "open", lambda path: read.append(path.name) or really(path))
    for count in (0, 1, 3):
        files = GalleryFiles(base=str(tmp_path / "base"), deltas=tuple(deltas[:count]), version=count + 1)
        assert opened.follow(files) == ""
        assert opened.gallery.version == count + 1
    assert read == ["base", "delta-2", "delta-3", "delta-4"]
    assert opened.gallery.match(np.full((1, 512), 4, np.float32))[0].name == "P4"


def test_missing_files_are_said_and_the_old_gallery_stays(tmp_path: Path) -> None:
    whole(tmp_path / "base", version=7)
    opened = OpenGallery()
    assert opened.follow(GalleryFiles(base=str(tmp_path / "base"))) == ""
    assert "gone cannot be read" in opened.follow(GalleryFiles(base=str(tmp_path / "gone")))
    assert opened.gallery.version == 7
