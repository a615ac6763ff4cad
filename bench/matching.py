"""How matching scales with the gallery: speed, share of the nearest found, memory, changes. One command.

Each size runs in a process of its own, on one thread, beside two peers that compare with every photo: NumPy
and faiss's flat index; rounds alternate, so that what else the machine does meets all of them. Galleries and
their indexes are kept under .cache/matching: the first run with a million faces takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
CACHE = Path(__file__).resolve().parents[1] / ".cache" / "matching"
SIZES = (10, 1_000, 10_000, 100_000, 1_000_000)
QUERIES = 1_000
PICTURE_FACES = 6
PHOTOS_EACH = 4
CHANGES_S = 5.0
KINDS = ("add", "remove", "forget")


def main() -> None:
    """Run all sizes and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="photos in the gallery")
    parser.add_argument("--fresh", action="store_true", help="build galleries and indexes again")
    parser.add_argument("--json", type=Path, help="keep every figure")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        print(json.dumps(measure(arguments.one)))
        return
    figures = []
    for size in arguments.sizes:
        prepare(size, fresh=arguments.fresh)
        say(f"measuring {size:,} faces")
        command = [sys.executable, __file__, "--one", str(size)]
        done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, stdout=subprocess.PIPE, check=True)
        figures.append(json.loads(done.stdout))
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=1))
    report(figures)


def say(text: str) -> None:
    """A line of progress."""
    print(f"… {text}", file=sys.stderr, flush=True)


# galleries, made once


def prepare(size: int, *, fresh: bool) -> None:
    """Make gallery, index, queries and the exact answers of a size, where they are missing."""
    import faiss
    import numpy as np

    from face_shaped import crowd
    from manyeyes.recognition.matching.gallery_changes import Changes, pack_names
    from manyeyes.recognition.matching.gallery_fold import make_index

    folder = CACHE / str(size)
    if not fresh and usable(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "made.json").unlink(missing_ok=True)
    say(f"making {size:,} faces")
    made = crowd(size, QUERIES)
    owners = np.arange(size) // PHOTOS_EACH + 1
    ids, ends, names = pack_names({int(owner): f"Person {owner}" for owner in np.unique(owners)})
    none, flat = np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
    head = Changes(0, 1, "bench", 0.58, none, none, flat, none, ids, ends, names, none, flat)
    shapes = {"photos": (size,), "owners": (size,), "embeddings": made.enrolled.shape}
    base = Changes.create(folder / "base.gal", head, shapes)
    base.photos[:], base.owners[:], base.embeddings[:] = np.arange(size) + 1, owners, made.enrolled
    del base
    say(f"indexing {size:,} faces")
    (folder / "base.idx").unlink(missing_ok=True)
    start = time.perf_counter()
    make_index(folder / "base.gal", folder / "base.idx")
    build_s = time.perf_counter() - start
    say("comparing the queries with every face, for the exact answers")
    queries = np.concatenate([made.known, made.strangers])
    truth = faiss.IndexFlatL2(queries.shape[1])
    truth.add(made.enrolled)
    _, rows = truth.search(queries, 8)
    # float32 by way of |a|²-2ab+|b|² may swap near ties: the best of eight, taken exactly
    near = np.linalg.norm(made.enrolled[rows] - queries[:, None], axis=2)
    exact = near.min(axis=1)
    np.savez(folder / "queries.npz", queries=queries, distances=exact)
    (folder / "made.json").write_text(json.dumps({"build_s": build_s}))


def usable(folder: Path) -> bool:
    """Whether an earlier run of this version left everything."""
    from manyeyes.errors import PackDamaged
    from manyeyes.recognition.matching.gallery_changes import Changes

    try:
        Changes.open(folder / "base.gal")
    except PackDamaged:
        return False
    return (folder / "made.json").exists()


# one size


def measure(size: int) -> dict[str, Any]:
    """All figures of one size; in a process of its own, for its memory."""
    import numpy as np

    from manyeyes.recognition.matching.layered_gallery import LayeredGallery

    folder = CACHE / str(size)
    index = folder / "base.idx"
    with np.load(folder / "queries.npz") as kept:
        queries, truth = kept["queries"], kept["distances"]
    warm = LayeredGallery.open(folder / "base.gal", [])
    del warm
    before = memory()
    start = time.perf_counter()
    gallery = LayeredGallery.open(folder / "base.gal", [], index if index.exists() else None)
    open_ms = (time.perf_counter() - start) * 1e3
    found = np.array([gallery.match(face[None])[0].distance for face in queries])
    after = memory()
    right = np.isclose(found, truth, atol=1e-5)
    figures: dict[str, Any] = {
        "size": size,
        "indexed": index.exists(),
        "build_s": json.loads((folder / "made.json").read_text())["build_s"],
        "open_ms": open_ms,
        "recall_known": float(right[:QUERIES].mean()),
        "recall_strangers": float(right[QUERIES:].mean()),
        "own_mb": after["own"] - before["own"],
        "mapped_mb": after["mapped"] - before["mapped"],
        "files_mb": sum(path.stat().st_size for path in (folder / "base.gal", index) if path.exists()) / 1e6,
    }
    figures["changes"] = changes(folder, index if index.exists() else None, queries)
    figures["speed"] = speed(gallery, queries)
    return figures


