"""How often the default pack names the right person, and what a picture costs.

    python bench/accuracy.py PICTURES [--pack FOLDER]

PICTURES holds `people/train/NAME/*` and `people/test/*` and, or, `characters/NAME/*` (one photo is enrolled,
the others are tested, each photo taking its turn). No picture comes with manyeyes.
"""

from __future__ import annotations

import argparse
import resource
import statistics
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.table import Table

from manyeyes.errors import ManyeyesError
from manyeyes.packs.store import ensure_default
from manyeyes.recognition.gallery import Gallery
from manyeyes.recognition.recognizer import Recognizer, load

ROOT = Path(__file__).resolve().parent.parent
OUT = Console(width=130)


def photos(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png", ".webp"}
    )


def folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def gallery(recognizer: Recognizer, people: Iterable[tuple[str, Path]]) -> Gallery:
    names, embeddings = [], []
    for name, path in people:
        try:
            embeddings.append(recognizer.enrol(path.read_bytes()).embedding)
        except ManyeyesError as error:
            OUT.print(f"[red]{path.name} is not enrolled: {error.detail}")
            continue
        names.append(name)
    return Gallery(tuple(names), np.stack(embeddings))


def people(recognizer: Recognizer, folder: Path) -> None:
    trained = gallery(recognizer, ((d.name, p) for d in folders(folder / "train") for p in photos(d)))
    table = Table("picture", "faces (distance)", "detect ms", "embed ms", "all ms", title="people")
    for path in photos(folder / "test"):
        start = perf_counter()
        result, _ = recognizer.recognize(path.read_bytes(), trained)
        took = (perf_counter() - start) * 1000
        faces = ", ".join(f"{face.name or 'unknown'} ({face.distance:.2f})" for face in result.faces)
        timings = result.timings_ms
        table.add_row(path.name, faces, f"{timings['detect']:.1f}", f"{timings['embed']:.1f}", f"{took:.1f}")
    OUT.print(table)


def characters(recognizer: Recognizer, folder: Path) -> None:
    table = Table("enrolled photo", "right", "tested", "median ms", "misses", title="characters")
    turns = min(len(photos(d)) for d in folders(folder))
    for turn in range(turns):
        known = gallery(recognizer, ((d.name, photos(d)[turn]) for d in folders(folder)))
        right, took, misses = 0, [], []
        for person in folders(folder):
            for place, path in enumerate(photos(person)):
                if place == turn:
                    continue
                start = perf_counter()
                result, _ = recognizer.recognize(path.read_bytes(), known)
                took.append((perf_counter() - start) * 1000)
                named = [face.name for face in result.faces]
                nearest = ", ".join(f"{f.name or 'unknown'} {f.distance:.2f}" for f in result.faces)
                if named == [person.name]:
                    right += 1
                else:
                    misses.append(f"{path.name}: {nearest or 'no face'}")
        median = f"{statistics.median(took):.1f}"
        table.add_row(str(turn + 1), str(right), str(len(took)), median, "; ".join(misses))
    OUT.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--pack", type=Path, help="a built pack; by default the one under .cache/packs")
    given = parser.parse_args()
    recognizer = load(given.pack or ensure_default(ROOT / ".cache"))
    recognizer.warm_up()
    if (given.pictures / "people").is_dir():
        people(recognizer, given.pictures / "people")
    if (given.pictures / "characters").is_dir():
        characters(recognizer, given.pictures / "characters")
    OUT.print(f"largest resident size {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
