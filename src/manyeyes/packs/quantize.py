"""Quantises the networks of the default pack to int8: uint8 activations, int8 weights with a scale for each filter.

x86 processors without VNNI multiply uint8 by int8 in pairs and add the two products in 16 bits, which
saturate: |255·a + 255·b| must stay below 32,768. Here the scale of each filter is so large that no pair of
neighbouring weights reaches this limit, in either of the two usual memory layouts. So the same file gives the
same sums on every processor. This costs a third of a bit of weight precision; 7-bit weights cost a whole bit.

The ranges of the activations were measured once (`scripts/activation_ranges.py`) and are read from files beside
this one: building needs no picture.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from manyeyes.errors import PackError

Ranges = dict[str, tuple[float, float]]
"""Tensor name -> smallest and largest value seen."""

WEIGHT_LIMIT = 127.0
PAIR_LIMIT = 127.5
"""Limit for the sum of two neighbouring weights of one sign; 128 after rounding: 255 · 128 < 32,768."""
FLOAT_ONLY = frozenset({"Transpose", "Cast"})
"""Operators that are not quantised: before the first convolution the picture is already uint8."""


EMBEDDER_RANGES, DETECTOR_RANGES = "activation_ranges.toml", "centerface_ranges.toml"


def activation_ranges(file: str = EMBEDDER_RANGES) -> Ranges:
    """The measured ranges of one of the default pack's networks."""
    text = resources.files("manyeyes.packs").joinpath(file).read_text("utf-8")
    return {name: (float(low), float(high)) for name, (low, high) in tomllib.loads(text)["ranges"].items()}


def ranged_tensors(model: onnx.ModelProto) -> list[str]:
    """The tensors of a model that need a range, in graph order."""
    return [name for node in model.graph.node if node.op_type != "Transpose" for name in node.output]


def to_int8(model: onnx.ModelProto, ranges: Ranges, floats: frozenset[str] = frozenset()) -> onnx.ModelProto:
    """A copy of the model with quantise and dequantise nodes around every operator.

    Args:
        floats: the outputs of operators that stay in floating point.

    Raises:
        PackError: a tensor of the model has no range, or a range has no tensor.
    """
    # imported here: only a build needs these
    from onnxruntime.quantization import QuantType
    from onnxruntime.quantization.calibrate import CalibrationMethod, TensorData, TensorsData
    from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

    unlike = set(ranged_tensors(model)) ^ set(ranges)
    if unlike:
        raise PackError(
            f"activation ranges and model differ in {len(unlike)} tensors, first {min(unlike)}; "
            "measure the ranges of this model again"
        )
    named = onnx.ModelProto()
    named.CopyFrom(model)
    for place, node in enumerate(named.graph.node):
        node.name = f"n{place}"
    held = {
        name: TensorData(lowest=np.float32(min(low, 0.0)), highest=np.float32(max(high, 0.0)))
        for name, (low, high) in ranges.items()
    }
    quantizer = QDQQuantizer(
        named,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.MinMax, held),
        nodes_to_quantize=[],
        nodes_to_exclude=[node.name for node in named.graph.node if floats & set(node.output)],
        op_types_to_quantize=sorted({node.op_type for node in named.graph.node} - FLOAT_ONLY),
        extra_options={"TensorQuantOverrides": _weight_scales(named, QuantType.QInt8)},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    quantized: onnx.ModelProto = quantizer.model.model
    onnx.checker.check_model(quantized)
    return quantized


def filter_scales(weight: Any) -> Any:
    """The scale of each filter, (o,), for a convolution (o, i, h, w) or a matrix (i, o).

    Each is the smallest scale with which every weight and every pair of neighbours stays within its limit.
    """
    if weight.ndim == 4:
        layouts = [weight.reshape(len(weight), -1), weight.transpose(0, 2, 3, 1).reshape(len(weight), -1)]
    else:
        layouts = [weight.T]
    largest = np.abs(layouts[0]).max(axis=1) / WEIGHT_LIMIT
    pairs = np.maximum.reduce([_largest_pair(rows) for rows in layouts]) / PAIR_LIMIT
    return np.maximum(np.maximum(largest, pairs), 1e-12).astype(np.float32)


def _largest_pair(rows: Any) -> Any:
    """The largest sum of two neighbours that share a sign, for each row of (o, k)."""
    even = np.pad(rows, ((0, 0), (0, rows.shape[1] % 2))).reshape(len(rows), -1, 2)
    return np.maximum(np.maximum(even, 0).sum(axis=2), np.maximum(-even, 0).sum(axis=2)).max(axis=1)


def _weight_scales(model: onnx.ModelProto, kind: Any) -> dict[str, list[dict[str, Any]]]:
    constants = {constant.name: constant for constant in model.graph.initializer}
    scales: dict[str, list[dict[str, Any]]] = {}
    for node in model.graph.node:
        if node.op_type in ("Conv", "MatMul"):
            weight = numpy_helper.to_array(constants[node.input[1]])
            each = [
                {"quant_type": kind, "scale": scale, "zero_point": np.int8(0)}
                for scale in filter_scales(weight)
            ]
            each[0]["axis"] = 0 if weight.ndim == 4 else 1
            scales[node.input[1]] = each
    return scales
