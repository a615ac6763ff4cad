"""The parts of a JPEG file: segments, scans and bytes between them. Pure; decodes nothing.

`tidied` leaves out or corrects what libjpeg warns of in a header and what does not concern the pixels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from manyeyes.recognition.pictures.file_faults import bytes_ignored, fault, profile_left_out
from manyeyes.results import Caution

END = b"\xff\xd9"
JUNK, SCAN = "junk", "scan"
DHT, SOS, DQT, APP14 = 0xC4, 0xDA, 0xDB, 0xEE
RESTARTS = range(0xD0, 0xD8)
SEQUENTIAL = frozenset((0xC0, 0xC1))
_SOI, _EOI, _DRI, _APP0, _APP2, _APP13, _APP15, _COMMENT = (
    0xD8, 0xD9, 0xDD, 0xE0, 0xE2, 0xED, 0xEF, 0xFE,
)  # fmt: skip
_TEM = 0x01
_ALONE = frozenset((_TEM, _SOI, *RESTARTS))
"""Markers without a length and a content."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, 0xCC}
_MARKER = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_AFTER_SCAN = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
_ICC = b"ICC_PROFILE\0"
_NEXT_JPEG, _FILM = b"\xff\xd8\xff", b"ftyp"
_MAX_PARTS = 10_000
LEAST_APP_BYTES = {
    0xE0: (b"JFIF", 9),
    0xE2: (_ICC, 16),
    0xED: (b"Photoshop 3.0\0", 65_536),
    APP14: (b"Adobe", 9),
}
"""Segments that Pillow parses, by marker: first bytes, and the length from which parsing cannot fail."""


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


def before_another_file(data: bytes, parts: tuple[Part, ...]) -> bytes | None:
    """The picture with an end marker, if it has none and another JPEG or a film follows it; else None.

    Whether the pixels end there, the decoder tells. The beginning of a film is found by its box `ftyp`.
    """
    for scan in parts:
        if scan.kind != SCAN:
            continue
        found = data.find(_FILM, scan.start, scan.end) - 4
        end = found if found >= scan.start else scan.end
        if found < scan.start and not data.startswith(_NEXT_JPEG, end):
            continue
        picture = data[:end]
        return picture + END if all_scans_there(picture, parts_of(picture)) else None
    return None


def restart_interval(data: bytes, parts: tuple[Part, ...]) -> int:
    """MCUs between two restart markers of the first scan; 0 without."""
    found = 0
    for part in parts:
        if part.kind == SCAN:
            break
        if part.marker == _DRI and part.end - part.start == 6:
            found = int.from_bytes(data[part.start + 4 : part.end], "big")
    return found


def without_short_segments(data: bytes) -> tuple[bytes, tuple[Caution, ...]]:
    """The file without segments of its header that are too short for what they say they are, and without TEM markers.

    Decoders pass over both. Pillow does not, which reads the headers that are unusual.

    Raises:
        ValueError: the segment that tells the meaning of four colours is too short.
    """
    kept, cautions, start, lost = list[bytes](), list[Caution](), 0, False
    for part in takewhile(lambda part: part.marker != SOS, _parts(data)):
        first, least = LEAST_APP_BYTES.get(part.marker, (b"", 0))
        size = part.end - part.start - 4
        short = size + 2 < least and part.marker != _APP13 and data.startswith(first, part.start + 4)
        if short or part.marker == _TEM:
            kept.append(data[start : part.start])
            start = part.end
        if short:
            name = first.rstrip(b"\0").decode()
            cautions.append(
                fault("short-segment", f"the segment {name} has only {size} bytes and was left out")
            )
            lost |= part.marker == APP14
        if lost and part.marker in _FRAMES and data[part.start + 9 : part.start + 10] == b"\4":
            raise ValueError("its segment Adobe is cut short, which tells the meaning of four colours")
    return b"".join([*kept, data[start:]]), tuple(dict.fromkeys(cautions))


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
            cautions.append(fault("start-marker-twice", "the start marker is there twice"))
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
        cautions.append(profile_left_out())
    return b"".join([*out, data[first_scan.start :]]), tuple(cautions)


def _mended(marker: int, segment: bytes, frame: Frame | None) -> tuple[bytes, list[Caution]]:
    if marker == _APP0 and segment.startswith(b"JFIF\0", 4) and len(segment) >= 11 and segment[9] != 1:
        seen = f"the JFIF version is {segment[9]}.{segment[10]:02}, 1.02 is the newest"
        return segment[:9] + b"\1\2" + segment[11:], [fault("version", seen)]
    transform = None if frame is None else _usual_transform(frame)
    if (
        transform is not None
        and marker == APP14
        and segment[4:9] == b"Adobe"
        and len(segment) >= 16
        and segment[15] > 2
    ):
        seen = f"the colour transform is {segment[15]}, which is not defined; {transform} was taken, by the form of the colours"
        return segment[:15] + bytes([transform]) + segment[16:], [fault("colour-transform", seen)]
    if marker == SOS and frame is not None and frame.sequential and segment[-3:] != b"\0\x3f\0":
        seen = "the scan's header has values of a progressive JPEG, this one is not progressive"
        return segment[:-3] + b"\0\x3f\0", [fault("scan-header", seen)]
    return segment, []


def _usual_transform(frame: Frame) -> int | None:
    """The colour transform of Adobe's segment that the colours' form tells; None if it tells none.

    Of four colours, YCCK (2) codes its second and third more coarsely than the others, CMYK (0) codes all alike.
    """
    forms = [(one.across, one.down, one.quantisation) for one in frame.components]
    if len(forms) == 4 and forms[0] == forms[3] and forms[1] == forms[2]:
        return 0 if forms[0] == forms[1] else 2
    return 1 if len(forms) == 3 else None


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
