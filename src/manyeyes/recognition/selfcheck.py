"""Numbers that show whether a pack's models give the same outputs here as where the pack was built."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from manyeyes.recognition.embedding.align import cut_chips
from manyeyes.recognition.pictures.decode import decode
from manyeyes.recognition.pictures.noise import noise
from manyeyes.recognition.recognizer import Recognizer
from manyeyes.results import Precision

MOST_BOXES = 7
DISTANCES = "example_distances"
SUFFIX: dict[Precision, str] = {"fp32": "", "int8": "_int8"}


def numbers(recognizer: Recognizer) -> dict[str, list[float]]:
    """The first 32 values of each output of the pack's embedders and detectors, with `noise` as input.

    Every precision that the pack offers is run, not only the one that this machine uses.
    """
    side = recognizer.embedder.layout.side_px
    found = {
        f"embedding{SUFFIX[precision]}": embedder.embed(noise(side, side)[None])[0]
        for precision, embedder in sorted(recognizer.embedder.variants().items())
    }
    for precision, detector in sorted(recognizer.detector.variants().items()):
        found |= {
            f"{name}{SUFFIX[precision]}": values for name, values in detector.raw_outputs(noise).items()
        }
    return {name: [round(float(v), 6) for v in np.ravel(values)[:32]] for name, values in found.items()}


def example_numbers(recognizer: Recognizer, pictures: Sequence[bytes]) -> dict[str, list[float]]:
    """The outputs of the whole recogniser for a pack's example pictures.

    `example_1` and so on: the number of faces, then the boxes of the first `MOST_BOXES` faces. `DISTANCES`:
    the distances between the first face of each picture and of the next picture that shows a face.
    Faces are found in floating point, so that the boxes are the same on every machine.
    """
    if not pictures:
        return {}
    detectors = recognizer.detector.variants()
    detector = detectors.get("fp32", recognizer.detector)
    found, first = {}, []
    for number, data in enumerate(pictures, start=1):
        image = decode(data).image_hwc_u8
        seen = detector.detect(image)
        boxes = np.ravel(seen.boxes_xyxy_px[:MOST_BOXES])
        found[f"example_{number}"] = [float(len(seen)), *(round(float(v), 3) for v in boxes)]
        if len(seen):
            chips = cut_chips(image, seen.landmarks_px[:1], recognizer.embedder.layout)
            first.append(recognizer.embedder.embed(chips)[0])
    found[DISTANCES] = [round(float(np.linalg.norm(a - b)), 6) for a, b in pairwise(first)]
    return found
