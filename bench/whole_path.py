"""The whole path (HTTPS in, HTTPS out) beside the bare recogniser, on the same cores with the same pictures.

`make bench` runs it and prints Markdown; bench/README.md says what is compared with what.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import multiprocessing
import os
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image, ImageEnhance
from skimage import data

import bench_pictures
from machine import machine
from service import memory_mb, running

TARGET_RATIO = 0.70
TARGET_RATIO_SIX = 0.88
TARGET_ADDED_MS = 3.0
TARGET_MASTER_MB = 200.0
TARGET_WORKER_MB = 350.0


@dataclass
class Measured:
    """All rounds; medians are taken at the end."""

    bare_per_s: list[float] = field(default_factory=list)
    whole_per_s: list[float] = field(default_factory=list)
    sdk_per_s: list[float] = field(default_factory=list)
    bare_ms: list[float] = field(default_factory=list)
    whole_ms: list[float] = field(default_factory=list)
    memory_mb: list[tuple[str, float]] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Median of each round's ratio: both halves of a round ran one after the other."""
        return statistics.median(w / b for w, b in zip(self.whole_per_s, self.bare_per_s, strict=True))

    @property
    def added_ms(self) -> float:
        return statistics.median(self.whole_ms) - statistics.median(self.bare_ms)


def one_face(side_px: int) -> Image.Image:
    """A square picture of one face, `skimage.data.astronaut()`."""
    return Image.fromarray(data.astronaut()).resize((side_px, side_px))


def six_faces() -> Image.Image:
    """1280x886, six faces."""
    return Image.fromarray(bench_pictures.six_faces()[:, :, ::-1])


def make_pictures(count: int, whole: Image.Image) -> list[bytes]:
    """JPEGs of one picture, each with bytes of its own."""
    made = []
    for number in range(count):
        buffer = io.BytesIO()
        ImageEnhance.Brightness(whole).enhance(0.9 + number * 0.2 / count).save(buffer, "JPEG", quality=90)
        made.append(buffer.getvalue())
    return made


def bare_worker(pack: str, pictures: Sequence[bytes], pipe: Connection) -> None:
    """One process with the recogniser alone; computes as many pictures as it is told to."""
    from manyeyes.recognition.matching.gallery import Gallery
    from manyeyes.recognition.recognizer import load

    recognizer, nobody = load(Path(pack)), Gallery.empty()
    recognizer.warm_up()
    pipe.send(0.0)
    while (wanted := pipe.recv()) is not None:
        started = time.perf_counter()
        for number in range(wanted):
            recognizer.recognize(pictures[number % len(pictures)], nobody)
        pipe.send(time.perf_counter() - started)


