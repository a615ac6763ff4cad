"""How often the right face gets the right name, and what makes it worse: the tables of `make accuracy`.

    python bench/accuracy.py [--pictures FOLDER] [--pack FOLDER] [--out FOLDER]

FOLDER may hold `characters/NAME/*` (several photos of one face each), `people/train/NAME/*` with
`people/test/*`, and `groups/*`. What it lacks is skipped and said. No picture comes with manyeyes; the
degradation tables fall back to portraits that the demo downloads.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

import recall
from conditions import Condition, conditions, drawings, without_people
from machine import machine
from manyeyes.errors import ManyeyesError
from manyeyes.packs import manifest
from manyeyes.packs.store import ensure_default
from manyeyes.recognition.embedding.align import cut_chips
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.recognizer import Recognizer, load
from manyeyes.results import Result

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "demo"))

from portraits import NoPortraits, portraits  # noqa: E402

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
EXPECTED = {
    "alex_lacamoire1.jpg": {"alex_lacamoire"},
    "johnsnow_test1.jpg": {"kit_harington"},
    "kit_with_rose.jpg": {"kit_harington", "rose_leslie"},
    "obama1.jpg": {"obama"},
    "obama_and_biden.jpg": {"obama", "biden"},
}
"""Who `people/test` shows, among those in `people/train`."""


@dataclass(frozen=True)
class Photo:
    """A photo of one person's face alone."""

    person: str
    name: str
    data: bytes


def row(*cells: object) -> None:
    print("| " + " | ".join(str(cell) for cell in cells) + " |")


def head(title: str, *columns: str) -> None:
    print(f"\n### {title}\n")
    row(*columns)
    row(*("---" for _ in columns))


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def photos_below(folder: Path) -> Iterator[Photo]:
    for person in sorted(path for path in folder.iterdir() if path.is_dir()):
        for path in files(person):
            yield Photo(person.name, path.name, path.read_bytes())


@dataclass(frozen=True)
class Pack:
    """The pack under test and the threshold that it states."""

    recognizer: Recognizer
    threshold: float


def enrolled(pack: Pack, photos: Iterable[Photo]) -> Gallery:
    names, embeddings = [], []
    for photo in photos:
        try:
            embeddings.append(pack.recognizer.enrol(photo.data).embedding)
        except ManyeyesError as error:
            print(f"{photo.name} is not enrolled: {error.detail}", file=sys.stderr)
            continue
        names.append(photo.person)
    return Gallery(tuple(names), np.stack(embeddings), pack.threshold)


def without(gallery: Gallery, person: str) -> Gallery:
    """The gallery as if this person had never been enrolled."""
    keep = [place for place, name in enumerate(gallery.names) if name != person]
    return Gallery(tuple(gallery.names[place] for place in keep), gallery.embeddings[keep], gallery.threshold)


def turns(photos: Sequence[Photo]) -> list[tuple[list[Photo], list[Photo]]]:
    """Each photo of a person takes its turn to be enrolled; the others are tested."""
    by_person: dict[str, list[Photo]] = {}
    for photo in photos:
        by_person.setdefault(photo.person, []).append(photo)
    count = min(len(own) for own in by_person.values())
    return [
        (
            [own[turn] for own in by_person.values()],
            [photo for own in by_person.values() for place, photo in enumerate(own) if place != turn],
        )
        for turn in range(count)
    ]


def pairs(pack: Pack, photos: Sequence[Photo]) -> None:
    """Same or different, for every pair of photos."""
    found, who = [], []
    for photo in photos:
        image = decode(photo.data).image_hwc_u8
        detections = pack.recognizer.detector.detect(image)
        if len(detections) == 1:
            chips = cut_chips(image, detections.landmarks_px, pack.recognizer.embedder.layout)
            found.append(pack.recognizer.embedder.embed(chips)[0])
            who.append(photo.person)
    embeddings, people = np.stack(found), np.array(who)
    first, second = np.triu_indices(len(people), 1)
    distances = np.linalg.norm(embeddings[first] - embeddings[second], axis=1)
    same = people[first] == people[second]
    right, best = max((float(np.mean((distances <= t) == same)), -t) for t in np.arange(0.4, 0.8, 0.002))
    head("Pairs of photos: one person or two", "pairs", "right at best", "at 0.60", f"at {pack.threshold:g}")
    at_060, at_default = (float(np.mean((distances <= t) == same)) for t in (0.6, pack.threshold))
    row(len(same), f"{right:.4f} (threshold {-best:.2f})", f"{at_060:.4f}", f"{at_default:.4f}")
    print(
        f"\n{int(same.sum())} genuine, largest distance {distances[same].max():.3f}; "
        f"{int((~same).sum())} of different persons, smallest {distances[~same].min():.3f}."
    )