def memory() -> dict[str, float]:
    """MB of this process: its own pages, and pages of mapped files, which processes share."""
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return {
        "own": int(fields["RssAnon"].split()[0]) / 1e3,
        "mapped": int(fields["RssFile"].split()[0]) / 1e3,
    }


def speed(gallery: Any, queries: Any) -> dict[str, dict[str, float]]:
    """Microseconds a face, alone and in a picture of six, ours and the peers', in alternating rounds."""
    import faiss
    import numpy as np

    embeddings = np.array(gallery.layers.base.embeddings)
    squares = (embeddings**2).sum(axis=1)
    flat = faiss.IndexFlatL2(embeddings.shape[1])
    flat.add(embeddings)
    faiss.omp_set_num_threads(1)

    def plain(faces: Any) -> None:
        nearest = np.argmin(squares - 2.0 * faces @ embeddings.T, axis=1)
        np.linalg.norm(faces - embeddings[nearest], axis=1)

    sides: dict[str, Callable[[Any], Any]] = {
        "manyeyes": gallery.match,
        "NumPy": plain,
        "faiss flat": lambda faces: flat.search(faces, 1),
    }
    rounds = 300 if len(embeddings) <= 100_000 else 60
    figures: dict[str, dict[str, float]] = {}
    for faces in (1, PICTURE_FACES):
        times: dict[str, list[float]] = {side: [] for side in sides}
        for turn in range(-5, rounds):
            at = np.random.default_rng(turn + 9).integers(0, len(queries), faces)
            picture = np.ascontiguousarray(queries[at])
            for side, match in sides.items():
                start = time.perf_counter()
                match(picture)
                if turn >= 0:
                    times[side].append((time.perf_counter() - start) * 1e6 / faces)
        for side, taken in times.items():
            figures.setdefault(side, {})[f"median_{faces}"] = statistics.median(taken)
            figures[side][f"p99_{faces}"] = sorted(taken)[int(len(taken) * 0.99)]
    return figures


def changes(folder: Path, index: Path | None, queries: Any) -> dict[str, float]:
    """Milliseconds until a change counts, and the longest a match took meanwhile, also under a rebuild."""
    from manyeyes.recognition.matching.gallery_changes import Changes
    from manyeyes.recognition.matching.layered_gallery import LayeredGallery

    gallery = LayeredGallery.open(folder / "base.gal", [], index)
    alone, end = [], time.monotonic() + CHANGES_S
    while time.monotonic() < end:
        alone.append(timed(partial(gallery.match, queries[len(alone) % len(queries)][None]))[0])
    steps, taken = people_come_and_go(folder), {kind: list[float]() for kind in KINDS}
    held: list[float] = []
    rebuild, started, rebuilt_s = rebuilding(folder), time.monotonic(), 0.0
    end = started + CHANGES_S
    while time.monotonic() < end or not rebuilt_s:
        if rebuild.poll() is not None:
            assert rebuild.returncode == 0
            rebuilt_s = time.monotonic() - started
            rebuild, started = rebuilding(folder), time.monotonic()
        change_s = 0.0
        if len(held) % 10 == 0:
            kind, path, face, name = next(steps)
            change_s, gallery = timed(lambda: gallery.with_changes([Changes.open(path)]))  # noqa: B023
            match_s, (match,) = timed(partial(gallery.match, face))
            assert (match.name == name) == (kind == "add"), (kind, match, name)
            taken[kind].append(change_s + match_s)
        match_s, _ = timed(partial(gallery.match, queries[len(held) % len(queries)][None]))
        held.append(change_s + match_s)
    rebuild.kill()
    rebuild.wait()
    new = folder / "rebuilt.gal"
    made = new.with_suffix(".idx") if index else None
    switch_s = min(timed(lambda: LayeredGallery.open(new, [], made))[0] for _ in range(3))
    return {
        **{f"{kind}_ms": statistics.median(times) * 1e3 for kind, times in taken.items()},
        "changes": sum(map(len, taken.values())),
        "alone_median_ms": statistics.median(alone) * 1e3,
        "alone_max_ms": max(alone) * 1e3,
        "held_median_ms": statistics.median(held) * 1e3,
        "held_max_ms": max(held) * 1e3,
        "rebuild_s": rebuilt_s,
        "switch_ms": switch_s * 1e3,
    }


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """(seconds, what it gave)."""
    start = time.perf_counter()
    given = call()
    return time.perf_counter() - start, given


