"""Do two states of the recogniser find the same faces and say the same names?

    python bench/same_faces.py record PICTURES OUT.json [--precision fp32]
    python bench/same_faces.py compare BEFORE.json AFTER.json

`record` writes what is found in every picture under a folder and in `skimage.data.astronaut()`, against a
gallery of the folders `characters/NAME` and `people/train/NAME` where they exist (the first photo of each).
`compare` pairs faces by overlap above 0.7 and lists every face that only one side has and every other name.
Record once on the old state, once on the new one. It ends with status 1 where they differ.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage import data

from manyeyes.errors import ManyeyesError
from manyeyes.packs.store import ensure_default
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.recognizer import Recognizer, load

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
OVERLAP = 0.7


def pictures(folder: Path) -> dict[str, bytes]:
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() in SUFFIXES
    }
    _, astronaut = cv2.imencode(".png", data.astronaut()[:, :, ::-1])
    return found | {"skimage astronaut": astronaut.tobytes()}


def gallery(recognizer: Recognizer, folder: Path) -> Gallery:
    names, embeddings = [], []
    for person in sorted([*folder.glob("characters/*/"), *folder.glob("people/train/*/")]):
        photo = min(path for path in person.iterdir() if path.suffix.lower() in SUFFIXES)
        try:
            embeddings.append(recognizer.enrol(photo.read_bytes()).embedding)
        except ManyeyesError as error:
            print(f"{photo} is not enrolled: {error.detail}", file=sys.stderr)
            continue
        names.append(person.name)
    return Gallery(tuple(names), np.stack(embeddings)) if names else Gallery.empty()


def record(recognizer: Recognizer, folder: Path) -> dict[str, Any]:
    known = gallery(recognizer, folder)
    return {
        name: [
            {"box": face.box_xyxy_px, "name": face.name, "score": face.score, "distance": face.distance}
            for face in recognizer.recognize(content, known, draw=False)[0].faces
        ]
        for name, content in pictures(folder).items()
    }


def overlap(a: list[int], b: list[int]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / (sum(areas) - shared)


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """One line for each difference."""
    differences = [f"{name}: only in one of them" for name in before.keys() ^ after.keys()]
    for name in before.keys() & after.keys():
        left = list(after[name])
        for face in before[name]:
            best = max(left, key=lambda other: overlap(face["box"], other["box"]), default=None)
            if best is None or overlap(face["box"], best["box"]) <= OVERLAP:
                differences.append(f"{name}: lost {face['box']} {face['name']} (score {face['score']:.3f})")
                continue
            left.remove(best)
            if best["name"] != face["name"]:
                differences.append(
                    f"{name}: {face['name']} ({face['distance']:.3f}) became {best['name']} ({best['distance']:.3f})"
                )
        differences += [f"{name}: new {face['box']} {face['name']} ({face['score']:.3f})" for face in left]
    return sorted(differences)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    steps = parser.add_subparsers(dest="step", required=True)
    recording = steps.add_parser("record")
    recording.add_argument("pictures", type=Path)
    recording.add_argument("out", type=Path)
    recording.add_argument("--pack", type=Path)
    recording.add_argument("--precision", choices=["auto", "int8", "fp32"], default="auto")
    comparing = steps.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    given = parser.parse_args()
    if given.step == "record":
        recognizer = load(given.pack or ensure_default(ROOT / ".cache"), given.precision)
        given.out.write_text(json.dumps(record(recognizer, given.pictures), indent=1))
        return
    before, after = (json.loads(path.read_text()) for path in (given.before, given.after))
    differences = compare(before, after)
    for line in differences:
        print(line)
    faces = sum(len(found) for found in before.values())
    print(f"{len(before)} pictures, {faces} faces before, {len(differences)} differences")
    sys.exit(bool(differences))


if __name__ == "__main__":
    main()
