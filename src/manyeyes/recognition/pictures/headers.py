"""Reads size and orientation from the headers of PNG, WebP, GIF, AVIF, HEIC and ordinary JPEG files.

For most of these formats a library starts a decoder, with buffers as large as the header claims. This module
uses no picture library and no such buffers, so a gateway may read any file. Each function raises
`struct.error` or ValueError if the header makes no sense.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from manyeyes.recognition.pictures.jpeg_structure import LEAST_APP_BYTES

_MAX_BOXES = 65_536
_MAX_UNPACKED_BYTES = 1_000_000
_KIND = re.compile(rb"[A-Za-z0-9]{4}")
_SEGMENT, _FRAME = struct.Struct(">BBH"), struct.Struct(">BHHB")


@dataclass(frozen=True)
class Header:
    """Width and height as stored, the EXIF orientation (1 to 8) that shows it upright, EXIF and profile."""

    width_px: int
    height_px: int
    orientation: int = 1
    exif: bytes = b""
    icc_profile: bytes = b""


_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_PASSED_OVER = frozenset((0xC4, 0xDD, 0xFE))
"""Huffman tables, restart interval, comment."""
_FIRST_APP, _LAST_APP, _TABLES, _SCAN = 0xE0, 0xEF, 0xDB, 0xDA


def jpeg_header(data: bytes) -> tuple[Header, str] | None:
    """The header of an ordinary JPEG, and Pillow's mode of its pixels; None if anything is unusual.

    Pillow reads everything before the pixels, which takes ten times as long. The caller uses it for JPEGs
    that are unusual or damaged.
    """
    size, mode = (0, 0), ""
    exif, profile, pieces = b"", b"", list[bytes]()
    at, end = 2, len(data)
    while at + 4 <= end:
        start, marker, length = _SEGMENT.unpack_from(data, at)
        body, at = at + 4, at + 2 + length
        if start != 0xFF or length < 2 or at > end:
            return None
        if marker == _SCAN:
            return (Header(*size, exif=exif, icc_profile=profile), mode) if min(size) > 0 else None
        if _FIRST_APP <= marker <= _LAST_APP:
            kind, least = LEAST_APP_BYTES.get(marker, (b"", 0))
            if length < least and data.startswith(kind, body):
                return None
            if marker == 0xE1 and data.startswith(b"Exif\0\0", body):
                exif += data[body + 6 if exif else body : at]
            elif marker == 0xE2 and data.startswith(b"ICC_PROFILE\0", body):
                pieces.append(data[body:at])
        elif marker in _FRAMES:
            bits, height, width, layers = _FRAME.unpack_from(data, body) if length >= 8 else (0, 0, 0, 0)
            if mode or bits != 8 or layers not in _MODES or length != 8 + 3 * layers:
                return None
            size, mode = (width, height), _MODES[layers]
            pieces.sort()
            if pieces and pieces[0][13] == len(pieces):
                profile = b"".join(piece[14:] for piece in pieces)
        elif marker == _TABLES:
            while body < at:
                body += 65 if data[body] < 16 else 129
            if body != at:
                return None
        elif marker not in _PASSED_OVER:
            return None
    return None


def png_header(data: bytes) -> Header:
    """The header of a PNG; EXIF and profile may be anywhere; a profile of more than 1 MB is left out."""
    length, kind, width, height = struct.unpack_from(">I4sII", data, 8)
    if kind != b"IHDR" or length != 13:
        raise ValueError(f"it begins with a chunk {plain_kind(kind)} of {length} bytes")
    exif = icc = b""
    at = 8
    for _ in range(_MAX_BOXES):
        if at + 8 > len(data):
            break
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length] if kind in (b"eXIf", b"iCCP") else b""
        if body and zlib.crc32(kind + body).to_bytes(4, "big") != data[at + 8 + length : at + 12 + length]:
            body = b""
        if kind == b"eXIf":
            exif = body
        elif kind == b"iCCP":
            icc = _unpacked(body.partition(b"\0")[2][1:])
        at += length + 12
    return Header(width, height, exif=exif, icc_profile=icc)


def _unpacked(packed: bytes) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        found = unpacker.decompress(packed, _MAX_UNPACKED_BYTES)
    except zlib.error:
        return b""
    return found if unpacker.eof else b""


def webp_header(data: bytes) -> Header:
    """The header of a WebP, with the size of its canvas; the EXIF chunk is at the end of the file."""
    size: tuple[int, int] | None = None
    exif = icc = b""
    at = 12
    for _ in range(_MAX_BOXES):
        if at + 8 > len(data):
            break
        kind, length = struct.unpack_from("<4sI", data, at)
        body = at + 8
        if kind == b"VP8X" and size is None:
            size = _u24(data, body + 4) + 1, _u24(data, body + 7) + 1
        elif kind == b"VP8 " and size is None:
            if data[body + 3 : body + 6] != b"\x9d\x01\x2a":
                raise ValueError("the frame has no start code")
            width, height = struct.unpack_from("<HH", data, body + 6)
            size = width & 0x3FFF, height & 0x3FFF
        elif kind == b"VP8L" and size is None:
            signature, bits = struct.unpack_from("<BI", data, body)
            if signature != 0x2F:
                raise ValueError("the lossless frame has no signature")
            size = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        elif kind == b"EXIF":
            exif = data[body : body + length]
        elif kind == b"ICCP":
            icc = data[body : body + length]
        at = body + length + (length & 1)
    if size is None:
        raise ValueError("no frame in it")
    return Header(*size, exif=exif, icc_profile=icc)


def gif_header(data: bytes) -> Header:
    """The header of a GIF: the size of its screen, enlarged to hold the first frame, as viewers do."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    for _ in range(_MAX_BOXES):
        (kind,) = struct.unpack_from("<B", data, at)
        if kind == 0x2C:
            left, top, frame_width, frame_height = struct.unpack_from("<HHHH", data, at + 1)
            return Header(max(width, left + frame_width), max(height, top + frame_height))
        if kind != 0x21:
            break
        at += 2
        while (length := struct.unpack_from("<B", data, at)[0]) != 0:
            at += 1 + length
        at += 1
    raise ValueError("no frame in it")


