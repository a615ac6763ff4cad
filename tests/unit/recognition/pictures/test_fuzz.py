from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.fuzzing import harness
from tests.fuzzing.mutations import Broken, broken
from tests.samples import exif, heif

from manyeyes.errors import PictureError
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.pictures.probe import probe

FEED = 600


def whole(kind: str) -> bytes:
    pixels = (np.arange(40 * 30 * 3) % 251).astype(np.uint8).reshape(30, 40, 3)
    image = Image.fromarray(pixels)
    if kind == "HEIC":
        return heif(image, exif=exif(6))
    out = io.BytesIO()
    image.save(out, kind, **({} if kind in ("GIF", "BMP") else {"exif": exif(6)}))
    return out.getvalue()


PICTURES = {kind: whole(kind) for kind in ("JPEG", "PNG", "WebP", "GIF", "TIFF", "BMP", "AVIF", "HEIC")}


@pytest.mark.parametrize("kind", PICTURES)
@settings(max_examples=100, deadline=None)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6)), min_size=1, max_size=4))
def test_changed_bytes_end_as_a_picture_or_a_picture_error(
    kind: str, changes: list[tuple[float, bytes]]
) -> None:
    data = bytearray(PICTURES[kind])
    for place, new in changes:
        at = int(place * len(data))
        data[at : at + len(new)] = new
    try:
        probe(bytes(data), max_bytes=10**6, max_megapixels=1)
        assert decode(bytes(data)).image_hwc_u8.ndim == 3
    except PictureError as error:
        assert error.detail


@settings(max_examples=200, deadline=None)
@given(data=st.binary(min_size=1, max_size=64))
def test_any_bytes_end_as_a_picture_error(data: bytes) -> None:
    starts = (
        b"",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x20\0\0\0WEBP",
        b"GIF89a",
        b"II*\0",
        b"MM\0*",
    )
    for start in (*starts, b"BM", b"\0\0\0\x18ftypavif", b"\0\0\0\x18ftypheic"):
        with pytest.raises(PictureError):
            decode(start + data)


@pytest.mark.slow
def test_broken_pictures_through_the_whole_recogniser(default_pack: Path) -> None:
    """`make fuzz` and the chaos tier give it many more."""
    seen = harness.feed(default_pack, map(broken, range(FEED)))
    assert seen.inputs == FEED and not seen.failures, seen.as_markdown()
    assert seen.found["result"] > FEED / 10 and seen.found["damaged-picture"] > FEED / 10


@pytest.mark.slow
def test_the_harness_sees_what_must_not_be(
    default_pack: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A process that dies, and an error without a type, are failures; the next input has a new process."""
    (tmp_path / "sitecustomize.py").write_text(
        "import manyeyes.recognition.pictures.decode as d, os, signal\n"
        "real = d.read_header\n"
        "def header(data):\n"
        "    if data.endswith(b'DIE'): os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    if data.endswith(b'WRONG'): raise KeyError('untyped')\n"
        "    return real(data)\n"
        "d.read_header = header\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("PYTHONPATH", path)
    good = PICTURES["PNG"]
    inputs = [Broken(number, "", good + end) for number, end in enumerate((b"", b"DIE", b"WRONG", b""))]
    seen = harness.feed(default_pack, inputs, tmp_path / "kept")
    assert seen.found["result"] == 2 and len(seen.failures) == 2
    assert "status -11" in seen.failures[0] and "KeyError" in seen.failures[1]
    assert sorted(path.name for path in (tmp_path / "kept").iterdir()) == ["1.bin", "2.bin"]
