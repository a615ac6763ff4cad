"""Whether strangers get a name as often as asked: thresholds by false-match rate on real faces.

    python bench/open_set.py PICTURES [--pack FOLDER] [--fit]

PICTURES holds `characters/NAME/*` and, or, `people/train/NAME/*`, one person a folder. Each person in turn
is the stranger, the others are enrolled. `--fit` prints the calibration that these faces give, with what
other draws of people would have given. No picture comes with manyeyes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from manyeyes.errors import ManyeyesError
from manyeyes.packs import manifest
from manyeyes.packs.store import ensure_default
from manyeyes.recognition.matching.calibration import Calibration
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.recognizer import Recognizer, load

ROOT = Path(__file__).resolve().parent.parent
OUT = Console(width=130)
ASKED = (0.3, 0.1, 0.05, 0.02, 0.01, 0.001)
DRAWS = 400
FIRST_RATES = (0.62, 0.65, 0.68)
"""Distances at which the photos of one person are counted: enough strangers come as near."""


@dataclass(frozen=True)
class Faces:
    """n photos: who is on each, and distances (n, n) from each as it is sent to each as it is enrolled."""

    names: NDArray[np.str_]
    distances: NDArray[np.float32]

    @property
    def people(self) -> list[str]:
        return sorted(set(self.names.tolist()))

    def genuine(self, people: set[str]) -> NDArray[np.float32]:
        same = (self.names[:, None] == self.names) & ~np.eye(len(self.names), dtype=bool)
        return self.distances[same & np.isin(self.names, list(people))[:, None]]

    def impostor(self, people: set[str]) -> NDArray[np.float32]:
        chosen = np.isin(self.names, list(people))
        return self.distances[(self.names[:, None] != self.names) & chosen[:, None] & chosen]


def look(recognizer: Recognizer, pictures: Path) -> Faces:
    names, sent, enrolled = [], [], []
    groups = [pictures / "characters", pictures / "people" / "train"]
    for folder in sorted(d for group in groups if group.is_dir() for d in group.iterdir() if d.is_dir()):
        for path in sorted(folder.iterdir()):
            data = path.read_bytes()
            try:
                enrolled.append(recognizer.enrol(data).embedding)
            except ManyeyesError as error:
                OUT.print(f"[red]{path.name} is left out: {error.detail}")
                continue
            result, _ = recognizer.recognize(data, Gallery.empty(), draw=False)
            largest = max(result.faces, key=lambda face: face.box_xyxy_px[2] - face.box_xyxy_px[0])
            sent.append(np.array(largest.embedding, np.float32))
            names.append(folder.name)
    there = np.stack(enrolled)
    return Faces(np.array(names), np.linalg.norm(np.stack(sent)[:, None] - there[None], axis=2))


def fitted(faces: Faces, people: set[str], like: Calibration) -> Calibration:
    """The calibration that these people alone give; the tail begins where the given one's does."""
    impostor, genuine = faces.impostor(people), faces.genuine(people)
    return like.model_copy(
        update={
            "impostor_mean": float(impostor.mean()),
            "impostor_sd": float(impostor.std()),
            "genuine_mean": float(genuine.mean()),
            "genuine_sd": float(genuine.std()),
        }
    )


def interval(rates: list[float]) -> str:
    low, high = np.percentile(rates, [2.5, 97.5])
    return f"{low:.4f}-{high:.4f}"


def print_fit(faces: Faces, given: Calibration, random: np.random.Generator) -> None:
    everybody = faces.people
    draws = []
    for _ in range(DRAWS):
        weights = random.multinomial(len(everybody), [1 / len(everybody)] * len(everybody))
        chosen = {name for name, weight in zip(everybody, weights, strict=True) if weight}
        draws.append(fitted(faces, chosen, given))
    table = Table("figure", "these faces", "other draws of people", "the pack's", title="calibration")
    best = fitted(faces, set(everybody), given)
    for name in ("impostor_mean", "impostor_sd", "genuine_mean", "genuine_sd"):
        spread = interval([getattr(draw, name) for draw in draws])
        table.add_row(name, f"{getattr(best, name):.4f}", spread, f"{getattr(given, name):.4f}")
    impostor = faces.impostor(set(everybody))
    for distance in (0.5, 0.55, 0.58, 0.6, 0.62, 0.65, 0.7):
        spread = interval([draw.false_match_rate(distance) for draw in draws])
        counted = int((impostor <= distance).sum())
        seen = f"{counted} of {len(impostor)}: {counted / len(impostor):.5f}"
        table.add_row(f"false matches to {distance}", seen, spread, f"{given.false_match_rate(distance):.5f}")
    OUT.print(table)
    table = Table(
        "photos of a person", *(f"exponent at {d}" for d in FIRST_RATES), title="photos of one person"
    )
    for count in (2, 3, 5):
        table.add_row(str(count), *(_exponent(faces, count, distance) for distance in FIRST_RATES))
    OUT.print(table)