class Bare:
    """The recogniser in one process per core; the processes sleep while the other side is measured."""

    def __init__(self, pack: Path, pictures: Sequence[bytes], processes: int) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.pipes: list[Connection] = []
        self.processes: list[multiprocessing.process.BaseProcess] = []
        for _ in range(processes):
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=bare_worker, args=(str(pack), pictures, theirs), daemon=True)
            process.start()
            self.pipes.append(ours)
            self.processes.append(process)
        for pipe in self.pipes:
            pipe.recv()

    def per_second(self, count: int) -> float:
        started = time.perf_counter()
        for pipe in self.pipes:
            pipe.send(count // len(self.pipes))
        for pipe in self.pipes:
            pipe.recv()
        return count // len(self.pipes) * len(self.pipes) / (time.perf_counter() - started)

    def one_ms(self) -> float:
        self.pipes[0].send(1)
        return float(self.pipes[0].recv()) * 1000

    def pids(self) -> list[int]:
        return [process.pid or 0 for process in self.processes]

    def close(self) -> None:
        for pipe in self.pipes:
            pipe.send(None)
        for process in self.processes:
            process.join(10)


class LeanClient:
    """A load generator that costs little itself: the standard library's HTTPS over kept connections."""

    def __init__(self, context: Path, pictures: Sequence[bytes], in_flight: int) -> None:
        from manyeyes.sdk.context import load_context

        self.context = load_context(context)
        self.pictures = pictures
        self.pool = ThreadPoolExecutor(in_flight)
        self.local = threading.local()

    def _send(self, number: int) -> None:
        connection = getattr(self.local, "connection", None)
        if connection is None:
            trust = ssl.create_default_context(cadata=self.context.ca_pem)
            address = urlsplit(self.context.url).netloc
            connection = self.local.connection = http.client.HTTPSConnection(address, context=trust)
        headers = {"Authorization": f"Bearer {self.context.api_key}", "Accept": "multipart/mixed"}
        connection.request("POST", "/v1/recognize", self.pictures[number % len(self.pictures)], headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"the service answered {answer.status}: {body[:300]!r}")

    def per_second(self, count: int) -> float:
        started = time.perf_counter()
        for _ in self.pool.map(self._send, range(count)):
            pass
        return count / (time.perf_counter() - started)

    def one_ms(self) -> float:
        started = time.perf_counter()
        self._send(0)
        return (time.perf_counter() - started) * 1000

    def close(self) -> None:
        self.pool.shutdown()


class Whole:
    """The service as a user of the SDK sees it: answers with JSON and the predicted picture."""

    def __init__(self, context: Path, pictures: Sequence[bytes], in_flight: int) -> None:
        from manyeyes import Client
        from manyeyes.sdk.context import load_context

        self.client = Client(load_context(context))
        self.pictures = pictures
        self.pool = ThreadPoolExecutor(in_flight)

    def per_second(self, count: int) -> float:
        started = time.perf_counter()
        pictures = [self.pictures[number % len(self.pictures)] for number in range(count)]
        for _ in self.pool.map(self.client.recognize, pictures):
            pass
        return count / (time.perf_counter() - started)

    def close(self) -> None:
        self.pool.shutdown()
        self.client.close()


def measure(asked: argparse.Namespace) -> Measured:
    whole = six_faces() if asked.six_faces else one_face(asked.side)
    pictures = make_pictures(min(asked.pictures, 50), whole)
    seen = Measured()
    with (
        tempfile.TemporaryDirectory(prefix="manyeyes-bench-") as name,
        running(Path(name), asked.cores) as (
            service,
            store,
        ),
    ):
        pack = next((store / "packs").glob("*/*/pack.toml")).parent
        bare = Bare(pack, pictures, asked.cores)
        try:
            in_flight = 2 * asked.cores + 2
            lean = LeanClient(store / "context.json", pictures, in_flight)
            sdk = Whole(store / "context.json", pictures, in_flight)
            bare.per_second(4 * asked.cores)
            lean.per_second(8 * asked.cores)
            sdk.per_second(8 * asked.cores)
            for number in range(asked.rounds):
                print(f"round {number + 1} of {asked.rounds}", file=sys.stderr)
                seen.bare_per_s.append(bare.per_second(asked.pictures))
                seen.whole_per_s.append(lean.per_second(asked.pictures))
                seen.sdk_per_s.append(sdk.per_second(asked.pictures))
                for _ in range(20):
                    seen.bare_ms.append(bare.one_ms())
                    seen.whole_ms.append(lean.one_ms())
            seen.memory_mb = memory_mb(service)
            lean.close()
            sdk.close()
        finally:
            bare.close()
    return seen


def verdict(reached: bool) -> str:
    return "reached" if reached else "**not reached**"


def report(asked: argparse.Namespace, seen: Measured) -> str:
    """The Markdown that `make bench` prints."""
    master = sum(mb for name, mb in seen.memory_mb if name in ("master", "nats-server"))
    worker = max((mb for name, mb in seen.memory_mb if name == "worker"), default=float("nan"))
    bare, whole = statistics.median(seen.bare_per_s), statistics.median(seen.whole_per_s)
    bare_ms, whole_ms = statistics.median(seen.bare_ms), statistics.median(seen.whole_ms)
    target = TARGET_RATIO_SIX if asked.six_faces else TARGET_RATIO
    size = "1280x886, six faces" if asked.six_faces else f"{asked.side}x{asked.side}, one face"
    spread = f"{min(seen.whole_per_s):.1f} to {max(seen.whole_per_s):.1f}"
    lines = [
        f"{machine()}; {asked.rounds} rounds of {asked.pictures} pictures of {size}; "
        f"{asked.cores} workers; medians.",
        "",
        "| measured | bare recogniser | whole path | compared | target | |",
        "|---|---|---|---|---|---|",
        f"| pictures/s | {bare:.1f} | {whole:.1f} ({spread}) | {seen.ratio:.2f} of bare "
        f"| ≥ {target:.2f} | {verdict(seen.ratio >= target)} |",
        f"| pictures/s through the SDK | | {statistics.median(seen.sdk_per_s):.1f} "
        f"| {statistics.median(seen.sdk_per_s) / bare:.2f} of bare | | |",
        f"| one at a time, ms | {bare_ms:.1f} | {whole_ms:.1f} | {seen.added_ms:+.1f} ms "
        f"| ≤ {TARGET_ADDED_MS:.0f} ms | {verdict(seen.added_ms <= TARGET_ADDED_MS)} |",
        f"| master and nats-server, MB (PSS) | | {master:.0f} | "
        f"| ≤ {TARGET_MASTER_MB:.0f} MB | {verdict(master <= TARGET_MASTER_MB)} |",
        f"| largest worker, MB (PSS) | | {worker:.0f} | "
        f"| ≤ {TARGET_WORKER_MB:.0f} MB | {verdict(worker <= TARGET_WORKER_MB)} |",
        "",
        "Each process, MB (PSS): " + ", ".join(f"{name} {mb:.0f}" for name, mb in seen.memory_mb) + ".",
    ]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=120, help="pictures of one round, each side")
    parser.add_argument("--side", type=int, default=512, help="pixels of each picture's side")
    parser.add_argument(
        "--six-faces", action="store_true", help="a picture of 1280x886 with six faces instead"
    )
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--json", type=Path, help="write every single measurement here too")
    asked = parser.parse_args()
    seen = measure(asked)
    print(report(asked, seen))
    if asked.json:
        asked.json.write_text(json.dumps(vars(seen), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
