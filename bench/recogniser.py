"""What one picture costs, beside the default path of face_recognition on the same pictures, on one thread.

    python bench/recogniser.py [--rounds 15] [--clock cpu] [--json FILE]
    python bench/recogniser.py --profile

Ours is all of `Recognizer.recognize`: decode, detect, align, embed, match, draw, encode. Theirs is dlib's HOG
detector on the picture enlarged once, five landmarks and the ResNet, without decoding and without drawing: that
favours them. Both run in one session, in turns; the numbers are medians. dlib comes in two builds (`peers.py`).
`--clock cpu` counts processor time in place of time: one thread each, so the same on an idle machine, and steadier
beside other work. Pictures that take dlib seconds get a fifth of the rounds.
`--profile` shows the stages of ours and, within detection, the runs of the network.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any

import cv2
import numpy as np

import peers
from bench_pictures import NoPortraits, pictures
from machine import machine
from manyeyes.packs.store import ensure_default
from manyeyes.recognition.detection import centerface
from manyeyes.recognition.embedding.precision import processor_features
from manyeyes.recognition.matching.gallery import Gallery
from manyeyes.recognition.recognizer import Recognizer, load

ROOT = Path(__file__).resolve().parent.parent
SECONDS_FOR_DLIB = 10_000_000
TARGETS = {
    ("512×512, 1 face", "blas"): 6,
    ("512×512, 1 face", "wheel"): 6,
    ("1280×886, 6 faces", "blas"): 5,
    ("1280×886, 6 faces", "wheel"): 8,
}


def gallery(recognizer: Recognizer, image: bytes) -> Gallery:
    """Somebody to compare with."""
    found, _ = recognizer.recognize(image, Gallery.empty(), draw=False)
    decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    points = np.array([face.landmarks_px for face in found.faces], np.float32)
    from manyeyes.recognition.embedding.align import cut_chips

    embeddings = recognizer.embedder.embed(cut_chips(decoded, points))
    return Gallery(tuple(f"person {place}" for place in range(len(embeddings))), embeddings)


def timed(recognizer: Recognizer, image: bytes, known: Gallery, clock: str) -> tuple[float, int]:
    now = thread_time if clock == "cpu" else perf_counter
    start = now()
    result, _ = recognizer.recognize(image, known)
    return (now() - start) * 1000, len(result.faces)


def opened(make: Callable[[str], peers.Peer], clock: str) -> peers.Peer | str:
    """The peer, or why there is none."""
    try:
        return make(clock)
    except peers.NoPeer as error:
        return str(error)


def measure(rounds: int, clock: str, images: dict[str, bytes]) -> dict[str, Any]:
    pack = ensure_default(ROOT / ".cache")
    ours = {precision: load(pack, precision) for precision in ("int8", "fp32")}
    known = gallery(ours["fp32"], images["1280×886, 6 faces"])
    theirs = {"wheel": opened(peers.wheel, clock), "blas": opened(peers.with_blas, clock)}
    found: dict[str, Any] = {}
    for name, image in images.items():
        decoded = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
        raw = peers.raw_file(decoded, "picture")
        took: dict[str, list[Any]] = {}
        turns = rounds if decoded.size < SECONDS_FOR_DLIB else max(2, rounds // 5)
        for _ in range(turns):
            for precision, recognizer in ours.items():
                # the first run after a peer's finds cold caches; a worker's pictures follow each other
                again = [timed(recognizer, image, known, clock) for _ in range(4)]
                took.setdefault(precision, []).extend(again[1:])
            for key, peer in theirs.items():
                if isinstance(peer, peers.Peer):
                    took.setdefault(key, []).append(peer.run(raw, decoded))
        found[name] = took
    for peer in theirs.values():
        if isinstance(peer, peers.Peer):
            peer.close()
    return {"found": found, "peers": theirs}


def show(clock: str, measured: dict[str, Any]) -> None:
    print(f"| picture | recogniser | faces | {clock} | times ours | for as many faces | wanted |")
    print("|---|---|---|---|---|---|---|")
    auto = "int8" if processor_features() & {"AVX2", "NEON_DOTPROD"} else "fp32"
    for name, took in measured["found"].items():
        faces = took[auto][0][1]
        median = {key: statistics.median(ms for ms, _ in took[key]) for key in ("int8", "fp32")}
        for key in ("int8", "fp32"):
            chosen = " (chosen here)" if key == auto else ""
            print(f"| {name} | manyeyes {key}{chosen} | {faces} | {median[key]:.1f} | | | |")
        for key, peer in measured["peers"].items():
            if isinstance(peer, str):
                print(f"| {name} | dlib, {key} | cannot be fetched: {peer} | | | | |")
                continue
            total = statistics.median(timing.total_ms() for timing in took[key])
            alike = statistics.median(timing.total_ms(faces) for timing in took[key])
            target = TARGETS.get((name, key))
            wanted = f"≥ {target}" if target else ""
            ratios = f"{total / median[auto]:.1f} | {alike / median[auto]:.1f}"
            print(f"| {name} | {peer.label} | {took[key][0].faces} | {total:.0f} | {ratios} | {wanted} |")


class Profile:
    """Sums up what the parts of detection take, by wrapping them."""

    def __init__(self) -> None:
        self.ms: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def wrap(self, owner: Any, name: str, label: Callable[..., str]) -> None:
        inner = getattr(owner, name)

        def outer(*given: Any, **named: Any) -> Any:
            start = perf_counter()
            answer = inner(*given, **named)
            key = label(*given)
            self.ms[key] += (perf_counter() - start) * 1000
            self.calls[key] += 1
            return answer

        setattr(owner, name, outer)


def profile(rounds: int, images: dict[str, bytes]) -> None:
    recognizer = load(ensure_default(ROOT / ".cache"))
    recognizer.warm_up()
    seen = Profile()
    detector = recognizer.detector
    seen.wrap(detector, "_maps", lambda canvas: f"network, {canvas.shape[1]}×{canvas.shape[0]}")
    seen.wrap(centerface, "_shrunk", lambda _image, side: f"copy of {side} px")
    seen.wrap(centerface, "decode", lambda *_: "reading the maps")
    for name in ("suppress", "suppress_within"):
        seen.wrap(centerface, name, lambda *_: "suppression, in part within reading")
    for name, image in images.items():
        recognizer.recognize(image, Gallery.empty())
        seen.ms.clear()
        stages = [recognizer.recognize(image, Gallery.empty())[0].timings_ms for _ in range(rounds)]
        print(f"\n**{name}**, {recognizer.embedder.precision}\n\n| stage | ms |\n|---|---|")
        for stage in stages[0]:
            print(f"| {stage} | {statistics.median(took[stage] for took in stages):.2f} |")
        print("\n| within detection | ms |\n|---|---|")
        for part, total in seen.ms.most_common():
            print(f"| {part} | {total / rounds:.2f} |")
        detection = sum(took["detect"] for took in stages)
        print(f"| the rest, in Python | {(detection - sum(seen.ms.values())) / rounds:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    try:
        images = pictures()
    except NoPortraits as error:
        sys.exit(f"the pictures cannot be fetched: {error}")
    print(machine("opencv-python-headless", "onnxruntime", "numpy") + "\n")
    if given.profile:
        profile(given.rounds, images)
        return
    measured = measure(given.rounds, given.clock, images)
    show("CPU ms" if given.clock == "cpu" else "ms", measured)
    if given.json:
        given.json.write_text(json.dumps(measured["found"], default=vars, indent=1))


if __name__ == "__main__":
    main()
