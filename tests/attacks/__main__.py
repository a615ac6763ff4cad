"""`make attacks`: plays a malicious node and a stranger against a running master; prints attempt and outcome."""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.attacks import by_node, by_stranger
from tests.attacks.scene import running_scene, tried
from tests.integration.conftest import make_faulty_pack


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="attempts that hold this text")
    asked = parser.parse_args()
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="manyeyes-attacks-") as place:
        pack = Path(place) / "pack"
        pack.mkdir()
        with running_scene(Path(place), make_faulty_pack(pack)) as scene:
            for who, attacks in (("a node", by_node.ATTACKS), ("a stranger", by_stranger.ATTACKS)):
                print(f"\n| {who} tries to ... | outcome |\n|---|---|", flush=True)
                for attempt in attacks:
                    if asked.only not in attempt.words:
                        continue
                    began = time.monotonic()
                    try:
                        outcome = tried(scene, attempt.attack)
                    except Exception as error:
                        failed += 1
                        outcome = f"**succeeded, or could not be tried**: {error!r}"
                        traceback.print_exc()
                    print(f"| {attempt.words} | {outcome} |", flush=True)
                    print(f"{time.monotonic() - began:.1f} s", file=sys.stderr, flush=True)
            if failed:
                print(scene.network.master.log.read_text()[-3000:], file=sys.stderr)
    print(f"\n{failed} attacks succeeded or could not be tried")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
