"""The chunks of a PNG: what of them is missing or damaged, and whether that concerns the pixels."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from manyeyes.errors import DamagedPicture
from manyeyes.recognition.pictures.file_faults import animation_cut, fault, no_end, profile_left_out
from manyeyes.recognition.pictures.formats import ANOTHER_COPY
from manyeyes.recognition.pictures.headers import plain_kind
from manyeyes.results import Caution

SIGNATURE_BYTES = 8
_END = b"\0\0\0\0IEND" + zlib.crc32(b"IEND").to_bytes(4, "big")
_FRAMES = frozenset((b"acTL", b"fcTL", b"fdAT"))
_BESIDE_THE_PIXELS = _FRAMES | {
    b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf", b"iCCP", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"hIST",
    b"pHYs", b"sPLT", b"cICP", b"mDCV", b"cLLI", b"oFFs", b"pCAL", b"sCAL", b"sTER", b"dSIG", b"gIFg", b"gIFx",
    b"IEND",
}  # fmt: skip
"""Others may be a damaged name of the palette, of the transparency or of pixels."""
_PIECE_BYTES, _STEP_BYTES = 1 << 16, 1 << 20


@dataclass(frozen=True)
class Still:
    """A PNG without frames of an animation and without what is damaged beside the pixels, and what was noticed."""

    content: bytes
    cautions: tuple[Caution, ...] = ()


def still_png(data: bytes, size_px: tuple[int, int]) -> Still:
    """Check the chunks of a PNG and their check sums.

    Args:
        size_px: (width, height) as stored; bounds what is unpacked of a file without its end chunk.

    Raises:
        DamagedPicture: pixels, palette or transparency are damaged or missing.
    """
    at, view = SIGNATURE_BYTES, memoryview(data)
    kept, pixels, cautions = list[memoryview](), list[memoryview](), list[Caution]()
    left_out = ended = False
    while not ended and at + 12 <= len(data):
        kind, end = bytes(view[at + 4 : at + 8]), at + 8 + int.from_bytes(view[at : at + 4], "big")
        if end + 4 > len(data):
            break
        whole = zlib.crc32(view[at + 4 : end]) == int.from_bytes(view[end : end + 4], "big")
        if not whole:
            cautions.append(_check_sum(kind, at))
        ended = kind == b"IEND"
        if not whole or kind in _FRAMES:
            left_out = True
        else:
            kept.append(view[at : end + 4])
        if kind == b"IDAT":
            pixels.append(view[at + 8 : end])
        at = end + 4
    if not ended:
        if not _all_unpacked(pixels, size_px):
            raise DamagedPicture(
                f"the PNG is cut short: its pixels are not whole in {len(data)} bytes; {ANOTHER_COPY}"
            )
        cautions.append(animation_cut() if bytes(view[at + 4 : at + 8]) in _FRAMES else no_end("end chunk"))
    elif not left_out:
        return Still(data)
    if not kept or kept[-1] != _END:
        kept.append(memoryview(_END))
    return Still(b"".join([view[:SIGNATURE_BYTES], *kept]), tuple(dict.fromkeys(cautions)))


def _check_sum(kind: bytes, at: int) -> Caution:
    if kind not in _BESIDE_THE_PIXELS:
        raise DamagedPicture(
            f"the PNG's chunk {plain_kind(kind)} at byte {at} fails its check sum; {ANOTHER_COPY}"
        )
    if kind == b"iCCP":
        return profile_left_out()
    if kind in _FRAMES:
        return fault(
            "animation-cut", "the animation is damaged; its first picture, the one that is used, is whole"
        )
    if kind == b"eXIf":
        return fault(
            "check-sum", "the chunk eXIf fails its check sum and was left out; the picture may not be upright"
        )
    what = f"the chunk {plain_kind(kind)} fails its check sum and was left out; all pixels are there"
    return fault("check-sum", what)


def _pieces(parts: list[memoryview]) -> Iterator[bytes]:
    """Small ones: what an unpacker leaves of a piece is copied at each step."""
    for part in parts:
        for at in range(0, len(part), _PIECE_BYTES):
            yield bytes(part[at : at + _PIECE_BYTES])


def _all_unpacked(pixels: list[memoryview], size_px: tuple[int, int]) -> bool:
    """Whether the packed pixels reach their end; whether they fill the picture, its decoder tells."""
    unpacker, left = zlib.decompressobj(), 9 * (size_px[0] + 8) * (size_px[1] + 8)
    try:
        for packed in _pieces(pixels):
            while packed and not unpacker.eof and left > 0:
                left -= len(unpacker.decompress(packed, _STEP_BYTES))
                packed = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return unpacker.eof
