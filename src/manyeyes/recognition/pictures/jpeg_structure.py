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
DHT, SOS, DQT, APP14 = 0xC4, 0xDA, 0xDB, 0xEE
RESTARTS = range(0xD0, 0xD8)
SEQUENTIAL = frozenset((0xC0, 0xC1))
_SOI, _EOI, _DRI, _APP0, _APP2, _APP15, _COMMENT = 0xD8, 0xD9, 0xDD, 0xE0, 0xE2, 0xEF, 0xFE
_ALONE = frozenset((0x01, _SOI, *RESTARTS))
"""Markers without a length and a content."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_ICC = b"ICC_PROFILE\0"
_MAX_PARTS = 10_000


@dataclass(frozen=True)
class Part:
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
    """The frame's header: where its part begins, its marker, size and colours."""

    start: int
    marker: int
    height_px: int
    width_px: int
    components: tuple[Component, ...]

    @property
    def sequential(self) -> bool:
        return self.marker in SEQUENTIAL

    @property
    def mcus(self) -> tuple[int, int]:
        """MCUs across and down, in a scan with all colours."""
        width, height = self.mcu_px
        return -(-self.width_px // width), -(-self.height_px // height)

    @property
    def mcu_px(self) -> tuple[int, int]:
        """Width and height of an MCU, in a scan with all colours."""
        if len(self.components) == 1:
            return 8, 8
        return 8 * max(c.across for c in self.components), 8 * max(c.down for c in self.components)


def parts_of(data: bytes) -> tuple[Part, ...]:
    """The parts of a file after its first marker, up to its end marker or its end."""
    return tuple(_parts(data))


def _parts(data: bytes) -> Iterator[Part]:
    at = 2
    for _ in range(_MAX_PARTS):
        found = _MARKER.search(data, at)
        if found is None:
            return
        fill = len(data[at : found.start()].rstrip(b"\xff"))
        if fill:
            yield Part(at, at + fill, 0, JUNK)
        start, marker = found.start(), data[found.start() + 1]
        at = found.end()
        if marker in _ALONE or marker == _EOI:
            yield Part(start, at, marker)
            if marker == _EOI:
                return
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            return
        at += length
        yield Part(start, at, marker)
        if marker == SOS:
            after = _AFTER_SCAN.search(data, at)
            end = len(data) if after is None else at + len(data[at : after.start()].rstrip(b"\xff"))
            yield Part(at, end, 0 if after is None else data[after.start() + 1], SCAN)
            at = len(data) if after is None else after.start()


def frame_of(data: bytes, parts: tuple[Part, ...]) -> Frame | None:
    """The frame's header; None if there is none, or not exactly one that makes sense."""
    found = [part for part in parts if not part.kind and part.marker in _FRAMES]
    if len(found) != 1:
        return None
    part = found[0]
    body = data[part.start + 4 : part.end]
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        return None
    colours = tuple(
        Component(a, b >> 4, b & 15, c) for a, b, c in zip(body[6::3], body[7::3], body[8::3], strict=True)
    )
    height, width = int.from_bytes(body[1:3], "big"), int.from_bytes(body[3:5], "big")
    if not colours or not height or not width or not all(c.across and c.down for c in colours):
        return None
    return Frame(part.start, part.marker, height, width, colours)


def has_end(parts: tuple[Part, ...]) -> bool:
    return bool(parts) and parts[-1].marker == _EOI and not parts[-1].kind


def all_scans_there(data: bytes, parts: tuple[Part, ...]) -> bool:
    """Whether the scans that were begun give every colour all its detail; the last one may be cut short.

    A progressive file that was cut between two scans decodes without a warning, and is blurred.
    """
    frame = frame_of(data, parts)
    if frame is None:
        return False
    missing = {colour.id: [-1] * 64 for colour in frame.components}
    for part in parts:
        if part.kind or part.marker != SOS:
            continue
        body = data[part.start + 4 : part.end]
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


def restart_interval(data: bytes, parts: tuple[Part, ...]) -> int:
    """MCUs between two restart markers of the first scan; 0 without."""
    found = 0
    for part in parts:
        if part.kind == SCAN:
            break
        if part.marker == _DRI and part.end - part.start == 6:
            found = int.from_bytes(data[part.start + 4 : part.end], "big")
    return found


def tidied(data: bytes) -> tuple[bytes, tuple[Caution, ...]]:
    """The file with a header that libjpeg does not warn of, and what was changed; the pixels stay the same.

    libjpeg itself passes over these faults in the same way.
    """
    parts = parts_of(data)
    first_scan = next((part for part in parts if part.kind == SCAN), None)
    if first_scan is None:
        return data, ()
    header = [part for part in parts if part.end <= first_scan.start]
    frame = frame_of(data, parts)
    bad_profile = _profile_is_bad(data, header)
    out, cautions, junk, fits = [data[:2]], list[Caution](), 0, True
    for part in header:
        segment = data[part.start : part.end]
        if part.kind == JUNK:
            if not fits:
                return data, ()
            junk += len(segment)
        elif part.marker == _SOI:
            cautions.append(_caution("start-marker-twice", "the start marker is there twice"))
        elif part.marker == _APP2 and bad_profile and segment.startswith(_ICC, 4):
            continue
        else:
            mended, told = _mended(part.marker, segment, frame)
            out.append(mended)
            cautions += told
            fits = _length_fits(part.marker, segment)
    if junk and not _tables_there(data, header, frame):
        return data, ()
    if junk:
        cautions.append(bytes_ignored(junk, "between the parts of the header"))
    if bad_profile:
        sentence = "the colour profile is not whole and was left out; colours may look slightly different"
        cautions.append(_caution("colour-profile", sentence))
    return b"".join([*out, data[first_scan.start :]]), tuple(cautions)


def _mended(marker: int, segment: bytes, frame: Frame | None) -> tuple[bytes, list[Caution]]:
    if marker == _APP0 and segment.startswith(b"JFIF\0", 4) and len(segment) >= 11 and segment[9] != 1:
        seen = f"the JFIF version is {segment[9]}.{segment[10]:02}, 1.02 is the newest"
        return segment[:9] + b"\1\2" + segment[11:], [_caution("version", seen)]
    three = frame is not None and len(frame.components) == 3
    if three and marker == APP14 and segment[4:9] == b"Adobe" and len(segment) >= 16 and segment[15] > 2:
        seen = f"the colour transform is {segment[15]}, which is not defined; the usual one, 1, was taken"
        return segment[:15] + b"\1" + segment[16:], [_caution("colour-transform", seen)]
    if marker == SOS and frame is not None and frame.sequential and segment[-3:] != b"\0\x3f\0":
        seen = "the scan's header has values of a progressive JPEG, this one is not progressive"
        return segment[:-3] + b"\0\x3f\0", [_caution("scan-header", seen)]
    return segment, []


def _length_fits(marker: int, segment: bytes) -> bool:
    """Whether a segment has the length that its content asks for.

    Bytes behind a segment that does not are rather the rest of it: tables or colours are wrong then.
    """
    body = segment[4:]
    if marker in (_APP0, APP14):
        return len(body) >= 12
    if marker in (DQT, DHT):
        while body:
            length = _table_bytes(marker, body)
            if len(body) < length:
                return False
            body = body[length:]
        return len(segment) > 4
    if marker in _FRAMES:
        return len(body) >= 6 and len(body) == 6 + 3 * body[5]
    if marker == _DRI:
        return len(body) == 2
    return _APP0 <= marker <= _APP15 or marker in (_COMMENT, _SOI)


def _table_bytes(marker: int, body: bytes) -> int:
    """How long the first table of a segment is by its own first bytes, of Huffman codes or of quantisation."""
    if marker == DHT:
        return 17 + sum(body[1:17])
    return 65 if body[0] < 16 else 129


def _tables_there(data: bytes, header: list[Part], frame: Frame | None) -> bool:
    """Whether the header has what the first scan needs; else the bytes between its parts may be that.

    libjpeg takes usual tables in place of missing ones, and guesses the colours without Adobe's marker.
    """
    quantisation, huffman, adobe = set[int](), set[int](), False
    for part in header:
        body = data[part.start + 4 : part.end]
        if part.kind:
            continue
        adobe |= part.marker == APP14 and body.startswith(b"Adobe")
        while part.marker in (DQT, DHT) and body:
            (quantisation if part.marker == DQT else huffman).add(
                body[0] if part.marker == DHT else body[0] & 15
            )
            body = body[_table_bytes(part.marker, body) :]
    if frame is None or (len(frame.components) == 4 and not adobe):
        return False
    scan = data[header[-1].start + 4 : header[-1].end]
    needed = set[int]()
    for chosen in scan[2 : 1 + 2 * scan[0] : 2]:
        dc, ac = chosen >> 4, 0x10 | chosen & 15
        needed |= {dc, ac} if frame.sequential else {dc if scan[-3] == 0 else ac}
    return needed <= huffman and {colour.quantisation for colour in frame.components} <= quantisation


def _profile_is_bad(data: bytes, header: list[Part]) -> bool:
    profiles = [
        (data[part.start + 16], data[part.start + 17], part.end - part.start)
        for part in header
        if part.marker == _APP2 and not part.kind and data.startswith(_ICC, part.start + 4)
        if part.end - part.start >= 18
    ]
    numbers = sorted(number for number, _, _ in profiles)
    counts = {count for _, count, _ in profiles}
    whole = numbers == list(range(1, len(profiles) + 1)) and counts == {len(profiles)}
    return bool(profiles) and not (whole and any(length > 18 for _, _, length in profiles))


def bytes_ignored(count: int, where: str) -> Caution:
    many = "1 extra byte was" if count == 1 else f"{count} extra bytes were"
    return Caution(
        kind="extra-bytes", value=count, limit=0, sentence=f"{many} ignored {where}; all pixels are there"
    )


def no_end_marker() -> Caution:
    return _caution("no-end-marker", "the end marker is missing; all pixels are there")


def _caution(kind: str, sentence: str) -> Caution:
    return Caution(kind=kind, sentence=sentence)
