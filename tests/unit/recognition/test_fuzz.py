from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manyeyes.errors import PictureError
from manyeyes.recognition.decode import decode
from manyeyes.recognition.probe import probe


def whole(kind: str) -> bytes:
    out = io.BytesIO()
    pixels = (np.arange(40 * 30 * 3) % 251).astype(np.uint8).reshape(30, 40, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(out, kind, exif=exif.tobytes())
    return out.getvalue()


PICTURES = {kind: whole(kind) for kind in ("JPEG", "PNG", "WebP")}


@pytest.mark.parametrize("kind", PICTURES)
@settings(max_examples=150, deadline=None)
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
    for start in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF\x20\0\0\0WEBP"):
        with pytest.raises(PictureError):
            decode(start + data)
