"""Broken pictures without end: real files of every accepted format, changed in ways that hurt decoders.

`broken(seed)` is the same for the same seed, on every machine with the same libraries.
"""

from __future__ import annotations

import functools
import random
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from tests.samples import REFUSED, SAMPLES, chunk, png_of

EXTREMES = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    10_000,
    65_500,
)
HEADER_BYTES = 400
Change = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True)
class Broken:
    """One input, and how it came to be."""

    seed: int
    story: str
    data: bytes


@functools.cache
def originals() -> tuple[tuple[str, bytes], ...]:
    return tuple((f"{sample.key}: {sample.name}", sample.make()) for sample in SAMPLES)


def broken(seed: int) -> Broken:
    """The input of a seed: one original, one to three changes."""
    chance = random.Random(seed)
    name, data = chance.choice(originals())
    key = name.partition(":")[0]
    changes = [*ANY, *OF_FORMAT.get(key, ()), *OF_FORMAT.get(key, ())]
    story = [name]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        change = chance.choice(changes)
        data = change(chance, data)
        story.append(change.__name__)
    return Broken(seed, ", ".join(story), data)


def bits_flipped(chance: random.Random, data: bytes) -> bytes:
    return _with_bytes(
        chance, data, chance.choice((1, 1, 2, 8, 40)), len(data), lambda old: old ^ 1 << chance.randrange(8)
    )


def header_bits_flipped(chance: random.Random, data: bytes) -> bytes:
    return _with_bytes(
        chance, data, chance.choice((1, 2, 4)), HEADER_BYTES, lambda old: old ^ 1 << chance.randrange(8)
    )


def bytes_replaced(chance: random.Random, data: bytes) -> bytes:
    return _with_bytes(chance, data, chance.choice((1, 4, 64)), len(data), lambda _: chance.randrange(256))


def extreme_number(chance: random.Random, data: bytes) -> bytes:
    """A size, a count or an offset that lies."""
    value, width = chance.choice(EXTREMES), chance.choice((1, 2, 2, 4, 4))
    raw = (value & (1 << 8 * width) - 1).to_bytes(width, chance.choice(("big", "little")))
    at = chance.randrange(max(1, min(len(data), chance.choice((32, 200, HEADER_BYTES, len(data) or 1)))))
    return data[:at] + raw + data[at + width :]


