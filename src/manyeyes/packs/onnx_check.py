"""Checks an untrusted ONNX file before anything runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import numpy_helper

from manyeyes.config import MAX_MODEL_BYTES, MEBIBYTE
from manyeyes.errors import FileTrouble, ModelRefused
from manyeyes.local_files import read_whole

KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
"""Operator domains that ONNX Runtime implements; an operator of another domain needs extra code."""
_QUANTISED = {"QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger", "DequantizeLinear", "QGemm"}
_ARITHMETIC = {"Sub": np.subtract, "Mul": np.multiply, "Div": np.divide, "Add": np.add}
_TRANSPARENT = {"Identity", "Cast", "Transpose"}
_DARKEST_AND_LIGHTEST = np.array([0.0, 255.0])
NEAR_ZERO = 8.0
"""Normalised pixels are within a few units of zero, whatever the mean and the scale are."""


def read_model(path: Path, *, max_bytes: int = MAX_MODEL_BYTES) -> tuple[onnx.ModelProto, bytes]:
    """Parse a file and check that manyeyes accepts it; the model is not run.

    Returns:
        The model, and the bytes of the file.

    Raises:
        FileTrouble: the file cannot be read.
        ModelRefused: the file is too large or no ONNX, its weights are in other files, or it uses operators
            that ONNX Runtime lacks; the message says which.
    """
    try:
        size = path.stat().st_size
        if size > max_bytes:
            raise ModelRefused(
                f"{path} has {size / MEBIBYTE:.0f} MiB, the limit is {max_bytes / MEBIBYTE:.0f}; "
                "take a smaller model"
            )
        data = read_whole(path, max_bytes)
    except OSError as error:
        raise FileTrouble(f"cannot read the model {path}: {error.strerror}") from error
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise ModelRefused(f"{path} is not an ONNX file: {error}") from error
    if not model.graph.node:
        raise ModelRefused(f"{path} is not an ONNX file, or has no operators")
    own = {(function.domain, function.name) for function in model.functions}
    for node in _nodes(model):
        if node.domain not in KNOWN_DOMAINS and (node.domain, node.op_type) not in own:
            raise ModelRefused(
                f"{path} uses the operator {node.op_type} of {node.domain}, which ONNX Runtime does not have; "
                "export the model without custom operators"
            )
    for tensor in _tensors(model):
        if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
            where = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
            raise ModelRefused(
                f"{path} keeps the weights {tensor.name!r} in another file ({where!r}); a pack takes models that "
                "are whole: save it with save_as_external_data=False"
            )
    return model, data


def is_quantised(model: onnx.ModelProto) -> bool:
    """Whether the model computes with 8 bit integers."""
    return any(node.op_type in _QUANTISED for node in _nodes(model))


def normalises_its_input(model: onnx.ModelProto) -> bool:
    """Whether the graph's first operators bring pixels, 0 to 255, near zero; it needs raw pixels then."""
    constants: dict[str, Any] = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if len(tensor.dims) < 5
    }
    given = {value.name for value in model.graph.input} - constants.keys()
    pixels = {name: _DARKEST_AND_LIGHTEST for name in given}
    for node in model.graph.node:
        if node.op_type == "Constant":
            values = [attribute.t for attribute in node.attribute if attribute.name == "value"]
            constants[node.output[0]] = numpy_helper.to_array(values[0]) if values else None
        elif pixels.keys() & set(node.input):
            seen = _first_step(node, pixels, constants)
            if seen is None:
                break
            pixels = {node.output[0]: seen}
    seen = next(iter(pixels.values()), _DARKEST_AND_LIGHTEST)
    return bool(np.abs(seen).max() <= NEAR_ZERO and np.ptp(seen) > 0)


def _first_step(node: onnx.NodeProto, pixels: dict[str, Any], constants: dict[str, Any]) -> Any:
    """The darkest and the lightest pixel after a node; None if the node is not plain arithmetic."""
    if node.op_type in _TRANSPARENT:
        return next(pixels[name] for name in node.input if name in pixels)
    values: list[Any] = [pixels.get(name, constants.get(name)) for name in node.input]
    if node.op_type not in _ARITHMETIC or len(values) != 2 or any(value is None for value in values):
        return None
    means: list[Any] = [
        value if name in pixels else np.mean(value) for name, value in zip(node.input, values, strict=True)
    ]
    with np.errstate(all="ignore"):
        return _ARITHMETIC[node.op_type](*means)


def loosen_size(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose picture input takes any height and width; only a test run shows whether it works."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    constants = {tensor.name for tensor in copy.graph.initializer}
    for given in copy.graph.input:
        axes = given.type.tensor_type.shape.dim
        if given.name in constants or len(axes) != 4:
            continue
        places = (2, 3) if axes[1].dim_value == 3 else (1, 2)
        for place, name in zip(places, ("height", "width"), strict=True):
            axes[place].dim_param = name
    del copy.graph.value_info[:]
    for output in copy.graph.output:
        output.type.tensor_type.ClearField("shape")
    return copy


def _nodes(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    for function in model.functions:
        yield from _nodes_of(function.node)
    yield from _nodes_of(model.graph.node)


def _nodes_of(nodes: object) -> Iterator[onnx.NodeProto]:
    for node in nodes:  # type: ignore[attr-defined]
        yield node
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _nodes_of(graph.node)


def _tensors(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    yield from _tensors_of(model.graph)
    for node in _nodes(model):
        for attribute in node.attribute:
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
            for graph in (attribute.g, *attribute.graphs):
                yield from _tensors_of(graph)


def _tensors_of(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
