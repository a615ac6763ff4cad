"""The one table of picture formats: accepted formats, their names, and the format of the predicted picture.

The gateway, the command line and the documentation all use this table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """One accepted format.

    Attributes:
        key: its name in code, as `jpeg`.
        predicted: the key of the predicted picture's format.
        variants: which variants are read, as a text for users.
        extra: the optional package that reads it, and the extra of manyeyes that installs this package.
    """

    key: str
    name: str
    media_type: str
    suffixes: tuple[str, ...]
    predicted: str
    variants: str
    extra: tuple[str, str] | None = None


FORMATS: tuple[Format, ...] = (
    Format(
        "jpeg",
        "JPEG",
        "image/jpeg",
        (".jpg", ".jpeg", ".jpe", ".jfif"),
        "jpeg",
        "baseline and progressive; colour, grey, CMYK and YCCK (Adobe's inverted ones too); 8 bit",
    ),
    Format(
        "png",
        "PNG",
        "image/png",
        (".png", ".apng"),
        "png",
        "1 to 16 bit; grey, colour, palette, with or without alpha; interlaced; APNG: the still picture",
    ),
    Format("webp", "WebP", "image/webp", (".webp",), "webp", "lossy, lossless, alpha; animated: first frame"),
    Format(
        "gif", "GIF", "image/gif", (".gif",), "png", "with or without transparency; animated: first frame"
    ),
    Format(
        "tiff",
        "TIFF",
        "image/tiff",
        (".tif", ".tiff"),
        "png",
        "1, 8 and 16 bit; grey, colour, palette, CMYK, alpha; raw, LZW, deflate, PackBits, JPEG, CCITT; "
        "several pages: the first",
    ),
    Format("bmp", "BMP", "image/bmp", (".bmp", ".dib"), "png", "1 to 32 bit; raw and run-length"),
    Format("avif", "AVIF", "image/avif", (".avif",), "jpeg", "8 to 12 bit, alpha; a sequence: first frame"),
    Format(
        "heic",
        "HEIC",
        "image/heic",
        (".heic", ".heif", ".hif"),
        "jpeg",
        "8 to 12 bit, alpha; several pictures: the primary one",
        ("pillow-heif", "manyeyes[heic]"),
    ),
)
MAX_WEBP_PIXELS = 20_000_000
"""Larger pictures are not written as WebP: 100 megapixels take libwebp 30 s of processor time, JPEG 0.3 s."""
BY_KEY = {one.key: one for one in FORMATS}
BY_MEDIA_TYPE = {one.media_type: one for one in FORMATS}
SUFFIXES = frozenset(suffix for one in FORMATS for suffix in one.suffixes)
ANOTHER_COPY = "find an undamaged copy, or save it anew with a picture editor"
"""What to do with a damaged picture; it may well be the original."""
ACCEPTED = f"{', '.join(one.name for one in FORMATS[:-1])} and {FORMATS[-1].name} are accepted"


def predicted_format(key: str, *, alpha: bool, pixels: int = 0) -> Format:
    """The format of the predicted picture of an original with the format `key`.

    It is the original's own format if browsers show it and it can hold the labels' colours. GIF, TIFF and BMP
    come back as PNG, without loss. AVIF and HEIC come back as JPEG, or as PNG if they have alpha: they come
    from cameras, take seconds to write, and few programs show HEIC. WebP beyond `MAX_WEBP_PIXELS` does the
    same.
    """
    found = BY_KEY[BY_KEY[key].predicted]
    if found.key == "webp" and pixels > MAX_WEBP_PIXELS:
        found = BY_KEY["jpeg"]
    return BY_KEY["png"] if alpha and found.key == "jpeg" else found


def as_markdown() -> str:
    """The table of docs/reference/pictures.md."""
    lines = ["| format | media type | file names | read | comes back as |", "|---|---|---|---|---|"]
    for one in FORMATS:
        name = one.name if one.extra is None else f"{one.name} (needs {one.extra[0]})"
        back = BY_KEY[one.predicted].name
        if back == "JPEG" and one.key != "jpeg":
            back += " (with alpha: PNG)"
        elif back == "WebP":
            back += f" (over {MAX_WEBP_PIXELS / 1e6:g} megapixels: JPEG, with alpha: PNG)"
        lines.append(f"| {name} | `{one.media_type}` | {' '.join(one.suffixes)} | {one.variants} | {back} |")
    return "\n".join(lines)
