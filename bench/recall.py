"""How many faces the pack's detector finds, how many it finds where there are none, and what it takes: `make recall`.

    python bench/recall.py [--pictures FOLDER] [--pack FOLDER]

The reference is the same network in floating point, run once on the whole picture at 1280 px: slow, and the most that it
finds. Its boxes on the untouched picture also count for the changed ones: a face is found if a box's middle is within
half a side of the reference's. FOLDER may hold `crowds`, `groups` and `people`; what it lacks is skipped and said. The
rows about pictures without people need no folder.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from time import thread_time
from typing import Any

import cv2
import numpy as np

from conditions import GREY, drawings, jpeg, without_people
from machine import machine
from manyeyes.packs.store import ensure_default
from manyeyes.recognition.detection import centerface, closer_look
from manyeyes.recognition.detection.detections import Detections
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.recognizer import Recognizer, load

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
FOLDERS = ("crowds", "groups", "people")
ROUNDS = 3
IDENTITY = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
Pixels = Any
Matrix = Any
Change = Callable[[Pixels], tuple[Pixels, Matrix]]
"""A changed picture, and the affine matrix (2, 3) that takes its pixels there."""


@dataclass
class Row:
    """Counts of one row of the table."""

    reference: int = 0
    found: int = 0
    beside: int = 0
    ms: list[float] = field(default_factory=list)
    reference_ms: list[float] = field(default_factory=list)

    def add(self, other: Row) -> None:
        self.reference += other.reference
        self.found += other.found
        self.beside += other.beside
        self.ms += other.ms
        self.reference_ms += other.reference_ms

    def cells(self) -> list[str]:
        share = f"{self.found / self.reference:.3f}" if self.reference else "-"
        took = statistics.median(self.ms)
        times = [one / whole for one, whole in zip(self.ms, self.reference_ms, strict=False)]
        slower = f"{statistics.median(times):.2f}" if times else "-"
        return [str(self.reference), str(self.found), share, str(self.beside), f"{took:.0f}", slower]


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(title: str, first: str) -> None:
    columns = (first, "reference", "found", "share", "beside", "ms", "of the reference's ms")
    print(f"\n### {title}\n")
    row(*columns)
    row(*("---" for _ in columns))


def timed(work: Callable[[], Detections]) -> tuple[Detections, float]:
    """The faces and the least processor time of some rounds, in ms."""
    took = []
    for _ in range(ROUNDS):
        start = thread_time()
        found = work()
        took.append((thread_time() - start) * 1000)
    return found, min(took)


def whole(detector: centerface.CenterFace, image: Pixels) -> Detections:
    """The reference: one search at 1280 px."""
    found = detector.search_once(image, closer_look.FULL_PX)
    return found.pick(found.scores >= closer_look.SCORE)


def matched(reference: Detections, found: Detections, matrix: Matrix) -> int:
    """How many of the reference's faces, moved by the matrix, are among those found; each counts once."""
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:, :2]))))
    boxes = reference.boxes_xyxy_px
    wanted = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    reach = closer_look.longer(boxes) * scale / 2
    seen = (found.boxes_xyxy_px[:, :2] + found.boxes_xyxy_px[:, 2:]) / 2
    left, count = list(range(len(seen))), 0
    for middle, limit in zip(wanted, reach, strict=True):
        nearest = min(left, key=lambda place: float(np.linalg.norm(seen[place] - middle)), default=None)
        if nearest is not None and np.linalg.norm(seen[nearest] - middle) <= limit:
            left.remove(nearest)
            count += 1
    return count


def turned(degrees: float) -> Change:
    def change(image: Pixels) -> tuple[Pixels, Matrix]:
        height, width = image.shape[:2]
        side = int(np.ceil(np.hypot(height, width)))
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        matrix[:, 2] += ((side - width) / 2, (side - height) / 2)
        return cv2.warpAffine(image, matrix, (side, side), borderValue=GREY), matrix

    return change


def lit(factor: float) -> Change:
    return lambda image: (np.clip(image * factor, 0, 255).astype(np.uint8), IDENTITY)


def blurred(image: Pixels) -> tuple[Pixels, Matrix]:
    return cv2.GaussianBlur(image, (0, 0), max(image.shape[:2]) / 640), IDENTITY


