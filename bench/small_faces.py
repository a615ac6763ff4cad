"""From which size on a face can be told apart: the table of `make bench-small-faces PICTURES=FOLDER`.

    python bench/small_faces.py PICTURES [--pack FOLDER] [--jitter PX]

PICTURES holds `characters/NAME/*` and, or, `people/train/NAME/*`, one person a folder, and, or, `crowds/*`, whose
faces are strangers. No picture comes with manyeyes.

Each face is found at full size. Then its picture is shrunk until the shorter side of the face's box has so many pixels,
and encoded as a JPEG; box and landmarks are shrunk with it. So the table does not depend on what the detector
finds in small pictures. `--jitter` moves each landmark by so many pixels of the small picture (standard deviation), as a
detector errs.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from manyeyes.errors import ManyeyesError
from manyeyes.packs import manifest
from manyeyes.packs.store import ensure_default
from manyeyes.recognition.arrays import Bytes, Floats
from manyeyes.recognition.embedding.align import cut_chip
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.recognizer import Recognizer, load

ROOT = Path(__file__).resolve().parent.parent
SIZES_PX = (12, 16, 20, 24, 28, 32, 40, 48, 64)
FULL = 0
"""Stands for the size that a face has in its picture."""
LEAST_FULL_PX = 64.0
"""A face of a crowd is a stranger here if it is so large: then its landmarks are known well."""
JPEG_QUALITY = 85


@dataclass(frozen=True)
class Found:
    """One face as it was found at full size: the part of its picture around it, box side and landmarks (5, 2) there."""

    person: str
    image_hwc_u8: Bytes
    side_px: float
    landmarks_px: Floats


def around(image: Bytes, box: Floats, landmarks_px: Floats, person: str) -> Found:
    """The part of a picture that a chip of this face can need, twice the box to each side."""
    side = float(min(box[2:] - box[:2]))
    height, width = image.shape[:2]
    reach = 2.0 * float(max(box[2:] - box[:2]))
    centre = (box[:2] + box[2:]) / 2
    x1, y1 = (max(0, int(v)) for v in centre - reach)
    x2, y2 = (int(min(v, limit)) for v, limit in zip(centre + reach, (width, height), strict=True))
    return Found(person, image[y1:y2, x1:x2].copy(), side, landmarks_px - np.array([x1, y1], np.float32))


def one_face_each(recognizer: Recognizer, pictures: Path) -> Iterator[Found]:
    """The largest face of each photo of a person."""
    groups = [pictures / "characters", pictures / "people" / "train"]
    for folder in sorted(d for group in groups if group.is_dir() for d in group.iterdir() if d.is_dir()):
        for path in sorted(folder.iterdir()):
            try:
                image = decode(path.read_bytes()).image_hwc_u8
            except ManyeyesError as error:
                print(f"{path.name} is left out: {error.detail}")
                continue
            seen = recognizer.detector.detect(image)
            if not len(seen):
                print(f"{path.name} is left out: no face found")
                continue
            sides = (seen.boxes_xyxy_px[:, 2:] - seen.boxes_xyxy_px[:, :2]).min(axis=1)
            place = int(np.argmax(sides))
            yield around(image, seen.boxes_xyxy_px[place], seen.landmarks_px[place], folder.name)


def strangers(recognizer: Recognizer, pictures: Path) -> Iterator[Found]:
    """The large faces of crowds."""
    folder = pictures / "crowds"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        image = decode(path.read_bytes()).image_hwc_u8
        seen = recognizer.detector.detect(image)
        for box, points in zip(seen.boxes_xyxy_px, seen.landmarks_px, strict=True):
            if min(box[2:] - box[:2]) >= LEAST_FULL_PX:
                yield around(image, box, points, "")


def shrunk(face: Found, size_px: int, jitter_px: float, random: np.random.Generator) -> tuple[Bytes, Floats]:
    """Picture and landmarks with the box's shorter side of so many pixels; nothing is enlarged."""
    if size_px == FULL or size_px >= face.side_px:
        return face.image_hwc_u8, face.landmarks_px
    factor = size_px / face.side_px
    height, width = face.image_hwc_u8.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(face.image_hwc_u8, size, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    scale = np.array([size[0] / width, size[1] / height])
    points = (face.landmarks_px + 0.5) * scale - 0.5 + random.normal(0.0, jitter_px, (5, 2))
    return cv2.imdecode(encoded, cv2.IMREAD_COLOR_BGR), points.astype(np.float32)


def embedded(recognizer: Recognizer, cuts: Sequence[tuple[Bytes, Floats]]) -> Floats:
    chips = [cut_chip(image, points, recognizer.embedder.layout) for image, points in cuts]
    return recognizer.embedder.embed(np.stack(chips))


def enrolled(recognizer: Recognizer, cuts: Sequence[tuple[Bytes, Floats]]) -> Floats:
    """As an enrolment embeds: the average of the face and its mirror image."""
    rows = []
    for image, points in cuts:
        chip = cut_chip(image, points, recognizer.embedder.layout)
        both = recognizer.embedder.embed(np.stack([chip, np.ascontiguousarray(chip[:, ::-1])]))
        rows.append(recognizer.average(both))
    return np.stack(rows)


def apart(one: Floats, other: Floats) -> Floats:
    """Distances (n, m) of embeddings (n, d) and (m, d)."""
    distances: Floats = np.linalg.norm(one[:, None] - other[None], axis=2)
    return distances


@dataclass(frozen=True)
class Row:
    """Of one size: parts of what was sent, 0 to 1."""

    nearest_right: float
    right: float
    wrong: float
    strangers: float
    false_matches: float
    small_pairs_same: float
    small_pairs_false: float
    enrolled_right: float
    enrolled_false: float


def judge(
    names: NDArray[np.str_],
    sent: Floats,
    there: Floats,
    from_crowds: Floats,
    small_there: Floats,
    full: Floats,
    threshold: float,
    lack: float,
) -> Row:
    """Each photo of a person in turn is the only one enrolled; all others are sent."""
    missing = np.maximum(0.0, lack - np.linalg.norm(sent, axis=1))[:, None]
    distances = apart(sent, there) + missing
    crowd_missing = np.maximum(0.0, lack - np.linalg.norm(from_crowds, axis=1))[:, None]
    crowd = apart(from_crowds, there) + crowd_missing
    people = sorted(set(names.tolist()))
    nearest = right = wrong = named = tested = crowd_named = crowd_tested = 0
    random = np.random.default_rng(5)
    for _ in range(20):
        known = np.array([int(random.choice(np.flatnonzero(names == person))) for person in people])
        others = np.setdiff1d(np.arange(len(names)), known)
        part = distances[np.ix_(others, known)]
        best = part.argmin(axis=1)
        good, near = names[known][best] == names[others], part.min(axis=1) <= threshold
        nearest += int(good.sum())
        right += int((good & near).sum())
        wrong += int((~good & near).sum())
        part = np.where(names[known][None] == names[others][:, None], np.inf, part)
        named += int((part.min(axis=1) <= threshold).sum())
        tested += len(others)
        crowd_named += int((crowd[:, known].min(axis=1) <= threshold).sum())
        crowd_tested += len(crowd)
    same = (names[:, None] == names) & ~np.eye(len(names), dtype=bool)
    different = names[:, None] != names
    both_small = apart(sent, sent)
    as_enrolled = apart(full, small_there)
    return Row(
        nearest / tested,
        right / tested,
        wrong / tested,
        (named + crowd_named) / (tested + crowd_tested),
        float((np.concatenate([distances[different], crowd.ravel()]) <= threshold).mean()),
        float((both_small[same] <= threshold).mean()),
        float((both_small[different] <= threshold).mean()),
        float((as_enrolled[same] <= threshold).mean()),
        float((as_enrolled[different] <= threshold).mean()),
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--pack", type=Path, help="a built pack; by default the one under .cache/packs")
    parser.add_argument("--jitter", type=float, default=0.5, help="px of the small picture")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    folder = options.pack or ensure_default(ROOT / ".cache")
    recognizer, threshold = load(folder), manifest.read(folder).matching.threshold
    known = list(one_face_each(recognizer, options.pictures))
    crowd = list(strangers(recognizer, options.pictures))
    names = np.array([face.person for face in known])
    print(
        f"{recognizer.pack}, threshold {threshold:g}: {len(known)} photos of {len(set(names.tolist()))} people, "
        f"{len(crowd)} strangers; landmarks moved by {options.jitter:g} px\n"
    )
    there = enrolled(recognizer, [(face.image_hwc_u8, face.landmarks_px) for face in known])
    full = embedded(recognizer, [(face.image_hwc_u8, face.landmarks_px) for face in known])
    heads = (
        "box side px",
        "between eyes px",
        "nearest right",
        "named right",
        "named wrong",
        "strangers named",
    )
    heads += (
        "false matches",
        "small pairs: same",
        "small pairs: false",
        "enrolled small: right",
        "enrolled small: false",
    )
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for size_px in (*SIZES_PX, FULL):
        random = np.random.default_rng(3)
        cuts = [shrunk(face, size_px, options.jitter, random) for face in known]
        from_crowds = [shrunk(face, size_px, options.jitter, random) for face in crowd]
        eyes = np.median([np.linalg.norm(points[1] - points[0]) for _, points in cuts])
        row = judge(
            names,
            embedded(recognizer, cuts),
            there,
            embedded(recognizer, from_crowds),
            enrolled(recognizer, cuts),
            full,
            threshold,
            recognizer.embedder.usual_length,
        )
        figures = [
            f"{value:.4f}" if value < 0.01 and value else f"{value:.3f}" for value in vars(row).values()
        ]
        print(f"| {size_px or 'as it is'} | {eyes:.1f} | " + " | ".join(figures) + " |", flush=True)


if __name__ == "__main__":
    main()
