"""Numbers by which a machine shows that a pack's models run on it as they did where it was built."""

from __future__ import annotations

import numpy as np

from manyeyes.recognition.arrays import Bytes
from manyeyes.recognition.recognizer import Recognizer
from manyeyes.results import Precision

OUTPUT: dict[Precision, str] = {"fp32": "embedding", "int8": "embedding_int8"}


def noise(height_px: int, width_px: int) -> Bytes:
    """The same picture on every machine, by integer arithmetic; uint8 (h, w, 3)."""
    rows, columns, channels = np.meshgrid(
        np.arange(height_px), np.arange(width_px), np.arange(3), indexing="ij"
    )
    mixed = (rows * 7919 + columns * 104729 + channels * 1299709) & 0xFFFFFF
    mixed = (mixed * (mixed >> 7 | 1)) >> 5
    return ((mixed & 127) + (rows * 127 // height_px)).astype(np.uint8)


def numbers(recognizer: Recognizer) -> dict[str, list[float]]:
    """What the pack's embedders and detector networks say about `noise`; keyed by output.

    Every precision that the pack offers is run, whichever this machine would choose.
    """
    side = recognizer.embedder.layout.side_px
    found = {
        OUTPUT[precision]: embedder.embed(noise(side, side)[None])[0]
        for precision, embedder in sorted(recognizer.embedder.variants().items())
    }
    found |= recognizer.detector.raw_outputs(noise)
    return {name: [round(float(v), 6) for v in np.ravel(values)[:32]] for name, values in found.items()}