def people_come_and_go(folder: Path) -> Iterator[tuple[str, Path, Any, str]]:
    """(kind, file, a face of theirs, name), endless: a person added, removed again, one of the base removed."""
    import numpy as np

    from manyeyes.recognition.matching.gallery_changes import Changes

    base = Changes.open(folder / "base.gal")
    people = -(-len(base.photos) // PHOTOS_EACH)
    version, rng, number, path = 1, np.random.default_rng(3), 10_000_000, folder / "change.gal"
    while True:
        number += 10
        face = base.embeddings[number % len(base.photos)] + 3
        rows = [face + rng.normal(0, 0.01, face.shape).astype(np.float32) for _ in range(3)]
        enrolled = version % people
        old = range(enrolled * PHOTOS_EACH, min((enrolled + 1) * PHOTOS_EACH, len(base.photos)))
        gone = {"add": (), "remove": [number + i for i in range(3)], "forget": [i + 1 for i in old]}
        for kind in KINDS:
            change = Changes.of(
                since=version,
                version=version + 1,
                mark="bench",
                threshold=0.58,
                added=[(number + i, number, row) for i, row in enumerate(rows)] if kind == "add" else (),
                removed=gone[kind],
                people={number: "New"} if kind == "add" else {},
            )
            unready = folder / "change.part"
            unready.write_bytes(change.to_bytes())
            unready.replace(path)
            version += 1
            if kind == "forget":
                yield kind, path, base.embeddings[old[0]][None], f"Person {enrolled + 1}"
            else:
                yield kind, path, face[None], "New"


def rebuilding(folder: Path) -> subprocess.Popen[bytes]:
    """What a node starts in the background: fold one change into a new base and index it."""
    import numpy as np

    from manyeyes.recognition.matching.gallery_changes import Changes

    delta = folder / "fold-delta.gal"
    row = np.ones(Changes.open(folder / "base.gal").embeddings.shape[1], np.float32)
    one = Changes.of(since=1, version=2, mark="bench", threshold=0.58, added=[(9_999_999, 1, row)])
    delta.write_bytes(one.to_bytes())
    made = folder / "rebuilt.gal"
    command = [
        sys.executable,
        "-m",
        "manyeyes.node.gallery.compaction",
        made,
        made.with_suffix(".idx"),
        folder / "base.gal",
    ]
    return subprocess.Popen([*map(str, command), str(delta)], env={**os.environ, **ONE_THREAD})


# the tables


def report(figures: list[dict[str, Any]]) -> None:
    """Print Markdown."""
    from face_shaped import describe
    from machine import machine

    print(
        f"{machine('numpy', 'faiss-cpu')}; one thread\n\nVectors of 128 dimensions, {PHOTOS_EACH} photos a person, "
        "made to lie as dlib's embeddings do:\n"
    )
    print(describe())
    print("\n**Microseconds a face, median (p99): a picture with one face / with six**\n")
    sides = list(figures[0]["speed"])
    print(f"| faces enrolled | {' | '.join(sides)} | nearest found, known | strangers |")
    print("|---|" + "---|" * (len(sides) + 2))
    for row in figures:
        cells = [
            " / ".join(
                f"{row['speed'][side][f'median_{n}']:,.0f} ({row['speed'][side][f'p99_{n}']:,.0f})"
                for n in (1, PICTURE_FACES)
            )
            for side in sides
        ]
        found = f"{row['recall_known']:.4f} | {row['recall_strangers']:.4f}"
        print(f"| {row['size']:,} | {' | '.join(cells)} | {found} |")
    print("\n**Memory of a worker, and building**\n")
    print(
        "| faces enrolled | its own, MB | mapped and shared, MB | files, MB | opened in, ms | index built in, s |"
    )
    print("|---|---|---|---|---|---|")
    for row in figures:
        built = f"{row['build_s']:.1f}" if row["indexed"] else "none needed"
        print(
            f"| {row['size']:,} | {row['own_mb']:.1f} | {row['mapped_mb']:.1f} | {row['files_mb']:.1f} | "
            f"{row['open_ms']:.1f} | {built} |"
        )
    print(
        "\n**Changes: until the next match knows of it; matches while people come and go and the base is rebuilt**\n"
    )
    print(
        "| faces enrolled | add, ms | remove a new one, ms | remove one of the base, ms "
        "| match alone: median, longest, ms | meanwhile: median, longest, ms | one rebuild, s | switch to it, ms |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for row in figures:
        c = row["changes"]
        print(
            f"| {row['size']:,} | {c['add_ms']:.2f} | {c['remove_ms']:.2f} | {c['forget_ms']:.2f} | "
            f"{c['alone_median_ms']:.2f}, {c['alone_max_ms']:.1f} | {c['held_median_ms']:.2f}, "
            f"{c['held_max_ms']:.1f} | {c['rebuild_s']:.1f} | {c['switch_ms']:.1f} |"
        )


if __name__ == "__main__":
    main()
