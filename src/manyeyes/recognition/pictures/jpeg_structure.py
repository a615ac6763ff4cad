"""The parts of a JPEG file: segments, scans and bytes between them. Pure; decodes nothing.

`tidied` leaves out or corrects what libjpeg warns of in a header and what does not concern the pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from manyeyes.results import Caution

END = b"\xff\xd9"
JUNK, SCAN = "junk", "scan"
_DQT, _COMMENT, _APP15 = 0xDB, 0xFE, 0xEF
_SOI, _EOI, _SOS, _DHT, _DRI, _APP0, _APP2, _APP14 = 0xD8, 0xD9, 0xDA, 0xC4, 0xDD, 0xE0, 0xE2, 0xEE
_ALONE = frozenset((0x01, _SOI, *range(0xD0, 0xD8)))
"""Markers without a length and a content."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_SEQUENTIAL = frozenset((0xC0, 0xC1))
_PROGRESSIVE = 0xC2
_MARKER = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_ICC = b"ICC_PROFILE\0"
_MAX_PIECES = 10_000


@dataclass(frozen=True)
class Piece:
    """Bytes `start` to `end` of a file: `junk`, a `scan` (coded pixels), or a segment, whose kind is empty.

    `marker` is that of a segment, and of a scan the one that follows; 0 at the end of the file.
    """

    start: int
    end: int
    marker: int
    kind: str = ""


@dataclass(frozen=True)
class Component:
    """One colour of the frame: its id, its blocks across and down in an MCU, its quantisation table."""

    id: int
    across: int
    down: int
    quantisation: int