def identification(pack: Pack, photos: Sequence[Photo]) -> None:
    """One photo a person enrolled, the others tested."""
    head(
        "One photo enrolled, the others sent",
        "photo enrolled",
        "tested",
        "nearest is right",
        "named right",
        "unknown",
        "named wrong",
        "strangers named",
    )
    totals = np.zeros(6, int)
    for turn, (known, tested) in enumerate(turns(photos), start=1):
        gallery = enrolled(pack, known)
        nearest_gallery = Gallery(gallery.names, gallery.embeddings, threshold=9.0)
        counts = np.zeros(6, int)
        for photo in tested:
            nearest = _names(pack, photo.data, nearest_gallery)
            counts += [1, nearest == [photo.person], *_verdict(pack, photo.data, photo.person, gallery)]
        row(turn, *counts)
        totals += counts
    row("all", *totals)


def _names(pack: Pack, data: bytes, gallery: Gallery) -> list[str | None]:
    result, _ = pack.recognizer.recognize(data, gallery, draw=False)
    return [face.name for face in result.faces]


def _verdict(pack: Pack, data: bytes, person: str, gallery: Gallery) -> tuple[int, ...]:
    """(right, unknown, wrong, stranger named): the last with the person taken out of the gallery."""
    names = _names(pack, data, gallery)
    wrong = any(name not in (None, person) for name in names)
    right = not wrong and person in names
    unknown = not wrong and not right and bool(names)
    stranger = any(name is not None for name in _names(pack, data, without(gallery, person)))
    return int(right), int(unknown), int(wrong), int(stranger)


def degradation(pack: Pack, photos: Sequence[Photo]) -> None:
    """How each condition changes the answer."""
    head(
        "What makes it worse (first photo of each person enrolled as it is, the others sent changed)",
        "condition",
        "sent",
        "face found",
        "named right",
        "unknown",
        "named wrong",
        "strangers named",
    )
    known, tested = turns(photos)[0]
    gallery = enrolled(pack, known)
    boxed = [(photo, *_boxed(pack, photo)) for photo in tested]
    wrong = strangers = sent = 0
    for condition in conditions():
        counts = _under(pack, condition, boxed, gallery)
        row(condition.name, *counts)
        sent, wrong, strangers = sent + counts[0], wrong + counts[4], strangers + counts[5]
    print(f"\n{sent} sent in all: {wrong} named wrong; {strangers} strangers named.")


def _boxed(pack: Pack, photo: Photo) -> tuple[np.ndarray, tuple[float, ...]]:
    image = decode(photo.data).image_hwc_u8
    found = pack.recognizer.detector.detect(image)
    largest = int(np.argmax((found.boxes_xyxy_px[:, 2:] - found.boxes_xyxy_px[:, :2]).prod(axis=1)))
    return image, tuple(float(v) for v in found.boxes_xyxy_px[largest])


def _under(
    pack: Pack,
    condition: Condition,
    boxed: Sequence[tuple[Photo, np.ndarray, tuple[float, ...]]],
    gallery: Gallery,
) -> list[int]:
    counts = np.zeros(6, int)
    for photo, image, box in boxed:
        data = condition.apply(image, box)
        verdict = _verdict(pack, data, photo.person, gallery)
        counts += [1, int(any(verdict[:3])), *verdict]
    return [int(count) for count in counts]


def no_face(
    pack: Pack, gallery: Gallery, title: tuple[str, str], pictures: Iterable[tuple[str, bytes]]
) -> int:
    """Pictures without a person: what is found in them; returns the number of false names."""
    seen, found, named = 0, [], 0
    for name, data in pictures:
        result, _ = pack.recognizer.recognize(data, gallery, draw=False)
        seen += 1
        if result.faces:
            nearest = min(face.distance or 9.0 for face in result.faces)
            found.append(f"{name} ({len(result.faces)}, nearest {nearest:.2f})")
        named += sum(face.name is not None for face in result.faces)
    row(*title, seen, len(found), named, ", ".join(found) or "-")
    return named


