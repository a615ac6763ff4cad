"""Measure the ranges of the embedder's activations anew, for `src/manyeyes/packs/activation_ranges.toml`.

    python scripts/activation_ranges.py PACK PICTURE... > ranges.toml

Every face found in the pictures is cut, mirrored, darkened, brightened and blurred; the ranges span all that
their chips reach. Use pictures that are in no test. The committed ranges come from the 7 faces of
`insightface/data/images/t1.jpg` and `Tom_Hanks_54745.png` in the source distribution of insightface 2.1 and
every fourth of the 100 faces of `skimage.data.lfw_subset()`, enlarged.
"""

from __future__ import annotations

import argparse
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


def variants(chip: np.ndarray) -> list[np.ndarray]:
    both = [chip, np.ascontiguousarray(chip[:, ::-1])]
    dark = [cv2.convertScaleAbs(one, alpha=0.5) for one in both]
    bright = [cv2.convertScaleAbs(one, alpha=1.4, beta=10) for one in both]
    blurred = [cv2.GaussianBlur(one, (0, 0), 2) for one in both]
    return both + dark + bright + blurred


def small_faces() -> list[np.ndarray]:
    found = []
    for face in data.lfw_subset()[:100:4]:
        grey = (face * 255).astype(np.uint8)
        large = cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
        found.append(cv2.cvtColor(large, cv2.COLOR_GRAY2BGR))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pack", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    given = parser.parse_args()
    detector = load(given.pack).detector
    chips = small_faces()
    for path in given.pictures:
        image = cv2.imread(str(path))
        for chip in cut_chips(image, detector.detect(image).landmarks_px):
            chips += variants(chip)
    model = onnx.load(given.pack / "embed.onnx")
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
    for chip in chips:
        values = session.run(None, {"chips": chip[None]})
        low = np.minimum(low, [value.min() for value in values])
        high = np.maximum(high, [value.max() for value in values])
    print(
        "# Smallest and largest value of each tensor of embed.onnx; measured by scripts/activation_ranges.py"
    )
    print("[ranges]")
    for name, least, most in zip(names, low, high, strict=True):
        print(f"{name} = [{float(f'{least:.5g}')!r}, {float(f'{most:.5g}')!r}]")


if __name__ == "__main__":
    main()