def _exponent(faces: Faces, count: int, distance: float) -> str:
    single, several = [], []
    for name in faces.people:
        places = np.flatnonzero(faces.names == name)
        if len(places) < count:
            continue
        near = faces.distances[faces.names != name][:, places] <= distance
        single.append(near.mean(axis=1))
        several += [near[:, list(c)].any(axis=1) for c in combinations(range(len(places)), count)]
    if not single or not np.concatenate(single).any():
        return "-"
    ratio = np.concatenate(several).mean() / np.concatenate(single).mean()
    return f"{np.log(ratio) / np.log(count):.2f}"


def strangers(
    faces: Faces,
    model: Callable[[str], Calibration],
    fmr: float,
    size: int,
    photos: int,
    random: np.random.Generator,
) -> tuple[list[float], int, int, float]:
    """Per person: the part of sendings that got a name; sendings, names, mean threshold."""
    rates, sent, named, thresholds = [], 0, 0, []
    for stranger in faces.people:
        others = [name for name in faces.people if name != stranger]
        mine, hits, tries = np.flatnonzero(faces.names == stranger), 0, 0
        for _ in range(max(1, DRAWS // len(faces.people))):
            chosen = random.choice(others, min(size, len(others)), replace=False)
            places, counts = [], []
            for name in chosen:
                of = np.flatnonzero(faces.names == name)
                taken = random.choice(of, min(photos, len(of)), replace=False)
                places += taken.tolist()
                counts.append(len(taken))
            calibration = model(stranger)
            threshold = calibration.threshold_for(fmr, calibration.comparisons(counts))
            thresholds.append(threshold)
            hits += int((faces.distances[np.ix_(mine, places)].min(axis=1) <= threshold).sum())
            tries += len(mine)
        rates.append(hits / tries)
        sent, named = sent + tries, named + hits
    return rates, sent, named, float(np.mean(thresholds))


def print_strangers(faces: Faces, given: Calibration, random: np.random.Generator) -> None:
    without = {name: fitted(faces, set(faces.people) - {name}, given) for name in faces.people}
    columns = (
        "asked",
        "enrolled",
        "photos",
        "threshold",
        "strangers named",
        "95 % over people",
        "refitted without",
    )
    table = Table(*columns, "missed", title=f"{len(faces.people)} people, each the stranger in turn")
    genuine = faces.genuine(set(faces.people))
    for size, photos in ((1, 1), (4, 1), (12, 1), (12, 5)):
        for fmr in ASKED:
            rates, sent, named, threshold = strangers(faces, lambda _: given, fmr, size, photos, random)
            again = strangers(faces, without.__getitem__, fmr, size, photos, random)
            means = [float(random.choice(rates, len(rates)).mean()) for _ in range(1000)]
            table.add_row(
                f"{fmr:g}",
                str(min(size, len(faces.people) - 1)),
                str(photos),
                f"{threshold:.3f}",
                f"{named / sent:.4f}",
                interval(means),
                f"{again[2] / again[1]:.4f}",
                f"{(genuine > threshold).mean():.3f}",
            )
    OUT.print(table)
    OUT.print("missed: pairs of one photo and another of the same person that lie beyond the threshold")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--pack", type=Path, help="a built pack; by default the one under .cache/packs")
    parser.add_argument("--fit", action="store_true", help="print what calibration these faces give")
    options = parser.parse_args()
    folder = options.pack or ensure_default(ROOT / ".cache")
    given = manifest.read(folder).calibration
    if given is None:
        parser.error(f"the pack {folder} has no calibration")
    recognizer = load(folder)
    faces = look(recognizer, options.pictures)
    random = np.random.default_rng(1)
    OUT.print(f"{len(faces.names)} photos of {len(faces.people)} people; {given.basis}")
    if options.fit:
        print_fit(faces, given, random)
    print_strangers(faces, given, random)


if __name__ == "__main__":
    main()
