"""One small file of every accepted kind, and of many refused kinds; all made here.

The picture in all of them is a part of `skimage.data.astronaut()` with one face, 300×260 px.
"""

from __future__ import annotations

import functools
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pillow_heif
import simplejpeg
from PIL import Image
from skimage import data

EXACT, SLIGHT, LOSSY, COARSE = 0.0, 1.5, 8.0, 40.0
"""The mean difference that is allowed from the original's pixels, of 255."""


@functools.cache
def face_rgb() -> Any:
    """The picture, uint8 (260, 300, 3) RGB."""
    return np.ascontiguousarray(data.astronaut()[:260, 80:380])


@functools.cache
def other_rgb() -> Any:
    """Another picture, for second frames and pages: the first one upside down in false colours."""
    return np.ascontiguousarray(255 - face_rgb()[::-1])


def picture() -> Image.Image:
    return Image.fromarray(face_rgb())


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def grey_rgb() -> Any:
    return np.dstack([np.asarray(picture().convert("L"))] * 3)


def ramp() -> Any:
    """Alpha (260, 300): 1 to 255 from left to right, nowhere fully transparent."""
    return np.tile(np.linspace(1, 255, 300).astype(np.uint8), (260, 1))


def with_alpha() -> Image.Image:
    return Image.fromarray(np.dstack([face_rgb(), ramp()]))


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def odd_rgb() -> Any:
    """The face without its last row and column: (259, 299)."""
    return np.ascontiguousarray(face_rgb()[:-1, :-1])


def odd(*, turned: bool = False) -> Image.Image:
    """`odd_rgb`, or as a camera held sideways stores it."""
    return Image.fromarray(np.ascontiguousarray(np.rot90(odd_rgb()) if turned else odd_rgb()))


def lying(turned: int = 6) -> Image.Image:
    """The picture as a camera held sideways stores it."""
    assert turned == 6
    return Image.fromarray(np.ascontiguousarray(np.rot90(face_rgb())))


def sixteen(pixels: Any) -> Any:
    """The pixels in 16 bits, with a low byte that rounding would round up."""
    return pixels.astype(np.uint16) << 8 | 0xF0


def by_opencv(suffix: str, pixels: Any, *options: int) -> bytes:
    return bytes(cv2.imencode(suffix, pixels, list(options))[1])


def frames(kind: str, **options: Any) -> bytes:
    return saved(picture(), kind, save_all=True, append_images=[Image.fromarray(other_rgb())], **options)