def people_test(pack: Pack, folder: Path, out: Path) -> bool:
    """The pictures of people/test against those of people/train."""
    gallery = enrolled(pack, photos_below(folder / "train"))
    head(f"people/test, {len(gallery.names)} photos enrolled", "picture", "expected", "faces", "right")
    good = True
    for path in files(folder / "test"):
        result, drawn = pack.recognizer.recognize(path.read_bytes(), gallery)
        named = {face.name for face in result.faces if face.name}
        expected = EXPECTED.get(path.name, set())
        row(path.name, ", ".join(sorted(expected)), _faces(result), "yes" if named == expected else "NO")
        good &= named == expected
        _keep(out / "people" / path.name, drawn)
    return good


def groups(pack: Pack, photos: Sequence[Photo], folder: Path, out: Path) -> None:
    """Predicted pictures of the groups, to be looked at."""
    for title, known in (("one photo", turns(photos)[0][0]), ("all photos", photos)):
        gallery = enrolled(pack, known)
        head(f"groups, {title} of each enrolled: look at them in {out.name}/", "picture", "faces", "named")
        for path in files(folder):
            result, drawn = pack.recognizer.recognize(path.read_bytes(), gallery)
            row(path.name, _faces(result), sum(face.name is not None for face in result.faces))
            _keep(out / title.replace(" ", "-") / path.name, drawn)


def _faces(result: Result) -> str:
    return ", ".join(f"{face.name or 'unknown'} {face.distance or 0:.2f}" for face in result.faces)


def _keep(path: Path, picture: bytes | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture or b"")


def fallback() -> list[Photo]:
    """Portraits of two persons that anybody can download."""
    kept = portraits()
    who = {"obama.jpg": "obama", "obama2.jpg": "obama", "obama3.jpg": "obama", "biden.jpg": "biden"}
    return [Photo(person, name, kept[name].read_bytes()) for name, person in who.items()]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=Path, help="a folder as described above")
    parser.add_argument("--pack", type=Path, help="a built pack; by default the one under .cache/packs")
    parser.add_argument("--out", type=Path, default=ROOT / "accuracy-out", help="for predicted pictures")
    given = parser.parse_args()
    cv2.setNumThreads(1)
    built = given.pack or ensure_default(ROOT / ".cache")
    recognizer = load(built)
    recognizer.warm_up()
    pack = Pack(recognizer, manifest.read(built).matching.threshold)
    print(
        f"{recognizer.pack}, {recognizer.embedder.precision} embedder, threshold {pack.threshold:g}, "
        f"{machine('opencv-python-headless', 'onnxruntime')}"
    )
    good, folder = True, given.pictures
    photos: list[Photo] = []
    if folder and (folder / "characters").is_dir():
        photos = list(photos_below(folder / "characters"))
        pairs(pack, photos)
        identification(pack, photos)
        if (folder / "groups").is_dir():
            groups(pack, photos, folder / "groups", given.out)
    else:
        print("\nskipped: pairs, one photo enrolled, groups (no folder 'characters'; give --pictures)")
    if folder and (folder / "people").is_dir():
        good &= people_test(pack, folder / "people", given.out)
    else:
        print("\nskipped: people/test (no folder 'people'; give --pictures)")
    if not photos:
        try:
            photos = fallback()
        except NoPortraits as error:
            print(f"\nskipped: what makes it worse ({error})")
            return 0 if good else 1
    degradation(pack, photos)
    head("Pictures without people", "kind", "enrolled", "pictures", "with a find", "named", "finds")
    false = 0
    for title, known in (("one photo a person", turns(photos)[0][0]), ("all photos", photos)):
        gallery = enrolled(pack, known)
        false += no_face(pack, gallery, ("things, animals, textures", title), without_people())
        no_face(pack, gallery, ("drawn faces", title), drawings())
    recall.tables(recognizer, built, folder)
    return 0 if good and not false else 1


if __name__ == "__main__":
    sys.exit(main())
