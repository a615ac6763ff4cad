"""Peak memory of recognising one picture, by size and format, each in a fresh process.

    .venv/bin/python bench/memory.py [--sizes 12 25 50 100] [--formats jpeg png webp] [--all]

Prints Markdown: MB of resident memory above the loaded recogniser's, with and without drawing, and the time.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image
from skimage import data

from machine import machine
from manyeyes.packs.store import ensure_default

REPO = Path(__file__).resolve().parents[1]
LIMIT_MB = 1500
ASPECT = 4 / 3


def pixels_bgr(megapixels: float, channels: int = 3) -> Any:
    """A face, enlarged with some grain; a fourth channel is half-transparent."""
    width = round((megapixels * 1e6 * ASPECT) ** 0.5) // 8 * 8
    height = int(megapixels * 1e6 / width)
    face = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    grain = np.random.default_rng(1).integers(-8, 9, (1024, 1024, 3))
    grained = np.clip(cv2.resize(face, (1024, 1024)).astype(np.int16) + grain, 0, 255).astype(np.uint8)
    large = cv2.resize(grained, (width, height), interpolation=cv2.INTER_CUBIC)
    if channels == 4:
        large = cv2.cvtColor(large, cv2.COLOR_BGR2BGRA)
        large[:, :, 3] = 128
    return large


def _by_opencv(
    suffix: str, *options: int, channels: int = 3, deep: bool = False
) -> Callable[[float, Path], None]:
    def make(megapixels: float, path: Path) -> None:
        pixels = pixels_bgr(megapixels, channels)
        if deep:
            pixels = pixels.astype(np.uint16) << 8
        path.write_bytes(cv2.imencode(suffix, pixels, list(options))[1])

    return make


def _by_pillow(kind: str, mode: str = "RGB", **options: Any) -> Callable[[float, Path], None]:
    def make(megapixels: float, path: Path) -> None:
        if kind == "HEIF":
            from pillow_heif import register_heif_opener

            register_heif_opener()
        image = Image.fromarray(np.ascontiguousarray(pixels_bgr(megapixels)[:, :, ::-1])).convert(mode)
        image.save(path, kind, **options)

    return make


MAKERS: dict[str, Callable[[float, Path], None]] = {
    "jpeg": _by_opencv(".jpg", cv2.IMWRITE_JPEG_QUALITY, 90),
    "png": _by_opencv(".png", cv2.IMWRITE_PNG_COMPRESSION, 1),
    "webp": _by_pillow("WebP", quality=80, method=0),
    "jpeg progressive": _by_pillow("JPEG", quality=90, progressive=True),
    "jpeg CMYK": _by_pillow("JPEG", "CMYK", quality=90),
    "png alpha": _by_opencv(".png", cv2.IMWRITE_PNG_COMPRESSION, 1, channels=4),
    "png 16 bit alpha": _by_opencv(".png", cv2.IMWRITE_PNG_COMPRESSION, 1, channels=4, deep=True),
    "webp lossless alpha": _by_pillow("WebP", "RGBA", lossless=True, quality=0, method=0),
    "gif": _by_pillow("GIF", "L"),
    "tiff": _by_pillow("TIFF", compression="tiff_lzw"),
    "bmp": _by_pillow("BMP"),
    "avif": _by_pillow("AVIF", speed=10, quality=60),
    "heic": _by_pillow("HEIF", quality=50, enc_params={"preset": "ultrafast"}),
}
USUAL = ("jpeg", "png", "webp")


def one(pack: Path, picture: Path, draw: bool) -> None:
    """In the fresh process: recognise, print the peak above the loaded recogniser."""
    from manyeyes.node.worker.memory_limit import bound_memory
    from manyeyes.recognition.matching.gallery import Gallery
    from manyeyes.recognition.recognizer import load

    recognizer = load(pack)
    recognizer.warm_up()
    loaded_mb = _status_mb("VmRSS")
    bound_memory()
    content = picture.read_bytes()
    Path("/proc/self/clear_refs").write_text("5")  # the high-water mark starts anew
    began_s = time.perf_counter()
    try:
        result, _ = recognizer.recognize(content, Gallery.empty(), draw=draw)
        faces: int | str = len(result.faces)
    except Exception as error:
        faces = type(error).__name__
    seconds = time.perf_counter() - began_s
    print(
        json.dumps({"mb": _status_mb("VmHWM") - loaded_mb, "s": seconds, "faces": faces, "loaded": loaded_mb})
    )


def _status_mb(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit(f"/proc/self/status has no {field}; this bench needs Linux")


def measured(pack: Path, picture: Path, *, draw: bool) -> dict[str, Any]:
    command = [sys.executable, __file__, "--one", str(picture), "--pack", str(pack)]
    done = subprocess.run([*command, *(["--draw"] if draw else [])], capture_output=True, text=True)
    if done.returncode:
        return {"mb": float("nan"), "s": float("nan"), "faces": f"status {done.returncode}", "loaded": 0.0}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=float, nargs="+", default=[12, 25, 50, 100], help="megapixels")
    parser.add_argument("--formats", nargs="+", choices=list(MAKERS), default=list(USUAL))
    parser.add_argument("--all", action="store_true", help="every format; the rare ones take minutes to make")
    parser.add_argument("--pack", type=Path, help="the default pack when not given")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--draw", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        one(asked.pack, asked.one, asked.draw)
        return 0
    pack = asked.pack or ensure_default(REPO / ".cache")
    print(f"{machine('opencv-python-headless', 'pillow', 'simplejpeg')}; limit {LIMIT_MB} MB\n")
    print("| picture | megapixels | file, MB | drawn: peak MB | s | not drawn: peak MB | s | faces |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="manyeyes-memory-") as folder:
        for name in MAKERS if asked.all else asked.formats:
            for size in asked.sizes:
                picture = Path(folder) / "picture"
                MAKERS[name](size, picture)
                drawn, plain = (measured(pack, picture, draw=draw) for draw in (True, False))
                worst = max(worst, drawn["mb"], plain["mb"])
                print(
                    f"| {name} | {size:g} | {picture.stat().st_size / 1e6:.1f} | {drawn['mb']:.0f} | {drawn['s']:.2f} "
                    f"| {plain['mb']:.0f} | {plain['s']:.2f} | {drawn['faces']}, {plain['faces']} |",
                    flush=True,
                )
    print(f"\nlargest {worst:.0f} MB: {'within' if worst <= LIMIT_MB else 'BEYOND'} the limit of {LIMIT_MB}")
    return 0 if worst <= LIMIT_MB else 1


if __name__ == "__main__":
    sys.exit(main())