def without_segment(jpeg: bytes, marker: int) -> bytes:
    at = 2
    while jpeg[at + 1] != marker:
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    return jpeg[:at] + jpeg[at + 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big") :]


def ink() -> Any:
    return np.asarray(picture().convert("CMYK"))


def ink_rgb() -> Any:
    return np.asarray(picture().convert("CMYK").convert("RGB"))


def cmyk_without_adobe() -> bytes:
    """A CMYK JPEG without Adobe's marker, which is cut out. Pillow inverts what it writes, so the input is inverted."""
    return without_segment(saved(Image.fromarray(255 - ink(), "CMYK"), "JPEG", quality=92), 0xEE)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(
    width: int, height: int, depth: int, colour: int, body: bytes, *, interlaced: bool = False
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def interlaced_png() -> bytes:
    """Adam7, by hand: no library here writes it."""
    passes = (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    )
    rows = []
    for x, y, dx, dy in passes:
        rows += [b"\0" + row.tobytes() for row in face_rgb()[y::dy, x::dx]]
    return png_of(300, 260, 8, 2, b"".join(rows), interlaced=True)


def bmp_rle() -> bytes:
    """8-bit run-length BMP, by hand, of the picture in 64 greys."""
    grey = np.asarray(picture().convert("L")) // 4 * 4
    body = bytearray()
    for row in grey[::-1]:
        for value in row:
            body += bytes((1, value))
        body += b"\0\0"
    body += b"\0\1"
    palette = b"".join(bytes((v, v, v, 0)) for v in range(256))
    start = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, 300, 260, 1, 8, 1, len(body), 0, 0, 256, 0)
    return struct.pack("<2sIHHI", b"BM", start + len(body), 0, 0, start) + info + palette + bytes(body)


def heif(image: Image.Image, *more: Image.Image, **options: Any) -> bytes:
    file = pillow_heif.from_pillow(image)
    for one in more:
        file.add_from_pillow(one)
    out = io.BytesIO()
    file.save(out, quality=90, **options)
    return out.getvalue()


def paletted(image: Image.Image) -> Image.Image:
    return image.quantize(256)


def transparent_gif() -> bytes:
    few = picture().quantize(255)
    indices = np.asarray(few).copy()
    indices[:, :40] = 255
    image = Image.fromarray(indices, "P")
    image.putpalette([*(few.getpalette() or [])[:765], 255, 0, 255])
    return saved(image, "GIF", transparency=255)


def with_hole() -> Image.Image:
    """The picture with its left 40 columns fully transparent; their pixels are hidden, not removed."""
    pixels = np.dstack([face_rgb(), np.full((260, 300), 255, np.uint8)])
    pixels[:, :40, 3] = 0
    return Image.fromarray(pixels)


def holed_rgb() -> Any:
    seen = face_rgb().copy()
    seen[:, :40] = 255
    return seen


@dataclass(frozen=True)
class Sample:
    """A file, and the expected result of decoding it.

    Attributes:
        key: of its format.
        expected: RGB as a person sees it.
        alpha: the expected alpha channel, or None if there must be none.
        named: whether the face must be found and named in it.
    """

    name: str
    key: str
    make: Callable[[], bytes]
    expected: Callable[[], Any] = face_rgb
    tolerance: float = LOSSY
    alpha: Callable[[], Any] | None = None
    named: bool = True


def _hole_alpha() -> Any:
    return np.asarray(with_hole())[:, :, 3]


def _dithered() -> Any:
    return np.asarray(picture().convert("1").convert("RGB"))


def _quantised() -> Any:
    return np.asarray(paletted(picture()).convert("RGB"))


_S = Sample
SAMPLES: tuple[Sample, ...] = (
    _S("JPEG baseline", "jpeg", lambda: saved(picture(), "JPEG", quality=92)),
    _S("JPEG progressive", "jpeg", lambda: saved(picture(), "JPEG", quality=92, progressive=True)),
    _S("JPEG with restart markers", "jpeg", lambda: saved(picture(), "JPEG", quality=92, restart_marker_rows=1)),
    _S("JPEG 4:4:4", "jpeg", lambda: saved(picture(), "JPEG", quality=95, subsampling=0)),
    _S("JPEG grey", "jpeg", lambda: saved(picture().convert("L"), "JPEG", quality=92), grey_rgb),
    _S("JPEG CMYK, inverted by Adobe", "jpeg", lambda: saved(picture().convert("CMYK"), "JPEG", quality=92), ink_rgb),
    _S("JPEG CMYK, not inverted", "jpeg", cmyk_without_adobe, ink_rgb),
    _S("JPEG YCCK", "jpeg", lambda: simplejpeg.encode_jpeg(255 - ink(), 92, "CMYK", "444"), ink_rgb),
    _S("JPEG turned by EXIF", "jpeg", lambda: saved(lying(), "JPEG", quality=92, exif=exif(6))),
    _S("JPEG with bytes after its end", "jpeg", lambda: saved(picture(), "JPEG", quality=92) + b"more" * 99),
    _S("PNG", "png", lambda: saved(picture(), "PNG"), tolerance=EXACT),
    _S("PNG grey", "png", lambda: saved(picture().convert("L"), "PNG"), grey_rgb, EXACT),
    _S("PNG alpha", "png", lambda: saved(with_alpha(), "PNG"), face_rgb, EXACT, ramp),
    _S("PNG hidden under alpha", "png", lambda: saved(with_hole(), "PNG"), holed_rgb, EXACT, _hole_alpha),
    _S("PNG grey and alpha", "png", lambda: saved(with_alpha().convert("LA"), "PNG"), grey_rgb, EXACT, ramp),
    _S("PNG 16 bit", "png", lambda: by_opencv(".png", sixteen(face_rgb()[:, :, ::-1])), tolerance=EXACT),
    _S("PNG 16 bit grey", "png", lambda: by_opencv(".png", sixteen(grey_rgb()[:, :, 0])), grey_rgb, EXACT),
    _S(
        "PNG 16 bit alpha",
        "png",
        lambda: by_opencv(".png", sixteen(np.dstack([face_rgb()[:, :, ::-1], ramp()]))),
        face_rgb,
        EXACT,
        ramp,
    ),
    _S("PNG palette", "png", lambda: saved(paletted(picture()), "PNG"), _quantised, EXACT),
    _S("PNG palette with tRNS", "png", lambda: saved(paletted(with_hole()), "PNG"), holed_rgb, LOSSY, _hole_alpha),
    _S("PNG 1 bit", "png", lambda: saved(picture().convert("1"), "PNG"), _dithered, EXACT, named=False),
    _S("PNG interlaced", "png", interlaced_png, tolerance=EXACT),
    _S("PNG turned by eXIf", "png", lambda: saved(lying(), "PNG", exif=exif(6)), tolerance=EXACT),
    _S("APNG", "png", lambda: frames("PNG"), tolerance=EXACT),
    _S("WebP lossy", "webp", lambda: saved(picture(), "WebP", quality=90)),
    _S("WebP lossless", "webp", lambda: saved(picture(), "WebP", lossless=True), tolerance=EXACT),
    _S("WebP alpha", "webp", lambda: saved(with_alpha(), "WebP", quality=90), face_rgb, LOSSY, ramp),
    _S("WebP animated", "webp", lambda: frames("WebP", lossless=True), tolerance=EXACT),
    _S("WebP turned by EXIF", "webp", lambda: saved(lying(), "WebP", quality=90, exif=exif(6))),
    _S("GIF", "gif", lambda: saved(paletted(picture()), "GIF"), _quantised, EXACT),
    _S("GIF transparent", "gif", transparent_gif, holed_rgb, LOSSY, _hole_alpha),
    _S("GIF animated", "gif", lambda: frames("GIF"), face_rgb, LOSSY),
    _S("TIFF", "tiff", lambda: saved(picture(), "TIFF"), tolerance=EXACT),
    _S("TIFF LZW", "tiff", lambda: saved(picture(), "TIFF", compression="tiff_lzw"), tolerance=EXACT),
    _S("TIFF deflate", "tiff", lambda: saved(picture(), "TIFF", compression="tiff_adobe_deflate"), tolerance=EXACT),
    _S("TIFF PackBits", "tiff", lambda: saved(picture(), "TIFF", compression="packbits"), tolerance=EXACT),
    _S("TIFF JPEG", "tiff", lambda: saved(picture(), "TIFF", compression="jpeg", quality=92)),
    _S("TIFF 16 bit", "tiff", lambda: by_opencv(".tiff", sixteen(face_rgb()[:, :, ::-1])), tolerance=EXACT),
    _S("TIFF 16 bit grey", "tiff", lambda: by_opencv(".tiff", sixteen(grey_rgb()[:, :, 0])), grey_rgb, EXACT),
    _S("TIFF grey", "tiff", lambda: saved(picture().convert("L"), "TIFF"), grey_rgb, EXACT),
    _S("TIFF palette", "tiff", lambda: saved(paletted(picture()), "TIFF"), _quantised, EXACT),
    _S("TIFF CCITT, 1 bit", "tiff", lambda: saved(picture().convert("1"), "TIFF", compression="group4"),
       _dithered, EXACT, named=False),
    _S("TIFF CMYK", "tiff", lambda: saved(picture().convert("CMYK"), "TIFF"), ink_rgb, SLIGHT),
    _S("TIFF alpha", "tiff", lambda: saved(with_alpha(), "TIFF"), face_rgb, EXACT, ramp),
    _S("TIFF of two pages", "tiff", lambda: frames("TIFF"), tolerance=EXACT),
    _S("TIFF turned by its tag", "tiff", lambda: saved(lying(), "TIFF", tiffinfo={0x0112: 6}), tolerance=EXACT),
    _S("BigTIFF", "tiff", lambda: saved(picture(), "TIFF", big_tiff=True), tolerance=EXACT),
    _S("BMP", "bmp", lambda: saved(picture(), "BMP"), tolerance=EXACT),
    _S("BMP grey", "bmp", lambda: saved(picture().convert("L"), "BMP"), grey_rgb, EXACT),
    _S("BMP palette", "bmp", lambda: saved(paletted(picture()), "BMP"), _quantised, EXACT),
    _S("BMP run-length", "bmp", bmp_rle, grey_rgb, 4.0),
    _S("BMP 1 bit", "bmp", lambda: saved(picture().convert("1"), "BMP"), _dithered, EXACT, named=False),
    _S("AVIF", "avif", lambda: saved(picture(), "AVIF", quality=85)),
    _S("AVIF alpha", "avif", lambda: saved(with_alpha(), "AVIF", quality=85), face_rgb, LOSSY, ramp),
    _S("AVIF turned", "avif", lambda: saved(lying(), "AVIF", quality=85, exif=exif(6))),
    _S("AVIF sequence", "avif", lambda: frames("AVIF", quality=85)),
    _S("HEIC", "heic", lambda: heif(picture())),
    _S("HEIC alpha", "heic", lambda: heif(with_alpha()), face_rgb, LOSSY, ramp),
    _S("HEIC turned", "heic", lambda: heif(lying(), exif=exif(6))),
    _S("HEIC of two pictures", "heic", lambda: heif(picture(), Image.fromarray(other_rgb()))),
    _S("JPEG of an odd size", "jpeg", lambda: saved(odd(), "JPEG", quality=95), odd_rgb),
    _S("WebP of an odd size", "webp", lambda: saved(odd(), "WebP", quality=90), odd_rgb),
    _S("AVIF of an odd size", "avif", lambda: saved(odd(), "AVIF", quality=85), odd_rgb),
    _S("HEIC of an odd size", "heic", lambda: heif(odd()), odd_rgb),
    _S("HEIC of an odd size, turned", "heic", lambda: heif(odd(turned=True), exif=exif(6)), odd_rgb),
)  # fmt: skip


def _tiff(tag: int, kind: int, value: int) -> bytes:
    """A TIFF of 8×8 grey pixels with one more tag."""
    plain = {256: (3, 8), 257: (3, 8), 258: (3, 8), 259: (3, 1), 262: (3, 1), 273: (4, 200), 277: (3, 1)}
    found = plain | {278: (3, 8), 279: (4, 64)} | {tag: (kind, value)}
    body = b"".join(struct.pack("<HHII", number, k, 1, v) for number, (k, v) in sorted(found.items()))
    head = b"II*\0" + struct.pack("<IH", 8, len(found)) + body + bytes(4)
    return head.ljust(200, b"\0") + bytes(64)


REFUSED: tuple[tuple[str, str, bytes, str], ...] = (
    ("SVG", "unsupported-format", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
    ("ICO", "unsupported-format", saved(Image.new("RGB", (16, 16)), "ICO"), "ICO"),
    ("JPEG XL", "unsupported-format", b"\xff\x0a" + bytes(20), "JPEG XL"),
    ("JPEG XL in its container", "unsupported-format", b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20), "JPEG XL"),
    ("JPEG 2000", "unsupported-format", saved(Image.new("RGB", (16, 16)), "JPEG2000"), "JPEG 2000"),
    ("Photoshop", "unsupported-format", b"8BPS\0\1" + bytes(30), "Photoshop"),
    ("OpenEXR", "unsupported-format", b"v/1\1\2\0\0\0" + bytes(30), "OpenEXR"),
    ("Netpbm", "unsupported-format", b"P3\n2 2\n255\n" + b"1 2 3 " * 4, "Netpbm"),
    ("raw: CR2", "unsupported-format", b"II*\0\x10\0\0\0CR\2\0" + bytes(30), "raw camera picture (CR2)"),
    ("raw: CR3", "unsupported-format", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "raw camera picture (CR3)"),
    ("raw: DNG", "unsupported-format", _tiff(50706, 4, 0x401), "raw camera picture (DNG)"),
    ("raw: NEF", "unsupported-format", _tiff(259, 3, 34713), "raw camera picture (NEF)"),
    ("raw: RAF", "unsupported-format", b"FUJIFILMCCD-RAW 0201" + bytes(30), "raw camera picture (RAF)"),
    ("TIFF of floating point", "unsupported-format", saved(Image.new("F", (9, 9), 1.5), "TIFF"), "32-bit samples"),
    ("JPEG of 12 bit", "unsupported-format", saved(picture(), "JPEG").replace(
        b"\xff\xc0\0\x11\x08", b"\xff\xc1\0\x11\x0c"), "of a kind that is not read"),
    ("PDF", "not-a-picture", b"%PDF-1.7\n" + bytes(30), "a PDF document"),
    ("video: MP4", "not-a-picture", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a video"),
    ("video: Matroska", "not-a-picture", b"\x1aE\xdf\xa3" + bytes(30), "a video"),
    ("sound: MP3", "not-a-picture", b"ID3\4\0" + bytes(30), "a sound file"),
    ("zip", "not-a-picture", b"PK\3\4" + bytes(30), "a zip archive"),
    ("web page", "not-a-picture", b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
    ("text", "not-a-picture", b"BMW is a car, and this is a letter", "this is text"),
    ("noise", "not-a-picture", bytes(range(200, 256)), "not a known kind of picture"),
    ("nothing", "empty-picture", b"", "0 bytes"),
)  # fmt: skip