def avif_header(data: bytes) -> Header:
    """The header of an AVIF's primary picture; the orientation is that of its `irot` and `imir` boxes."""
    return _isobmff_header(data, cropped=False)


def heic_header(data: bytes) -> Header:
    """As `avif_header`. The coded size is even; the box `clap` has the real size, and libheif crops to it."""
    return _isobmff_header(data, cropped=True)


def _isobmff_header(data: bytes, *, cropped: bool) -> Header:
    meta = next((body for kind, body in _boxes(data, 0, len(data)) if kind == b"meta"), None)
    if meta is None:
        return _sequence_header(data)
    boxes = dict(_boxes(data, meta[0] + 4, meta[1]))
    primary = _primary(data, boxes)
    properties = dict(_boxes(data, *_need(boxes, b"iprp")))
    owned = list(_boxes(data, *_need(properties, b"ipco")))
    size: tuple[int, int] | None = None
    crop: tuple[int, int] | None = None
    angle, mirror, icc = 0, -1, b""
    for index in _associated(data, _need(properties, b"ipma"), primary):
        if not 0 < index <= len(owned):
            continue
        kind, (start, end) = owned[index - 1]
        if kind == b"ispe":
            size = struct.unpack_from(">II", data, start + 4)
        elif kind == b"clap" and cropped:
            width, width_parts, height, height_parts = struct.unpack_from(">4I", data, start)
            crop = (round(width / max(width_parts, 1)), round(height / max(height_parts, 1)))
        elif kind == b"irot":
            angle = data[start] & 3
        elif kind == b"imir":
            mirror = data[start] & 1
        elif kind == b"colr" and data[start : start + 4] in (b"prof", b"rICC"):
            icc = data[start + 4 : end]
    if size is None:
        raise ValueError("the primary picture has no size")
    return Header(*(crop or size), orientation=_ORIENTATION[mirror, angle], icc_profile=icc)


_ORIENTATION = {
    (-1, 0): 1, (-1, 1): 8, (-1, 2): 3, (-1, 3): 6,
    (0, 0): 4, (0, 1): 5, (0, 2): 2, (0, 3): 7,
    (1, 0): 2, (1, 1): 7, (1, 2): 4, (1, 3): 5,
}  # fmt: skip
"""(mirror axis or -1, quarter turns anticlockwise) → EXIF orientation; the turn comes before the mirror."""


def _sequence_header(data: bytes) -> Header:
    """An image sequence without a still picture: the first track's size, 16.16 fixed point."""
    moov = dict(_boxes(data, *_need(dict(_boxes(data, 0, len(data))), b"moov")))
    track = dict(_boxes(data, *_need(moov, b"trak")))
    start, end = _need(track, b"tkhd")
    width, height = struct.unpack_from(">II", data, end - 8)
    if end - start < 84:
        raise ValueError("the track has no size")
    return Header(width >> 16, height >> 16)


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """(kind, (start, end) of the body) of each box from the offset `at` to `end`."""
    end = min(end, len(data))
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            return
        length, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
            head = 16
        elif length == 0:
            length = end - at
        if length < head:
            raise ValueError(f"the box {plain_kind(kind)} states {length} bytes")
        yield kind, (at + head, min(at + length, end))
        at += length


def _need(boxes: dict[bytes, tuple[int, int]], kind: bytes) -> tuple[int, int]:
    if kind not in boxes:
        raise ValueError(f"it has no box {plain_kind(kind)}")
    return boxes[kind]


def _primary(data: bytes, boxes: dict[bytes, tuple[int, int]]) -> int:
    start, _ = _need(boxes, b"pitm")
    form = ">H" if data[start] == 0 else ">I"
    return int(struct.unpack_from(form, data, start + 4)[0])


def _associated(data: bytes, place: tuple[int, int], item: int) -> list[int]:
    """The numbers of an item's properties; they start at 1."""
    at, end = place
    version, wide = data[at], data[at + 3] & 1
    (entries,) = struct.unpack_from(">I", data, at + 4)
    at += 8
    for _ in range(min(entries, _MAX_BOXES)):
        found, count = struct.unpack_from(">HB" if version == 0 else ">IB", data, at)
        at += 3 if version == 0 else 5
        if at > end:
            break
        if found == item:
            if wide:
                return [value & 0x7FFF for value in struct.unpack_from(f">{count}H", data, at)]
            return [value & 0x7F for value in data[at : at + count]]
        at += count * (2 if wide else 1)
    raise ValueError("the primary picture has no properties")


def plain_kind(kind: bytes) -> str:
    """The four bytes that name a chunk or a box, as a text."""
    return kind.decode() if _KIND.fullmatch(kind) else kind.hex(" ")


def _u24(data: bytes, at: int) -> int:
    low, high = struct.unpack_from("<HB", data, at)
    return int(low | high << 16)
