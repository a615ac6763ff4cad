"""Runs one `manyeyes` command under cProfile: `python bench/profiled.py OUT.prof master ...`.

SIGUSR1 starts the profile, a second one ends it and writes it, so that start and stop of the role are not in it. It
covers the main thread, where the event loop runs; OUT.json tells the processor time of that thread and of all.
"""

from __future__ import annotations

import cProfile
import json
import signal
import sys
import time
from pathlib import Path


class Recording:
    """One profile between two signals."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._profile = cProfile.Profile()
        self._began_s: tuple[float, float] | None = None

    def toggle(self, *_: object) -> None:
        """Start, or end and write."""
        now_s = time.thread_time(), time.process_time()
        if self._began_s is None:
            self._began_s = now_s
            self._profile.enable()
            return
        self._profile.disable()
        self._profile.dump_stats(self._out.with_suffix(".part"))
        thread_s, process_s = (now - began for now, began in zip(now_s, self._began_s, strict=True))
        self._out.with_suffix(".json").write_text(json.dumps({"thread_s": thread_s, "process_s": process_s}))
        self._out.with_suffix(".part").replace(self._out)


def main() -> None:
    """Never returns, as the command itself."""
    from manyeyes.cli.app import main as command

    signal.signal(signal.SIGUSR1, Recording(Path(sys.argv[1])).toggle)
    command(sys.argv[2:])


if __name__ == "__main__":
    main()
