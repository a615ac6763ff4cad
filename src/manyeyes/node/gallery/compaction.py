"""`python -m manyeyes.node.gallery.compaction MADE INDEX BASE DELTA...`: compact a gallery at a low priority."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from manyeyes.parent_death import end_with_parent
from manyeyes.recognition.matching.gallery_fold import fold, make_index

NICENESS = 10
"""Beside workers that use all cores, this priority gives about a tenth of a core. At 19 a large gallery would take
many minutes."""


def main() -> None:
    """Merge the deltas, if any, into MADE, and write its INDEX if it is large enough."""
    end_with_parent(signal.SIGKILL)
    os.nice(NICENESS)
    made, index, base, *deltas = map(Path, sys.argv[1:])
    if deltas:
        fold(base, deltas, made)
    make_index(made, index)


if __name__ == "__main__":
    main()
