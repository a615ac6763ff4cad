"""What counting costs a master: microseconds for each picture, chunk, notice and exposition.

Run `python bench/counting.py`; it prints a Markdown table.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack

from manyeyes.config import AlertLimits
from manyeyes.dispatch.trace import PictureTrace
from manyeyes.face_results import RECOGNISER_STAGES, FaceOutcome
from manyeyes.monitoring.alerts import Disk, Facts, NodeFacts, find_alerts
from manyeyes.monitoring.change_events import EventHub
from manyeyes.monitoring.metrics import STAGES, Levels, Metrics
from manyeyes.monitoring.recorder import PictureRecorder
from manyeyes.monitoring.time_series import Series
from manyeyes.results import Result

NODES = 1000
LISTENERS = 10
LEVELS = Levels(1, 2, 3.0, 4, {"ready": NODES}, 5, 6, 7, 8, 9, 10, 11, 12, LISTENERS, {})


def best_us(act: Callable[[], object], times: int) -> float:
    """Microseconds of processor time of one call, the best of five rounds."""
    rounds = []
    for _ in range(5):
        begun = time.process_time()
        for _ in range(times):
            act()
        rounds.append((time.process_time() - begun) / times)
    return min(rounds) * 1e6


def main() -> None:
    """Measure and print."""
    metrics, series, events = Metrics({"version": "0"}), Series(time.monotonic()), EventHub()
    recorder = PictureRecorder(metrics, series, events)
    stages = dict.fromkeys(RECOGNISER_STAGES, 2.0)
    found = Result(width_px=9, height_px=9, media_type="image/png", faces=(), pack="p", timings_ms=stages)
    outcome = FaceOutcome("t", result=found)
    for number in range(NODES):
        series.ended(f"node-{number}", True, time.monotonic())

    def picture() -> None:
        now = time.monotonic()
        recorder.accepted("recognize")
        trace = PictureTrace(now - 1)
        trace.dispatched("node-7", now - 0.5)
        recorder.attempt_ended("node-7", "done", None)
        recorder.answered("recognize", "node-7", None, outcome, trace, now)

    node = NodeFacts("n", "ready", disk=Disk(10**11, 10**12))
    facts = Facts((node,) * NODES, True, Disk(10**11, 10**12), 0, 0.0, 1, 0)
    ahead, limits = [time.monotonic()], AlertLimits()

    def new_bucket() -> None:
        ahead[0] += 10
        series.levels(1, 1, ahead[0])

    rows = [
        ("a picture, from taken in to answered", best_us(picture, 5_000)),
        ("a chunk of a body, either way", best_us(lambda: metrics.received(9), 50_000)),
    ]
    with ExitStack() as stack:
        for _ in range(LISTENERS):
            stack.enter_context(events.listening())
        rows.append((f"a picture, {LISTENERS} pages open", best_us(picture, 5_000)))
        rows.append((f"a notice, {LISTENERS} pages open", best_us(lambda: events.notify("people"), 50_000)))
    rows.append((f"an exposition, {len(STAGES)} stages", best_us(lambda: metrics.exposition(LEVELS), 50)))
    rows.append((f"what needs a person, {NODES} nodes", best_us(lambda: find_alerts(facts, limits), 20)))
    rows.append((f"a new bucket, {NODES} nodes", best_us(new_bucket, 100)))
    print("| what | µs |\n|---|---|")
    for what, cost_us in rows:
        print(f"| {what} | {cost_us:.3g} |")


if __name__ == "__main__":
    main()