def cut(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def hole(chance: random.Random, data: bytes) -> bytes:
    start, end = _range(chance, data)
    return data[:start] + data[end:]


def part_twice(chance: random.Random, data: bytes) -> bytes:
    start, end = _range(chance, data)
    return data[:end] + data[start:end] + data[end:]


def noise_between(chance: random.Random, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.choice((1, 3, 50, 3000))) + data[at:]


def zeros_within(chance: random.Random, data: bytes) -> bytes:
    start, end = _range(chance, data)
    return data[:start] + bytes(end - start) + data[end:]


def spliced(chance: random.Random, data: bytes) -> bytes:
    """The beginning of one file and the end of another, of any format."""
    other = chance.choice(originals())[1]
    return data[: chance.randrange(len(data) + 1)] + other[chance.randrange(len(other)) :]


def noise_after_magic(chance: random.Random, data: bytes) -> bytes:
    return data[: chance.choice((4, 8, 12, 16, 40))] + chance.randbytes(chance.choice((10, 200, 5000)))


def disguised(chance: random.Random, data: bytes) -> bytes:
    """The magic of another kind before this content."""
    other = chance.choice([*(one[1] for one in originals()), *(row[2] for row in REFUSED)])
    length = chance.choice((2, 4, 8, 12))
    return other[:length] + data[length:]


def png_chunk_changed(chance: random.Random, data: bytes) -> bytes:
    """Wrong content under a right check sum."""
    chunks = _png_chunks(data)
    if not chunks:
        return data
    place = chance.randrange(len(chunks))
    kind, body = chunks[place]
    change = chance.choice((bits_flipped, extreme_number, hole, cut, noise_between, zeros_within))
    chunks[place] = (kind, change(chance, body))
    return _png_file(chunks)


def png_chunks_moved(chance: random.Random, data: bytes) -> bytes:
    chunks = _png_chunks(data)
    if not chunks:
        return data
    what = chance.randrange(3)
    place = chance.randrange(len(chunks))
    if what == 0:
        del chunks[place]
    elif what == 1:
        chunks.insert(chance.randrange(len(chunks) + 1), chunks[place])
    else:
        chance.shuffle(chunks)
    return _png_file(chunks)


def png_sizes(chance: random.Random, data: bytes) -> bytes:
    """A header whose size, depth or colour lies, with its check sum right."""
    chunks = _png_chunks(data)
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        return data
    sides = [chance.choice((0, 1, 17, 299, 301, 4000, 9999, 2**31 - 1)) for _ in range(2)]
    tail = (
        chunks[0][1][8:]
        if chance.random() < 0.6
        else bytes((chance.choice((1, 2, 4, 8, 16)), chance.randrange(8), 0, 0, chance.randrange(2)))
    )
    chunks[0] = (b"IHDR", struct.pack(">II", *sides) + tail)
    return _png_file(chunks)


def png_bomb(chance: random.Random, data: bytes) -> bytes:
    """Few bytes that unpack to many: grey rows without end, or a profile that swells."""
    del data
    side = chance.choice((500, 3000, 6000))
    rows = bytes(side + 1) * side
    made = png_of(
        side,
        side,
        8,
        0,
        rows[: chance.choice((len(rows), len(rows) // 2))] + bytes(chance.choice((0, 10**6))),
    )
    swelling = chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(chance.choice((100, 3 * 10**7)))))
    return made[:33] + swelling + made[33:]


def jpeg_segment_changed(chance: random.Random, data: bytes) -> bytes:
    """A table, a frame or a scan header with other content of the same length, or its length lied about."""
    places = _jpeg_segments(data)
    if not places:
        return data
    start, end = chance.choice(places)
    if chance.random() < 0.3:
        return (
            data[: start + 2]
            + struct.pack(">H", chance.choice((0, 1, 2, 3, 0xFFFF, end - start)))
            + data[start + 4 :]
        )
    change = chance.choice((bits_flipped, extreme_number, zeros_within, bytes_replaced))
    return (
        data[: start + 4]
        + change(chance, data[start + 4 : end])[: end - start - 4].ljust(max(0, end - start - 4), b"\0")
        + data[end:]
    )


def jpeg_segments_moved(chance: random.Random, data: bytes) -> bytes:
    places = _jpeg_segments(data)
    if not places:
        return data
    start, end = chance.choice(places)
    if chance.random() < 0.5:
        return data[:start] + data[end:]
    at = chance.choice(places)[0]
    return data[:at] + data[start:end] + data[at:]


def exif_nonsense(chance: random.Random, data: bytes) -> bytes:
    """An EXIF block with directories that loop, lie and overlap."""
    order = chance.choice("<>")
    entries = chance.randrange(20)
    body = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(
        order + "I", chance.choice((0, 4, 8, 8, 8, 2**31))
    )
    body += struct.pack(order + "H", chance.choice((entries, entries, 0xFFFF)))
    for _ in range(entries):
        tag = chance.choice((0x0112, 0x0112, 0x8769, 0x8825, 0x011A, 0x0128, chance.randrange(65536)))
        body += struct.pack(
            order + "HHII",
            tag,
            chance.randrange(14),
            chance.choice((0, 1, 2, 2**31, 2**32 - 1)),
            chance.choice((0, 6, 8, 2**32 - 1)),
        )
    block = b"Exif\0\0" + body
    if data[:2] == b"\xff\xd8":
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    if data[:4] == b"\x89PNG":
        return data[:33] + chunk(b"eXIf", body) + data[33:]
    return data + b"EXIF" + struct.pack("<I", len(block)) + block


def tiff_tag_changed(chance: random.Random, data: bytes) -> bytes:
    """One entry of the first directory with another type, count or value; or a directory that loops."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (at,) = struct.unpack_from(order + "I", data, 4)
        (entries,) = struct.unpack_from(order + "H", data, at)
        if not 0 < entries < 200:
            return data
        place = at + 2 + 12 * chance.randrange(entries + 1)
        if chance.random() < 0.1:  # the next directory is this one
            return (
                data[: at + 2 + 12 * entries] + struct.pack(order + "I", at) + data[at + 6 + 12 * entries :]
            )
        field = chance.choice(((0, "H"), (2, "H"), (4, "I"), (8, "I"), (8, "H"), (8, "I")))
        value = chance.choice((*EXTREMES, chance.randrange(40), chance.randrange(40)))
        raw = struct.pack(order + field[1], value & (0xFFFF if field[1] == "H" else 0xFFFFFFFF))
    except struct.error:
        return data
    return data[: place + field[0]] + raw + data[place + field[0] + len(raw) :]


def box_changed(chance: random.Random, data: bytes) -> bytes:
    """A box of a WebP, AVIF or HEIC: its size lies, its kind or content is another."""
    known = (b"ispe", b"ipma", b"ipco", b"iloc", b"pitm", b"irot", b"imir", b"meta", b"mdat", b"iinf", b"hvcC",
             b"av1C", b"pixi", b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANMF", b"ANIM", b"EXIF", b"moov", b"tkhd", b"stsz")  # fmt: skip
    places = [at for kind in known if (at := data.find(kind)) >= 0]
    if not places:
        return data
    at = chance.choice(places)
    what = chance.randrange(4)
    if what == 0:
        return data[: max(0, at - 4)] + struct.pack(">I", chance.choice((*EXTREMES, 8, 16))) + data[at:]
    if what == 1:
        return data[:at] + chance.choice(known) + data[at + 4 :]
    if what == 2:
        return data[: at + 4] + struct.pack("<I", chance.choice(EXTREMES)) + data[at + 8 :]
    return data[: at + 4] + extreme_number(chance, data[at + 4 : at + 60]) + data[at + 60 :]


def gif_changed(chance: random.Random, data: bytes) -> bytes:
    """Screen, frame, code size or block lengths that lie."""
    frame = data.find(b"\x2c", 13)
    spots = [
        (6, 2),
        (8, 2),
        (10, 1),
        *((frame + offset, 2) for offset in (1, 3, 5, 7)),
        (frame + 9, 1),
        (frame + 10, 1),
        (frame + 11, 1),
    ]
    at, width = chance.choice(spots)
    value = chance.choice((0, 1, 2, 7, 8, 9, 12, 13, 255, 300, 4000, 65535))
    return data[: max(0, at)] + (value & (1 << 8 * width) - 1).to_bytes(width, "little") + data[at + width :]


def bmp_changed(chance: random.Random, data: bytes) -> bytes:
    at, width = chance.choice(
        ((10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 4), (34, 4), (46, 4))
    )
    value = chance.choice((0, 1, 2, 3, 4, 8, 16, 24, 32, 40, 300, 2**31, 2**32 - 260, 2**32 - 1))
    return data[:at] + (value & (1 << 8 * width) - 1).to_bytes(width, "little") + data[at + width :]


ANY: tuple[Change, ...] = (
    bits_flipped, header_bits_flipped, bytes_replaced, extreme_number, extreme_number, cut, hole, part_twice,
    noise_between, zeros_within, spliced, noise_after_magic, disguised,
)  # fmt: skip
OF_FORMAT: dict[str, tuple[Change, ...]] = {
    "jpeg": (jpeg_segment_changed, jpeg_segments_moved, exif_nonsense),
    "png": (png_chunk_changed, png_chunk_changed, png_chunks_moved, png_sizes, png_bomb, exif_nonsense),
    "webp": (box_changed, exif_nonsense),
    "gif": (gif_changed,),
    "tiff": (tiff_tag_changed, tiff_tag_changed, tiff_tag_changed),
    "bmp": (bmp_changed, bmp_changed),
    "avif": (box_changed, box_changed),
    "heic": (box_changed, box_changed),
}


def _with_bytes(
    chance: random.Random, data: bytes, count: int, within: int, new: Callable[[int], int]
) -> bytes:
    changed = bytearray(data)
    for _ in range(count if data else 0):
        at = chance.randrange(min(len(data), max(1, within)))
        changed[at] = new(changed[at])
    return bytes(changed)


def _range(chance: random.Random, data: bytes) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 2, 10, 500, 20_000)))


def _png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, at = [], 8
    while at + 12 <= len(data) and len(chunks) < 50:
        length = int.from_bytes(data[at : at + 4], "big")
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def _png_file(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, body) for kind, body in chunks)


def _jpeg_segments(data: bytes) -> list[tuple[int, int]]:
    places, at = [], 2
    while at + 4 <= len(data) and data[at] == 0xFF and len(places) < 50:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            break
        places.append((at, end))
        if data[at + 1] == 0xDA:
            break
        at = end
    return places
