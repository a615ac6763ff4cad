"""GIF and WebP that end too early: whether the first picture is whole. Pure; decodes nothing."""

from __future__ import annotations

from manyeyes.errors import DamagedPicture
from manyeyes.recognition.pictures.file_faults import animation_cut, no_end
from manyeyes.recognition.pictures.formats import ANOTHER_COPY
from manyeyes.results import Caution

_GIF_EXTENSION, _GIF_FRAME, _GIF_END = 0x21, 0x2C, 0x3B
_MAX_BLOCKS = 1_000_000
_WEBP_PICTURES = (b"VP8 ", b"VP8L", b"ANMF")


def gif_cautions(data: bytes) -> tuple[Caution, ...]:
    """What is missing behind the first frame of a GIF; whether that frame is whole, its decoder tells."""
    at, frames = 13 + _colours(data[10]), 0
    try:
        for _ in range(_MAX_BLOCKS):
            if at == len(data):
                return (no_end(),)
            kind = data[at]
            if kind == _GIF_END:
                return ()
            if kind == _GIF_FRAME:
                frames += 1
                at += 11 + _colours(data[at + 9])
            elif kind == _GIF_EXTENSION:
                at += 2
            elif kind == 0:  # some programs fill up with zeros
                at += 1
                continue
            else:
                break
            while length := data[at]:
                at += 1 + length
            at += 1
    except IndexError:
        pass
    return (animation_cut() if frames > 1 else no_end(),)


def _colours(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def whole_webp(data: bytes) -> tuple[bytes, tuple[Caution, ...]]:
    """A WebP of the length that its header states, without a chunk that is cut short behind the first picture.

    Raises:
        DamagedPicture: the first picture itself is cut short.
    """
    stated = int.from_bytes(data[4:8], "little") + 8
    if len(data) >= stated:
        return data, ()
    at, pictures, animated = 12, 0, False
    while at + 8 <= len(data):
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if at + 8 + length > len(data):
            break
        pictures += kind in _WEBP_PICTURES
        animated |= kind == b"ANMF"
        at += 8 + length + (length & 1)
    if not pictures:
        raise DamagedPicture(f"the WebP is cut short: {len(data)} bytes of {stated}; {ANOTHER_COPY}")
    chunks = data[12:at] + bytes(max(0, at - len(data)))
    content = b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks
    return content, (animation_cut() if animated else no_end("end of the file"),)