def compressed(image: Pixels) -> tuple[Pixels, Matrix]:
    return cv2.imdecode(np.frombuffer(jpeg(image, 10), np.uint8), cv2.IMREAD_COLOR), IDENTITY


def halved(image: Pixels) -> tuple[Pixels, Matrix]:
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), IDENTITY / 2


def cut(image: Pixels) -> tuple[Pixels, Matrix]:
    """Without the left and upper quarter."""
    left, top = image.shape[1] // 4, image.shape[0] // 4
    matrix = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]])
    return np.ascontiguousarray(image[top:, left:]), matrix


CHANGES: dict[str, Change] = {
    "turned by 20°": turned(20.0),
    "turned by -20°": turned(-20.0),
    "on its head": turned(180.0),
    "dark: a quarter of the light": lit(0.25),
    "over-exposed by half": lit(1.5),
    "blurred, σ 2 px at 1280": blurred,
    "JPEG quality 10": compressed,
    "half the size": halved,
    "cut: without the left and upper quarter": cut,
}


def inside(reference: Detections, shape: tuple[int, ...], matrix: Matrix) -> Detections:
    """The reference's faces whose middles are in the changed picture."""
    boxes = reference.boxes_xyxy_px
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    return reference.pick(((middles >= 0) & (middles < (shape[1], shape[0]))).all(axis=1))


def images(folder: Path) -> dict[str, Pixels]:
    paths = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES]
    paths.sort(key=lambda path: (path.parent, len(path.stem), path.stem))
    return {str(path.relative_to(folder)): decode(path.read_bytes()).image_hwc_u8 for path in paths}


def without_faces(recognizer: Recognizer, title: str, pictures: Iterable[tuple[str, bytes]]) -> None:
    found = [recognizer.detector.detect(decode(data).image_hwc_u8) for _, data in pictures]
    row(title, len(found), sum(bool(len(one)) for one in found), sum(len(one) for one in found))


def tables(recognizer: Recognizer, pack: Path, folder: Path | None) -> None:
    """Print the tables; only for a pack with CenterFace."""
    print("\n### Faces found where there are none\n")
    row("pictures without people", "pictures", "with a find", "finds")
    row("---", "---", "---", "---")
    without_faces(recognizer, "things, animals, textures", without_people())
    without_faces(recognizer, "drawn faces", drawings())
    if not centerface.CenterFace.offered(pack):
        print("\nskipped: recall (the pack's detector is not CenterFace)")
        return
    reference, changed = centerface.CenterFace(pack, "fp32"), {name: Row() for name in CHANGES}
    for name in FOLDERS:
        if folder is None or not (folder / name).is_dir():
            print(f"\nskipped: {name} (no folder '{name}'; give --pictures)")
            continue
        head(f"{name}: found, of what the whole picture at 1280 px shows", "picture")
        total = Row()
        for title, image in images(folder / name).items():
            known, whole_ms = timed(lambda image=image: whole(reference, image))
            found, ms = timed(lambda image=image: recognizer.detector.detect(image))
            hits = matched(known, found, IDENTITY)
            one = Row(len(known), hits, len(found) - hits, [ms], [whole_ms])
            row(title, *one.cells())
            total.add(one)
            for change, apply in CHANGES.items():
                picture, matrix = apply(image)
                start = thread_time()
                found = recognizer.detector.detect(picture)
                ms, there = (thread_time() - start) * 1000, inside(known, picture.shape, matrix)
                hits = matched(there, found, matrix)
                changed[change].add(Row(len(there), hits, len(found) - hits, [ms]))
        row("all", *total.cells())
    if any(one.ms for one in changed.values()):
        head("The same pictures, changed", "change")
        for change, one in changed.items():
            row(change, *one.cells())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path, help="a folder as described above")
    parser.add_argument("--pack", type=Path, help="a built pack; by default the one under .cache/packs")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    built = given.pack or ensure_default(ROOT / ".cache")
    recognizer = load(built)
    recognizer.warm_up()
    print(f"{recognizer.pack}, {machine('opencv-python-headless', 'onnxruntime')}")
    tables(recognizer, built, given.pictures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
