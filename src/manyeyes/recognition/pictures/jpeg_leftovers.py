"""Tells whether bytes behind the coded pixels of a JPEG are padding, or pixels that were decoded wrong.

If coded pixels are damaged, libjpeg may decode every block too early and leave the last ones over. It gives the
same warning as for the padding that some cameras write. Decision 0034 has the criterion and what it was measured
on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from manyeyes.recognition.pictures.jpeg_structure import DHT, SCAN, SOS, Frame, Part

LEAST_BLOCKS = 3
"""Leftovers that decode to so many blocks, up to their very end, are coded pixels."""
MOST_PADDING_BYTES = 1024
"""More of it is refused, unless it is one byte again and again: it is rather the pixels of a spliced file."""
WINDOW_BYTES = 256
"""So much of the end of the leftovers is looked at."""
_READ_AHEAD_BYTES = 12
"""libjpeg holds up to 8 bytes behind the last block, and does not count them as extraneous."""
_MOST_COUNTS = 8
_MOST_BLOCKS = 10
"""In an MCU, by the standard."""

Huffman = dict[tuple[int, int], int]
"""(length, code) to symbol."""
Extraneous = Callable[[bytes], int | None]
"""How many extraneous bytes libjpeg counts behind coded pixels; None if it warns of anything else."""
Same = Callable[[bytes, bytes], bool]
"""Whether two versions of coded pixels decode to the same pixels, without a warning."""


@dataclass(frozen=True)
class Coding:
    """The Huffman tables (DC, AC) of each block of an MCU of a sequential JPEG, in order."""

    blocks: tuple[tuple[Huffman, Huffman], ...]


def used_bytes(coded: bytes, extraneous: Extraneous) -> int | None:
    """How many bytes of the coded pixels are used; None if they do not decode even with all of them."""
    high, counted = len(coded), extraneous(coded)
    for _ in range(_MOST_COUNTS):  # libjpeg counts too few: some are read ahead
        if not counted:
            break
        high -= counted
        counted = extraneous(coded[:high]) if high > 0 else None
    if counted != 0:
        return None
    low = max(0, high - _READ_AHEAD_BYTES)
    while low < high:
        middle = (low + high) // 2
        if extraneous(coded[:middle]) == 0:
            high = middle
        else:
            low = middle + 1
    return low


def is_padding(coded: bytes, used: int, coding: Coding | None, same: Same) -> bool:
    """Whether the bytes from `used` on are padding; False: they may be coded pixels.

    Args:
        coding: None if the blocks cannot be read, as in a progressive JPEG; padding is one repeated byte then.
    """
    rest = coded[used:].removeprefix(b"\0") if coded[used - 1 : used] == b"\xff" else coded[used:]
    half_an_end_marker = len(rest) > 2 and rest[:1] == b"\xff" and not rest[1:].strip(b"\0")
    if not rest.strip(b"\0") or half_an_end_marker:
        return not ends_in_zeros(coded[:used])
    filling = rest[:1] if len(set(rest)) == 1 else b""
    if filling and coded[:used].endswith(2 * filling):
        return False
    if not (filling or len(rest) <= MOST_PADDING_BYTES) or not _ends_as_encoders_end(coded[:used], same):
        return False
    if filling:
        return True
    return coding is not None and blocks_to_the_end(rest, coding) < LEAST_BLOCKS


def ends_in_zeros(coded: bytes) -> bool:
    """Whether the used bytes end in zeros: a file that was cut short and filled up is read so, as pixels."""
    before = coded.rstrip(b"\0")
    return len(coded) - len(before) - before.endswith(b"\xff") > 1


def _ends_as_encoders_end(coded: bytes, same: Same) -> bool:
    """Whether all unused bits of the last byte are 1: the lowest bit that is 0 must belong to the pixels."""
    stuffed = coded.endswith(b"\xff\0")
    last = 0xFF if stuffed else coded[-1]
    if last == 0xFF:
        return True
    lowest_zero = ~last & (last + 1)
    changed = last | lowest_zero
    return not same(coded, coded[:-1] + bytes([changed]) + (b"\0" if changed == 0xFF else b""))


def blocks_to_the_end(rest: bytes, coding: Coding) -> int:
    """The most blocks that follow each other, from any bit on, and end where the bytes end.

    Padding bits behind the last block are 1.
    """
    raw = rest.replace(b"\xff\0", b"\xff")[-WINDOW_BYTES:]
    bits = [byte >> place & 1 for byte in raw for place in range(7, -1, -1)]
    ends = {at for at in range(max(1, len(bits) - 7), len(bits) + 1) if all(bits[at:])}
    after: dict[tuple[int, int, int], int] = {}
    best: dict[tuple[int, int], int] = {}
    for at in range(len(bits) - 1, -1, -1):
        for phase, (dc, ac) in enumerate(coding.blocks):
            key = (at, id(dc), id(ac))
            if key not in after:
                after[key] = _after_block(bits, at, dc, ac)
            end = after[key]
            following = best.get((end, (phase + 1) % len(coding.blocks)), 0)
            if following or end in ends:
                best[at, phase] = following + 1
    return max(best.values(), default=0)


def _after_block(bits: list[int], at: int, dc: Huffman, ac: Huffman) -> int:
    """Where the block ends that begins at a bit; -1 if there is none."""
    symbol, at = _symbol(bits, at, dc)
    at += symbol
    place = 1 if symbol >= 0 else 65
    while place < 64:
        symbol, at = _symbol(bits, at, ac)
        if symbol < 0:
            return -1
        run, length = symbol >> 4, symbol & 15
        if not length and run < 15:
            break
        place += run + 1
        at += length
    return at if place <= 64 and at <= len(bits) else -1


def _symbol(bits: list[int], at: int, table: Huffman) -> tuple[int, int]:
    code = 0
    for length in range(1, min(16, len(bits) - at) + 1):
        code = code << 1 | bits[at]
        at += 1
        symbol = table.get((length, code))
        if symbol is not None:
            return symbol, at
    return -1, at


def coding_of(data: bytes, parts: tuple[Part, ...], frame: Frame) -> Coding | None:
    """How the blocks of a sequential JPEG with one scan are coded; None for any other."""
    if not frame.sequential or sum(part.kind == SCAN for part in parts) != 1:
        return None
    tables: dict[int, Huffman] = {}
    for part in parts:
        body = data[part.start + 4 : part.end]
        if part.kind == SCAN:
            break
        if part.marker == DHT:
            tables |= dict(_huffman(body))
        elif part.marker == SOS:
            if len(body) < 4 or len(body) != 4 + 2 * body[0]:
                return None
            shapes = {colour.id: colour for colour in frame.components}
            blocks = []
            for colour, chosen in zip(
                body[1 : 1 + 2 * body[0] : 2], body[2 : 2 + 2 * body[0] : 2], strict=True
            ):
                both = tables.get(chosen >> 4), tables.get(0x10 | chosen & 15)
                if colour not in shapes or both[0] is None or both[1] is None:
                    return None
                many = shapes[colour].across * shapes[colour].down if body[0] > 1 else 1
                blocks += [(both[0], both[1])] * many
            return Coding(tuple(blocks)) if len(shapes) == body[0] and len(blocks) <= _MOST_BLOCKS else None
    return None


def _huffman(body: bytes) -> Iterator[tuple[int, Huffman]]:
    while len(body) >= 17:
        counts, table, code, at = body[1:17], dict[tuple[int, int], int](), 0, 17
        for length, count in enumerate(counts, start=1):
            for symbol in body[at : at + count]:
                table[length, code] = symbol
                code += 1
            at += count
            code <<= 1
        yield body[0], table
        body = body[at:]
