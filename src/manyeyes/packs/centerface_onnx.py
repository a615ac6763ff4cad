"""Builds the default detector from CenterFace's published ONNX file.

The file fixes its picture's size and takes float RGB. The built network takes one uint8 BGR picture of any size
whose sides are multiples of 32 px. It gives `maps` (1, 15, h/4, w/4): for each cell the logit of a face, the
logarithms of height and width, the offsets of row and column, and five landmarks as (y, x).

Batch normalisation folds into the convolution before it. A transposed convolution whose windows do not overlap
is a convolution with four times the channels and a rearrangement; ONNX Runtime runs that faster.
Source: Xu et al., "CenterFace: Joint Face Detection and Alignment Using Face as Point" (2019).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from manyeyes.errors import PackError
from manyeyes.packs.onnx_graph import Graph

HEADS = ("537", "538", "539", "540")
"""The published outputs: face, sides, offsets, landmarks."""
CHANNELS = 15


def centerface(published: bytes) -> onnx.ModelProto:
    """The network that the pack holds.

    Raises:
        PackError: the file is not built of what CenterFace is built of.
    """
    source = onnx.load_from_string(published).graph
    weights = {one.name: numpy_helper.to_array(one) for one in source.initializer}
    graph, named = Graph(), {}
    picture = graph.add("Transpose", ["picture"], perm=[0, 3, 1, 2])
    named[source.input[0].name] = graph.add("Cast", [picture], to=TensorProto.FLOAT)
    heads: dict[str, tuple[str, Any, Any]] = {}
    nodes = list(source.node)
    while nodes:
        node = nodes.pop(0)
        given = [named[name] for name in node.input if name in named]
        out = node.output[0]
        if node.op_type == "Conv":
            weight, bias = weights[node.input[1]], weights[node.input[2]]
            if node.input[0] == source.input[0].name:
                weight = weight[:, ::-1]
            used = [other for other in source.node if out in other.input]
            if out in HEADS or (used and used[0].op_type == "Sigmoid"):
                heads[used[0].output[0] if used else out] = (given[0], weight, bias)
                continue
            named[out] = _conv(graph, node, given[0], weight, bias)
        elif node.op_type == "ConvTranspose":
            normal = nodes.pop(0)
            named[normal.output[0]] = _doubled(graph, given[0], weights[node.input[1]], normal, weights)
        elif node.op_type in ("Relu", "Add"):
            named[out] = graph.add(node.op_type, given)
        elif node.op_type != "Sigmoid":
            raise PackError(
                f"CenterFace's file holds {node.op_type}, which it is not built of; build from the pinned file"
            )
    weight, bias = (np.concatenate([heads[name][part] for name in HEADS]) for part in (1, 2))
    graph.rename(graph.conv(heads[HEADS[0]][0], weight, bias), "maps")
    return graph.model(
        "centerface",
        [helper.make_tensor_value_info("picture", TensorProto.UINT8, [1, "h", "w", 3])],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, [1, CHANNELS, "ho", "wo"])],
    )


def float_outputs(model: onnx.ModelProto) -> frozenset[str]:
    """The outputs of the operators that an int8 copy computes in floating point: the first and the last layers.

    In int8 they lose faces, and their share of the time is small.
    """
    layers = [node for node in model.graph.node if node.op_type not in ("Transpose", "Cast")]
    return frozenset(node.output[0] for node in (*layers[:2], *layers[-3:]))


def _conv(graph: Graph, node: onnx.NodeProto, given: str, weight: Any, bias: Any) -> str:
    set_to = {one.name: helper.get_attribute_value(one) for one in node.attribute}
    names = [given, graph.constant(weight), graph.constant(bias)]
    return graph.add(
        "Conv", names, **{key: set_to[key] for key in ("kernel_shape", "strides", "pads", "group")}
    )


def _doubled(
    graph: Graph, given: str, weight_iohw: Any, normal: onnx.NodeProto, weights: dict[str, Any]
) -> str:
    """Twice the size: each input pixel becomes 2 × 2, then normalised."""
    scale, shift, mean, variance = (weights[name].astype(np.float64) for name in normal.input[1:5])
    (epsilon,) = (one.f for one in normal.attribute if one.name == "epsilon")
    times = scale / np.sqrt(variance + epsilon)
    weight = weight_iohw.astype(np.float64) * times[None, :, None, None]
    # output channel · 4 + row · 2 + column, as DepthToSpace orders them
    rows = weight.transpose(1, 2, 3, 0).reshape(-1, weight.shape[0], 1, 1)
    bias = np.repeat(shift - mean * times, 4)
    return graph.add("DepthToSpace", [graph.conv(given, rows, bias)], blocksize=2, mode="CRD")
