"""Which files are videos, by their first bytes; what is inside decides later."""

from __future__ import annotations

import pytest

from manyeyes.errors import NotAPicture
from manyeyes.recognition.pictures.sniff import is_video, sniff

BEGINNINGS = {
    "MP4": (b"\0\0\0\x18ftypisom\0\0\2\0isommp42", True),
    "MOV of before ftyp": (b"\0\0\0\x08wide\0\0\0\0mdat", True),
    "Matroska": (b"\x1aE\xdf\xa3" + bytes(40), True),
    "AVI": (b"RIFF\0\0\0\0AVI LIST", True),
    "MPEG-TS": (b"".join(b"G" + bytes(187) for _ in range(8)), True),
    "M2TS": (b"".join(bytes(4) + b"G" + bytes(187) for _ in range(8)), True),
    "MPEG": (b"\0\0\1\xba" + bytes(40), True),
    "FLV": (b"FLV\1" + bytes(40), True),
    "WMV": (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11" + bytes(40), True),
    "MXF": (b"\x06\x0e\x2b\x34\x02\x05\x01\x01" + bytes(40), True),
    "Ogg Theora": (b"OggS" + bytes(24) + b"\x80theora" + bytes(20), True),
    "sound: M4A": (b"\0\0\0\x18ftypM4A \0\0\0\0", False),
    "sound: Ogg": (b"OggS" + bytes(24) + b"\x01vorbis" + bytes(20), False),
    "sound: WAV": (b"RIFF\0\0\0\0WAVEfmt ", False),
    "picture: AVIF": (b"\0\0\0\x18ftypavif\0\0\0\0", False),
    "picture: HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0", False),
    "picture: raw CR3": (b"\0\0\0\x18ftypcrx \0\0\0\1", False),
    "picture: JPEG": (b"\xff\xd8\xff\xe0" + b"G" * 2000, False),
    "picture: WebP": (b"RIFF\0\0\0\0WEBPVP8 ", False),
    "text": (b"G" + b"\n" * 187 + b"G", False),
    "nothing": (b"", False),
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_first_bytes(name: str) -> None:
    data, expected = BEGINNINGS[name]
    assert is_video(data) is expected
    if expected:
        with pytest.raises(NotAPicture, match="this is a video, not a picture"):
            sniff(data)
