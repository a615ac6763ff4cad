"""Ways in which a node leaves, each alone: how soon its pictures are taken up elsewhere, and whether any is lost or doubled.

`make leaving` runs it and prints Markdown; bench/README.md says what is measured. It needs root: each host is a network
namespace.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from machine import machine

REPO = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPO), str(REPO / "scripts")]

from tests.clocks import why_no_clock  # noqa: E402
from tests.e2e.disks import why_no_disk  # noqa: E402
from tests.e2e.hosts import why_not  # noqa: E402
from tests.e2e.memory import why_no_bound  # noqa: E402
from tests.e2e.rounds import Scene, Taken, Way, play, play_under_load, scene_of  # noqa: E402
from tests.e2e.ways_to_leave import HARMS, MASTERS, WORDS, why_no_filter  # noqa: E402
from tests.one_file_packs import write_pack  # noqa: E402

WITHIN_S = 150.0
WANTED_S = 10.0
UNDER_LOAD = ("`nodes drain`", "agent and worker killed", "worker killed", "agent frozen", "cable cut")
LOAD_PICTURES = 300


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="of each way")
    parser.add_argument("--only", nargs="+", default=[""], help="ways whose title has one of these words")
    asked = parser.parse_args()
    reasons = (why_not(), why_no_disk(), why_no_bound(), why_no_clock(), why_no_filter())
    if reason := next((reason for reason in reasons if reason), None):
        print(f"leaving: {reason}", file=sys.stderr)
        return 2
    ways = [way for way in (*WORDS, *HARMS, *MASTERS) if any(word in way.title for word in asked.only)]
    if not ways:
        parser.error("no way has one of these words")
    print(f"{machine('nats-py', 'uvloop')}; {asked.rounds} rounds of each\n", flush=True)
    with tempfile.TemporaryDirectory(prefix="manyeyes-leaving-") as name:
        folder = Path(name)
        pack = write_pack(folder / "gated", REPO / "tests" / "e2e" / "gated.py")
        with scene_of(folder / "fleet", pack, {"alpha": Way("", lambda _: None)}) as scene:
            worst = alone(scene, ways, folder, asked.rounds)
            loaded = [way for way in ways if way.title in UNDER_LOAD]
            worst = max(worst, under_load(scene, loaded, folder, asked.rounds))
    return 0 if worst < WANTED_S else 1


def alone(scene: Scene, ways: Sequence[Way], folder: Path, rounds: int) -> float:
    """The table of ways; returns the worst time of those that the node is to blame for."""
    print("| way | held | taken up, s: median | worst | lost | doubled | the node ended: status, after s |")
    print("|---|---|---|---|---|---|---|", flush=True)
    worst = 0.0
    for way in ways:
        taken = [play(scene, {"alpha": way}, folder / f"{scene.rounds:03}", WITHIN_S) for _ in range(rounds)]
        seconds = [one.taken_up_s for one in taken]
        if way not in MASTERS:
            worst = max(worst, *seconds)
        print(
            f"| {way.title} | {sum(one.held for one in taken)} | {statistics.median(seconds):.1f} "
            f"| {max(seconds):.1f} | {sum(one.lost for one in taken)} "
            f"| {sum(one.doubled for one in taken)} | {_ended(way, taken)} |",
            flush=True,
        )
    return worst


def _ended(way: Way, taken: Sequence[Taken]) -> str:
    ends = [one.ended["alpha"] for one in taken if "alpha" in one.ended]
    if way.status is None or not ends:
        return ""
    return f"{ends[0][0]}, {max(after_s for _, after_s in ends):.1f}"


def under_load(scene: Scene, ways: Sequence[Way], folder: Path, rounds: int) -> float:
    """The table of the slowest picture while pictures flow; returns the worst."""
    print("\n| while pictures flow | slowest picture, s: median | worst | lost or doubled |")
    print("|---|---|---|---|", flush=True)
    worst = 0.0
    for way in ways:
        slowest = [
            play_under_load(scene, "alpha", way, folder / f"{scene.rounds:03}", LOAD_PICTURES, WITHIN_S)
            for _ in range(rounds)
        ]
        worst = max(worst, *slowest)
        print(f"| {way.title} | {statistics.median(slowest):.1f} | {max(slowest):.1f} | 0 |", flush=True)
    return worst


if __name__ == "__main__":
    sys.exit(main())
