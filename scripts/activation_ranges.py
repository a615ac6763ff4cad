"""Measure the ranges of a network's activations anew, for the files beside `src/manyeyes/packs/quantize.py`.

    python scripts/activation_ranges.py embedder PACK GROUP PORTRAIT > src/manyeyes/packs/activation_ranges.toml
    python scripts/activation_ranges.py detector PACK GROUP PORTRAIT > src/manyeyes/packs/centerface_ranges.toml

Use pictures that are in no test. The committed ranges come from `insightface/data/images/t1.jpg` (GROUP, 6 faces) and
`Tom_Hanks_54745.png` (PORTRAIT) in the source distribution of insightface, and every fourth of the 100 faces of
`skimage.data.lfw_subset()`.

The embedder sees every face that is found, cut, mirrored, darkened, brightened and blurred. The detector sees the
pictures at many sizes and repeated as crowds, also darkened, brightened, blurred and mirrored.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
from onnx import TensorProto, helper
from skimage import data

from manyeyes.packs.quantize import ranged_tensors
from manyeyes.recognition.embedding.align import cut_chips
from manyeyes.recognition.recognizer import load

SIDE_PX = 150
GROUP_SHARES = (0.125, 0.175, 0.25, 0.35, 0.5, 0.75, 1.0)
CROWDS = ((0.18, 4, 3), (0.09, 5, 5))
"""Size of the group's picture, and how often it is repeated down and across."""
CHANGED_BELOW_PX = 700
MULTIPLE_PX = 32


def variants(chip: np.ndarray) -> list[np.ndarray]:
    both = [chip, np.ascontiguousarray(chip[:, ::-1])]
    dark = [cv2.convertScaleAbs(one, alpha=0.5) for one in both]
    bright = [cv2.convertScaleAbs(one, alpha=1.4, beta=10) for one in both]
    blurred = [cv2.GaussianBlur(one, (0, 0), 2) for one in both]
    return both + dark + bright + blurred


def small_faces() -> list[np.ndarray]:
    """25 faces, BGR (25, 25, 3)."""
    grey = [(face * 255).astype(np.uint8) for face in data.lfw_subset()[:100:4]]
    return [cv2.cvtColor(face, cv2.COLOR_GRAY2BGR) for face in grey]


def chips(pack: Path, pictures: list[np.ndarray]) -> Iterator[np.ndarray]:
    """What the embedder sees."""
    for face in small_faces():
        yield cv2.resize(face, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    detector = load(pack).detector
    for image in pictures:
        for chip in cut_chips(image, detector.detect(image).landmarks_px):
            yield from variants(chip)


def scenes(group: np.ndarray, portrait: np.ndarray) -> Iterator[np.ndarray]:
    """What the detector sees; the sides are multiples of 32 px."""
    found = [_scaled(group, share) for share in GROUP_SHARES]
    found += [np.tile(_scaled(group, share), (down, across, 1)) for share, down, across in CROWDS]
    faces = small_faces()
    wall = np.vstack([np.hstack(faces[start : start + 5]) for start in range(0, 25, 5)])
    found += [cv2.resize(wall, None, fx=k, fy=k, interpolation=cv2.INTER_CUBIC) for k in (1, 2, 4)]
    grey = cv2.copyMakeBorder(portrait, 60, 60, 60, 60, cv2.BORDER_CONSTANT, value=(127,) * 3)
    found += [portrait, cv2.resize(portrait, None, fx=3, fy=3), grey]
    for image in found:
        yield _padded(image)
        if max(image.shape) <= CHANGED_BELOW_PX:
            yield _padded(cv2.convertScaleAbs(image, alpha=0.4))
            yield _padded(cv2.convertScaleAbs(image, alpha=1.5, beta=15))
            yield _padded(cv2.GaussianBlur(image, (0, 0), 1.5))
            yield _padded(image[:, ::-1])


def _scaled(image: np.ndarray, share: float) -> np.ndarray:
    return (
        image if share == 1.0 else cv2.resize(image, None, fx=share, fy=share, interpolation=cv2.INTER_AREA)
    )


def _padded(image: np.ndarray) -> np.ndarray:
    height, width = (-(-side // MULTIPLE_PX) * MULTIPLE_PX for side in image.shape[:2])
    canvas = np.zeros((height, width, 3), np.uint8)
    canvas[: image.shape[0], : image.shape[1]] = image
    return canvas


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("network", choices=["embedder", "detector"])
    parser.add_argument("pack", type=Path)
    parser.add_argument("group", type=Path)
    parser.add_argument("portrait", type=Path)
    given = parser.parse_args()
    group, portrait = (cv2.imread(str(path)) for path in (given.group, given.portrait))
    embedder = given.network == "embedder"
    shown = chips(given.pack, [group, portrait]) if embedder else scenes(group, portrait)
    file, entry = ("embed.onnx", "chips") if embedder else ("centerface.onnx", "picture")
    model = onnx.load(given.pack / file)
    names = ranged_tensors(model)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names)
    import onnxruntime  # after manyeyes, which switches off what it reports to its maker

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    for image in shown:
        values = session.run(None, {entry: image[None]})
        low = np.minimum(low, [value.min() for value in values])
        high = np.maximum(high, [value.max() for value in values])
    print(f"# Smallest and largest value of each tensor of {file}; measured by scripts/activation_ranges.py")
    print("[ranges]")
    for name, least, most in zip(names, low, high, strict=True):
        print(f"{name} = [{float(f'{least:.5g}')!r}, {float(f'{most:.5g}')!r}]")


if __name__ == "__main__":
    main()
