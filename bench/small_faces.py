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
SIZES_PX = (12, 16, 18, 20, 22, 24, 28, 32, 40, 48, 64)
FULL = 0
"""Stands for the size that a face has in its picture."""
LEAST_FULL_PX = 64.0
"""A face of a crowd is a stranger here if it is so large: then its landmarks are known well."""
JPEG_QUALITY = 85
TURNS, REPEATS = 20, 5
"""How often other photos are the enrolled ones, and how often landmarks are moved anew."""


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
class People:
    """The enrolled people, one row a photo, and the threshold that the pack states."""

    names: NDArray[np.str_]
    there: Floats
    """As an enrolment embeds the photo at full size, (n, d)."""
    sent: Floats
    """As a picture of it is embedded at full size, (n, d)."""
    threshold: float
    usual_length: float

    def to_enrolled(self, sent: Floats) -> Floats:
        """Distances (m, n) as the recogniser holds them against the threshold."""
        lacks = np.maximum(0.0, self.usual_length - np.linalg.norm(sent, axis=1))
        distances: Floats = apart(sent, self.there) + lacks[:, None]
        return distances


HEADS = (
    "nearest is right",
    "named right",
    "named wrong",
    "strangers named",
    "two small, one person",
    "two small, two people",
    "small one enrolled",
)


def judged(people: People, small: Floats, small_there: Floats, crowd: Floats) -> list[float]:
    """The parts, 0 to 1, that `HEADS` names, of photos that are this small.

    Args:
        small, small_there: the photos of `people` as they are sent and as they are enrolled, (n, d).
        crowd: strangers, (m, d).
    """
    names, threshold = people.names, people.threshold
    distances, from_crowd = people.to_enrolled(small), people.to_enrolled(crowd)
    random, counts, strangers_sent = np.random.default_rng(5), np.zeros(4), 0
    tested = 0
    for _ in range(TURNS):
        known = np.array([random.choice(np.flatnonzero(names == name)) for name in np.unique(names)])
        others = np.setdiff1d(np.arange(len(names)), known)
        part = distances[np.ix_(others, known)]
        good = names[known][part.argmin(axis=1)] == names[others]
        near = part.min(axis=1) <= threshold
        own = names[known] == names[others][:, None]
        stranger = np.concatenate([np.where(own, np.inf, part), from_crowd[:, known]]).min(axis=1)
        counts += [good.sum(), (good & near).sum(), (~good & near).sum(), (stranger <= threshold).sum()]
        tested, strangers_sent = tested + len(others), strangers_sent + len(stranger)
    same = (names[:, None] == names) & ~np.eye(len(names), dtype=bool)
    different = names[:, None] != names
    pairs, as_enrolled = apart(small, small) <= threshold, apart(people.sent, small_there) <= threshold
    parts = counts / [tested, tested, tested, strangers_sent]
    return [*parts, pairs[same].mean(), pairs[different].mean(), as_enrolled[same].mean()]


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
    if not known:
        parser.error(f"{options.pictures} has no photos in characters/NAME/ or people/train/NAME/")
    whole = [(face.image_hwc_u8, face.landmarks_px) for face in known]
    names = np.array([face.person for face in known])
    length = recognizer.embedder.usual_length
    people = People(names, enrolled(recognizer, whole), embedded(recognizer, whole), threshold, length)
    print(
        f"{recognizer.pack}, {recognizer.embedder.precision}, threshold {threshold:g}: {len(names)} photos of "
        f"{len(np.unique(names))} people, {len(crowd)} strangers; landmarks moved by {options.jitter:g} px\n"
    )
    print("| " + " | ".join(("box side px", "eyes px", *HEADS)) + " |\n" + "|---" * (2 + len(HEADS)) + "|")
    for size_px in (*SIZES_PX, FULL):
        rows, eyes = [], []
        for seed in range(REPEATS if size_px != FULL else 1):
            random = np.random.default_rng(seed)
            cuts = [shrunk(face, size_px, options.jitter, random) for face in known]
            from_crowd = embedded(
                recognizer, [shrunk(face, size_px, options.jitter, random) for face in crowd]
            )
            rows.append(judged(people, embedded(recognizer, cuts), enrolled(recognizer, cuts), from_crowd))
            eyes += [float(np.linalg.norm(points[1] - points[0])) for _, points in cuts]
        figures = " | ".join(f"{value:.3f}" for value in np.mean(rows, axis=0))
        print(f"| {size_px or 'as it is'} | {np.median(eyes):.0f} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
