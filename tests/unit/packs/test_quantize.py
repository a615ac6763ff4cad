from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from skimage import data

from manyeyes.errors import PackError
from manyeyes.packs import quantize
from manyeyes.packs.centerface_onnx import float_outputs
from manyeyes.recognition.embedding.align import cut_chips
from manyeyes.recognition.recognizer import load

INT16_MAX = 32_767


@pytest.mark.parametrize(("file", "count"), [("embed-int8.onnx", 30), ("centerface-int8.onnx", 57)])
def test_no_pair_of_quantised_weights_can_leave_sixteen_bits(
    default_pack: Path, file: str, count: int
) -> None:
    model = onnx.load(default_pack / file)
    kernels = [
        array
        for constant in model.graph.initializer
        if (array := numpy_helper.to_array(constant)).dtype == np.int8 and array.ndim >= 2
    ]
    assert len(kernels) == count
    for kernel in kernels:
        whole = kernel.astype(np.int64)
        if whole.ndim == 4:
            rows = [whole.reshape(len(whole), -1), whole.transpose(0, 2, 3, 1).reshape(len(whole), -1)]
        else:
            rows = [whole.T]
        for row in rows:
            even = np.pad(row, ((0, 0), (0, row.shape[1] % 2))).reshape(len(row), -1, 2)
            assert 255 * np.maximum(even, 0).sum(axis=2).max() <= INT16_MAX
            assert 255 * np.minimum(even, 0).sum(axis=2).min() >= -INT16_MAX - 1


def test_a_pair_of_large_neighbours_gets_a_coarser_scale_than_a_lone_one() -> None:
    lone, pair = np.zeros((2, 4, 1, 1))
    lone[0], pair[0], pair[1] = 1.0, 1.0, 1.0
    scales = quantize.filter_scales(np.stack([lone, pair]))
    assert scales[0] == pytest.approx(1 / 127) and scales[1] == pytest.approx(2 / 127.5)


def test_whole_numbers_point_the_same_way_as_floating_point(default_pack: Path) -> None:
    exact, fast = load(default_pack, "fp32"), load(default_pack, "int8")
    picture = np.ascontiguousarray(data.astronaut()[:, :, ::-1])
    chip = cut_chips(picture, exact.detector.detect(picture).landmarks_px)
    chips = np.concatenate([chip, chip[:, :, ::-1], chip // 2 + 20])
    a, b = exact.embedder.embed(chips), fast.embedder.embed(chips)
    cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert not np.array_equal(a, b)
    assert cosine.min() >= 0.9985


def test_the_same_model_and_ranges_give_the_same_bytes(default_pack: Path) -> None:
    model = onnx.load(default_pack / "embed.onnx")
    again = quantize.to_int8(model, quantize.activation_ranges()).SerializeToString(deterministic=True)
    assert again == (default_pack / "embed-int8.onnx").read_bytes()


def test_ranges_of_another_model_are_refused(default_pack: Path) -> None:
    ranges = quantize.activation_ranges()
    ranges["t9999"] = ranges.pop("t7")
    with pytest.raises(PackError, match="differ in 2 tensors, first t7"):
        quantize.to_int8(onnx.load(default_pack / "embed.onnx"), ranges)


def test_layers_that_stay_in_floating_point_are_the_first_and_the_last(default_pack: Path) -> None:
    exact, model = (onnx.load(default_pack / name) for name in ("centerface.onnx", "centerface-int8.onnx"))
    kept = float_outputs(exact)
    assert "maps" in kept and len(kept) == 5
    made = {output for node in model.graph.node for output in node.output}
    in_floats = {n.output[0] for n in model.graph.node if n.op_type == "Conv" and n.input[1] not in made}
    assert in_floats == {n.output[0] for n in exact.graph.node if n.op_type == "Conv" and n.output[0] in kept}
    assert len(in_floats) == 3
