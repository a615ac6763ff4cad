"""Finds the kind of a file by its first bytes, never by its name."""

from __future__ import annotations

import re

from manyeyes.errors import EmptyPicture, NotAPicture, UnsupportedFormat
from manyeyes.recognition.pictures.formats import ACCEPTED

_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_JPEG, _JPEG_LS = b"\xff\xd8\xff", b"\xff\xd8\xff\xf7"
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_OTHER_PICTURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"8BPS", "Photoshop"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"\0\0\2\0", "a mouse cursor (CUR)"),
    (0, b"icns", "ICNS"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, _JPEG_LS, "JPEG-LS"),
    (0, b"II\xbc", "JPEG XR"),
    (0, b"\x8aMNG", "MNG"),
    (0, b"\x8bJNG", "JNG"),
    (0, b"gimp xcf", "GIMP's XCF"),
    (0, b"v/1\1", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"),
    (0, b"qoif", "QOI"),
    (0, b"DDS ", "DDS"),
    (0, b"AT&TFORM", "DjVu"),
    (0, b"\xd7\xcd\xc6\x9a", "WMF"),
    (0, b"%!PS", "PostScript"),
    (128, b"DICM", "DICOM"),
    (0, b"FUJIFILMCCD-RAW", "a raw camera picture (RAF)"),
    (0, b"IIRO", "a raw camera picture (ORF)"),
    (0, b"IIRS", "a raw camera picture (ORF)"),
    (0, b"IIU\0", "a raw camera picture (RW2)"),
    (0, b"FOVb", "a raw camera picture (X3F)"),
    (8, b"CR\2", "a raw camera picture (CR2)"),
    (4, b"ftypcrx ", "a raw camera picture (CR3)"),
)
VIDEO, SOUND = "a video", "a sound file"
_OTHER_FILES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\3\4", "a zip archive"),
    (0, b"PK\5\6", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"),
    (0, b"Rar!", "a rar archive"),
    (0, b"\xfd7zXZ", "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"\xd0\xcf\x11\xe0", "an office document"),
    (4, b"ftypM4A ", SOUND),
    (4, b"ftypM4B ", SOUND),
    (4, b"ftypM4P ", SOUND),
    (4, b"ftyp", VIDEO),
    (4, b"moov", VIDEO),
    (4, b"mdat", VIDEO),
    (4, b"wide", VIDEO),
    (0, b"\x1aE\xdf\xa3", VIDEO),
    (8, b"AVI ", VIDEO),
    (0, b"FLV\1", VIDEO),
    (0, b"\0\0\1\xba", VIDEO),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", VIDEO),
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01", VIDEO),
    (28, b"\x80theora", VIDEO),
    (8, b"WAVE", SOUND),
    (0, b"ID3", SOUND),
    (0, b"OggS", SOUND),
    (0, b"fLaC", SOUND),
    (0, b"SQLite format 3", "a database"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ", "a program"),
)

_ANY = re.compile(
    b"|".join(b".{%d}%s" % (at, re.escape(magic)) for at, magic, _ in (*_OTHER_PICTURES, *_OTHER_FILES)),
    re.DOTALL,
)
"""Whether it is worth looking at which of them it is; folders have many files that are none."""

_ASCII_TEXT = bytes(range(32, 127)) + b"\r\n\t\f"


def sniff(data: bytes) -> str:
    """The key in `formats.FORMATS` of the format that these bytes begin with.

    Raises:
        EmptyPicture: there are no bytes.
        UnsupportedFormat: a picture of another format; the message names it.
        NotAPicture: something else; the message names it if it is known.
    """
    if not data:
        raise EmptyPicture("the picture has 0 bytes; was the file fully written?")
    if data.startswith(_JPEG) and not data.startswith(_JPEG_LS):
        return "jpeg"
    known = _ANY.match(data) is not None
    for offset, magic, name in _OTHER_PICTURES if known else ():
        if data.startswith(magic, offset):
            raise UnsupportedFormat(f"picture is {name}; {ACCEPTED}; convert it first")
    found = _accepted(data)
    if found is not None:
        return found
    for offset, magic, name in _OTHER_FILES if known else ():
        if data.startswith(magic, offset):
            raise NotAPicture(f"this is {name}, not a picture; {ACCEPTED}")
    if _is_transport_stream(data):
        raise NotAPicture(f"this is {VIDEO}, not a picture; {ACCEPTED}")
    raise _text_or_unknown(data)


def is_video(data: bytes) -> bool:
    """Whether a file that begins with these bytes is a video, by its container; some of them hold sound only."""
    is_picture = any(data.startswith(magic, at) for at, magic, _ in _OTHER_PICTURES)
    if is_picture or data.startswith(_JPEG) or _accepted(data) is not None:
        return False
    kind = next((name for at, magic, name in _OTHER_FILES if data.startswith(magic, at)), "")
    return kind == VIDEO or _is_transport_stream(data)


def _is_transport_stream(data: bytes) -> bool:
    """MPEG-TS has no magic number: each packet of 188 bytes begins with 0x47, in M2TS after 4 bytes more."""
    return any(
        len(data) > start + 4 * step and set(data[start : start + 4 * step : step]) == {0x47}
        for start, step in ((0, 188), (4, 192))
    )


def _accepted(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if data.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        return "tiff"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADERS:
        return "bmp"
    return _of_brands(data) if data[4:8] == b"ftyp" else None


def _of_brands(data: bytes) -> str | None:
    """AVIF and HEIC share their container format; the brands in its first box say which of them it is."""
    end = max(16, min(int.from_bytes(data[:4], "big"), 256))
    brands = {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return "avif"
    return "heic" if brands & _HEIC_BRANDS or data[8:12] in (b"mif1", b"msf1") else None


def _text_or_unknown(data: bytes) -> UnsupportedFormat | NotAPicture:
    text = _text(data)
    if text is None:
        first = data[:8].hex(" ")
        return NotAPicture(f"this is not a known kind of picture (its first bytes are {first}); {ACCEPTED}")
    head = text[:1000].lower()
    if "<svg" in head:
        return UnsupportedFormat(f"picture is SVG; {ACCEPTED}; convert it first")
    if head[:2] in ("p1", "p2", "p3", "p4", "p5", "p6") and head[2:3].isspace():
        return UnsupportedFormat(f"picture is Netpbm; {ACCEPTED}; convert it first")
    if "<html" in head or "<!doctype html" in head:
        return NotAPicture(f"this is a web page, not a picture; {ACCEPTED}; save the picture itself")
    return NotAPicture(f"this is text ({text[:24].strip()!r}…), not a picture; {ACCEPTED}")


def _text(data: bytes) -> str | None:
    head = data[:2048]
    if not head.translate(None, _ASCII_TEXT):
        return head.decode("ascii")
    try:
        text = head.decode("utf-8", errors="strict" if len(data) <= 2048 else "ignore")
    except UnicodeDecodeError:
        return None
    shown = text
    for one in "\r\n\t\f\ufeff":
        shown = shown.replace(one, "")
    return text if shown.isprintable() else None