@dataclass(frozen=True)
class Frame:
    """The frame's header: where its piece begins, its marker, size and colours."""

    start: int
    marker: int
    height_px: int
    width_px: int
    components: tuple[Component, ...]

    @property
    def sequential(self) -> bool:
        return self.marker in _SEQUENTIAL

    @property
    def mcus(self) -> tuple[int, int]:
        """MCUs across and down, in a scan with all colours."""
        single = len(self.components) == 1
        across = 8 * (1 if single else max(c.across for c in self.components))
        down = 8 * (1 if single else max(c.down for c in self.components))
        return -(-self.width_px // across), -(-self.height_px // down)


def pieces_of(data: bytes) -> tuple[Piece, ...]:
    """The pieces of a file after its first marker, up to its end marker or its end."""
    return tuple(_pieces(data))


def _pieces(data: bytes) -> Iterator[Piece]:
    at = 2
    for _ in range(_MAX_PIECES):
        found = _MARKER.search(data, at)
        if found is None:
            return
        fill = len(data[at : found.start()].rstrip(b"\xff"))
        if fill:
            yield Piece(at, at + fill, 0, JUNK)
        start, marker = found.start(), data[found.start() + 1]
        at = found.end()
        if marker in _ALONE or marker == _EOI:
            yield Piece(start, at, marker)
            if marker == _EOI:
                return
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            return
        at += length
        yield Piece(start, at, marker)
        if marker == _SOS:
            after = _AFTER_SCAN.search(data, at)
            end = len(data) if after is None else at + len(data[at : after.start()].rstrip(b"\xff"))
            yield Piece(at, end, 0 if after is None else data[after.start() + 1], SCAN)
            at = len(data) if after is None else after.start()


def frame_of(data: bytes, pieces: tuple[Piece, ...]) -> Frame | None:
    """The frame's header; None if there is none, or not exactly one that makes sense."""
    found = [piece for piece in pieces if not piece.kind and piece.marker in _FRAMES]
    if len(found) != 1:
        return None
    piece = found[0]
    body = data[piece.start + 4 : piece.end]
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        return None
    colours = tuple(
        Component(a, b >> 4, b & 15, c) for a, b, c in zip(body[6::3], body[7::3], body[8::3], strict=True)
    )
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if not colours or not height or not width or not all(c.across and c.down for c in colours):
        return None
    return Frame(piece.start, piece.marker, height, width, colours)


def has_end(pieces: tuple[Piece, ...]) -> bool:
    return bool(pieces) and pieces[-1].marker == _EOI and not pieces[-1].kind


def all_scans_there(data: bytes, pieces: tuple[Piece, ...]) -> bool:
    """Whether the scans that were begun give every colour all its detail; the last one may be cut short.

    A progressive file that was cut between two scans decodes without a warning, and is blurred.
    """
    frame = frame_of(data, pieces)
    if frame is None:
        return False
    missing = {colour.id: [-1] * 64 for colour in frame.components}
    for piece in pieces:
        if piece.kind or piece.marker != _SOS:
            continue
        body = data[piece.start + 4 : piece.end]
        count = body[0] if body else 0
        if len(body) != 4 + 2 * count:
            return False
        first, last, low = body[-3], body[-2], body[-1] & 15
        if frame.sequential:
            first, last, low = 0, 63, 0
        for colour in body[1 : 1 + 2 * count : 2]:
            for place in range(first, min(last, 63) + 1):
                missing.get(colour, [0] * 64)[place] = low
    return all(bits == 0 for colour in missing.values() for bits in colour)


def restart_interval(data: bytes, pieces: tuple[Piece, ...]) -> int:
    """MCUs between two restart markers of the first scan; 0 without."""
    found = 0
    for piece in pieces:
        if piece.kind == SCAN:
            break
        if piece.marker == _DRI and piece.end - piece.start == 6:
            found = int.from_bytes(data[piece.start + 4 : piece.end], "big")
    return found


def tidied(data: bytes) -> tuple[bytes, tuple[Caution, ...]]:
    """The file with a header that libjpeg does not warn of, and what was changed; the pixels stay the same.

    libjpeg itself passes over these faults in the same way.
    """
    pieces = pieces_of(data)
    first_scan = next((piece for piece in pieces if piece.kind == SCAN), None)
    if first_scan is None:
        return data, ()
    header = [piece for piece in pieces if piece.end <= first_scan.start]
    frame = frame_of(data, pieces)
    bad_profile = _profile_is_bad(data, header)
    out, cautions, junk, fits = [data[:2]], list[Caution](), 0, True
    for piece in header:
        part = data[piece.start : piece.end]
        if piece.kind == JUNK:
            if not fits:
                return data, ()
            junk += len(part)
        elif piece.marker == _SOI:
            cautions.append(_caution("start-marker-twice", "the start marker is there twice"))
        elif piece.marker == _APP2 and bad_profile and part.startswith(_ICC, 4):
            continue
        else:
            mended, told = _mended(piece.marker, part, frame)
            out.append(mended)
            cautions += told
            fits = _length_fits(piece.marker, part)
    if junk and not _tables_there(data, header, frame):
        return data, ()
    if junk:
        cautions.append(bytes_ignored(junk, "between the parts of the header"))
    if bad_profile:
        sentence = "the colour profile is not whole and was left out; colours may look slightly different"
        cautions.append(_caution("colour-profile", sentence))
    return b"".join([*out, data[first_scan.start :]]), tuple(cautions)


def _mended(marker: int, part: bytes, frame: Frame | None) -> tuple[bytes, list[Caution]]:
    if marker == _APP0 and part.startswith(b"JFIF\0", 4) and len(part) >= 11 and part[9] != 1:
        seen = f"the JFIF version is {part[9]}.{part[10]:02}, 1.02 is the newest"
        return part[:9] + b"\1\2" + part[11:], [_caution("version", seen)]
    three = frame is not None and len(frame.components) == 3
    if three and marker == _APP14 and part.startswith(b"Adobe", 4) and len(part) >= 16 and part[15] > 2:
        seen = f"the colour transform is {part[15]}, which is not defined; the usual one, 1, was taken"
        return part[:15] + b"\1" + part[16:], [_caution("colour-transform", seen)]
    if marker == _SOS and frame is not None and frame.sequential and part[-3:] != b"\0\x3f\0":
        seen = "the scan's header has values of a progressive JPEG, this one is not progressive"
        return part[:-3] + b"\0\x3f\0", [_caution("scan-header", seen)]
    return part, []


def _length_fits(marker: int, part: bytes) -> bool:
    """Whether a segment has the length that its content asks for.

    Bytes behind a segment that does not are rather the rest of it: tables or colours are wrong then.
    """
    body = part[4:]
    if marker in (_APP0, _APP14):
        return len(body) >= 12
    if marker == _DQT:
        while body:
            length = 65 if body[0] < 16 else 129
            if len(body) < length:
                return False
            body = body[length:]
        return len(part) > 4
    if marker == _DHT:
        while body:
            length = 17 + sum(body[1:17])
            if len(body) < length:
                return False
            body = body[length:]
        return len(part) > 4
    if marker in _FRAMES:
        return len(body) >= 6 and len(body) == 6 + 3 * body[5]
    if marker == _DRI:
        return len(body) == 2
    return _APP0 <= marker <= _APP15 or marker in (_COMMENT, _SOI)


def _tables_there(data: bytes, header: list[Piece], frame: Frame | None) -> bool:
    """Whether the header has what the first scan needs; else the bytes between its parts may be that.

    libjpeg takes usual tables in place of missing ones, and guesses the colours without Adobe's marker.
    """
    quantisation, huffman, adobe = set[int](), set[int](), False
    for piece in header:
        body = data[piece.start + 4 : piece.end]
        if piece.kind:
            continue
        adobe |= piece.marker == _APP14 and body.startswith(b"Adobe")
        while piece.marker in (_DQT, _DHT) and body:
            (quantisation if piece.marker == _DQT else huffman).add(
                body[0] if piece.marker == _DHT else body[0] & 15
            )
            length = 17 + sum(body[1:17]) if piece.marker == _DHT else 65 if body[0] < 16 else 129
            body = body[length:]
    if frame is None or (len(frame.components) == 4 and not adobe):
        return False
    scan = data[header[-1].start + 4 : header[-1].end]
    needed = set[int]()
    for chosen in scan[2 : 1 + 2 * scan[0] : 2]:
        dc, ac = chosen >> 4, 0x10 | chosen & 15
        needed |= {dc, ac} if frame.sequential else {dc if scan[-3] == 0 else ac}
    return needed <= huffman and {colour.quantisation for colour in frame.components} <= quantisation


def _profile_is_bad(data: bytes, header: list[Piece]) -> bool:
    parts = [
        (data[piece.start + 16], data[piece.start + 17], piece.end - piece.start)
        for piece in header
        if piece.marker == _APP2 and not piece.kind and data.startswith(_ICC, piece.start + 4)
        if piece.end - piece.start >= 18
    ]
    numbers = sorted(number for number, _, _ in parts)
    counts = {count for _, count, _ in parts}
    whole = numbers == list(range(1, len(parts) + 1)) and counts == {len(parts)}
    return bool(parts) and not (whole and any(length > 18 for _, _, length in parts))


def bytes_ignored(count: int, where: str) -> Caution:
    many = "1 extra byte was" if count == 1 else f"{count} extra bytes were"
    return Caution(
        kind="extra-bytes", value=count, limit=0, sentence=f"{many} ignored {where}; all pixels are there"
    )


def no_end_marker() -> Caution:
    return _caution("no-end-marker", "the end marker is missing; all pixels are there")


def _caution(kind: str, sentence: str) -> Caution:
    return Caution(kind=kind, sentence=sentence)
