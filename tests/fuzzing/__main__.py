"""`make fuzz`: broken pictures through the whole recogniser; prints what came out, fails on anything untyped."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from manyeyes.packs.store import ensure_default
from tests.fuzzing.harness import feed
from tests.fuzzing.mutations import broken

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    seeds = range(asked.first, asked.first + asked.inputs)
    seen = feed(ensure_default(ROOT / ".cache"), map(broken, seeds), ROOT / ".cache" / "fuzz")
    print(seen.as_markdown())
    return 1 if seen.failures else 0


if __name__ == "__main__":
    sys.exit(main())
