"""Builds MTCNN's three networks as ONNX from their Keras weight lists.

All take uint8 NHWC BGR pictures (mean, scale and channel order are folded into the first convolution) and
give `logit` (face or no face: the difference of the two softmax inputs), `offsets` and, for O-Net,
`landmarks`.

The networks pool before PReLU, so PReLU computes a quarter of the values. The result is the same if the slope
is not negative. A channel with a negative slope a computes max(x, a·x): it gets a second channel a·x, and the
result is the maximum of both pooled channels.
Source: Zhang et al., "Joint Face Detection and Alignment using Multi-task Cascaded CNNs" (2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from manyeyes.packs.onnx_graph import Graph

PIXEL_MEAN, PIXEL_SCALE = 127.5, 128.0
CHANNEL_BLOCK = 8
Weights = list[Any]


def pnet(weights: Weights) -> onnx.ModelProto:
    """P-Net: any picture; `logit` (1, 1, h, w), `offsets` (1, 4, h, w), stride 2, window 12."""
    graph, take = Graph(), iter(weights)
    current, order = _first(graph, take, _Pool(2, True))
    current, order = _block(graph, current, take, order, None)
    current, order = _block(graph, current, take, order, None)
    offsets_w, offsets_b, class_w, class_b = take
    logit_w = _oihw(class_w)[1:] - _oihw(class_w)[:1]
    heads = graph.conv(
        current,
        np.concatenate([logit_w, _oihw(offsets_w)]),
        np.concatenate([class_b[1:] - class_b[:1], offsets_b]),
    )
    for name, part in zip(("logit", "offsets"), graph.split(heads, [1, 4]), strict=True):
        graph.rename(part, name)
    return graph.model(
        "pnet",
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", "h", "w", 3])],
        [
            helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["n", 1, "ho", "wo"]),
            helper.make_tensor_value_info("offsets", TensorProto.FLOAT, ["n", 4, "ho", "wo"]),
        ],
    )


def rnet(weights: Weights) -> onnx.ModelProto:
    """R-Net: crops (n, 24, 24, 3); `logit` (n, 1), `offsets` (n, 4)."""
    graph, take = Graph(), iter(weights)
    current, order = _first(graph, take, _Pool(3, True))
    current, order = _block(graph, current, take, order, _Pool(3, False))
    current, order = _block(graph, current, take, order, None)
    _heads(graph, current, take, side=3, outputs=["offsets"])
    return _crops_model(graph, "rnet", 24, {"offsets": 4})


def onet(weights: Weights) -> onnx.ModelProto:
    """O-Net: crops (n, 48, 48, 3); `logit` (n, 1), `offsets` (n, 4), `landmarks` (n, 10): five x, five y."""
    graph, take = Graph(), iter(weights)
    current, order = _first(graph, take, _Pool(3, True))
    current, order = _block(graph, current, take, order, _Pool(3, False))
    current, order = _block(graph, current, take, order, _Pool(2, True))
    current, order = _block(graph, current, take, order, None)
    _heads(graph, current, take, side=3, outputs=["offsets", "landmarks"])
    return _crops_model(graph, "onet", 48, {"offsets": 4, "landmarks": 10})


class _Pool:
    def __init__(self, window: int, same: bool) -> None:
        self.window, self.same = window, same

    def add(self, graph: Graph, tensor: str) -> str:
        sizes: dict[str, Any] = {"kernel_shape": [self.window] * 2, "strides": [2, 2]}
        return graph.add("MaxPool", [tensor], ceil_mode=int(self.same), **sizes)


def _oihw(weight_hwio: Any) -> Any:
    return np.transpose(weight_hwio, (3, 2, 0, 1)).astype(np.float64)


def _first(graph: Graph, take: Any, pool: _Pool) -> tuple[str, Any]:
    weight = _oihw(next(take)) / PIXEL_SCALE
    bias = next(take) - PIXEL_MEAN * weight.sum(axis=(1, 2, 3))
    current = graph.add("Transpose", ["pictures"], perm=[0, 3, 1, 2])
    current = graph.add("Cast", [current], to=TensorProto.FLOAT)
    return _conv_prelu(graph, current, weight[:, ::-1], bias, next(take).reshape(-1), pool)


def _block(graph: Graph, current: str, take: Any, order: Any, pool: _Pool | None) -> tuple[str, Any]:
    weight, bias, slope = _oihw(next(take)), next(take), next(take).reshape(-1)
    return _conv_prelu(graph, current, weight[:, order], bias, slope, pool)


def _conv_prelu(
    graph: Graph, current: str, weight: Any, bias: Any, slope: Any, pool: _Pool | None
) -> tuple[str, Any]:
    """Add convolution, pool and PReLU; returns the output's name and the new order of its channels."""
    channels = len(slope)
    if pool is None:
        current = graph.conv(current, weight, bias)
        return _prelu(graph, current, slope), np.arange(channels)
    plain, negative = np.flatnonzero(slope >= 0), np.flatnonzero(slope < 0)
    order = np.concatenate([plain, negative])
    twin = slope[negative].astype(np.float64)
    weight = np.concatenate([weight[order], weight[negative] * twin[:, None, None, None]])
    bias = np.concatenate([bias[order], bias[negative] * twin])
    # with a whole number of blocks, ONNX Runtime pools in the memory layout of its convolutions
    idle = -len(bias) % CHANNEL_BLOCK
    weight = np.pad(weight, ((0, idle), (0, 0), (0, 0), (0, 0)))
    current = pool.add(graph, graph.conv(current, weight, np.pad(bias, (0, idle))))
    sizes = [len(plain), len(negative), len(negative), idle]
    used = [size for size in sizes if size]
    parts = iter(graph.split(current, used) if len(used) > 1 else [current])
    joined = [_prelu(graph, next(parts), slope[plain])] if len(plain) else []
    if len(negative):
        joined.append(graph.add("Max", [next(parts), next(parts)]))
    return graph.add("Concat", joined, axis=1) if len(joined) > 1 else joined[0], order


def _prelu(graph: Graph, current: str, slope: Any) -> str:
    """PReLU of an NCHW tensor, as a·x + relu((1 - a)·x) if no slope exceeds 1.

    ONNX Runtime computes this form in the memory layout of its convolutions, but PRelu only in plain NCHW.
    """
    slopes = slope.reshape(-1, 1, 1).astype(np.float64)
    if slopes.max() > 1.0:
        return graph.add("PRelu", [current, graph.constant(slopes)])
    straight = graph.add("Mul", [current, graph.constant(slopes)])
    rest = graph.add("Mul", [current, graph.constant(1.0 - slopes)])
    return graph.add("Add", [straight, graph.add("Relu", [rest])])


def _heads(graph: Graph, current: str, take: Any, *, side: int, outputs: list[str]) -> None:
    weight, bias, slope = next(take), next(take), next(take).reshape(-1)
    channels = weight.shape[0] // (side * side)
    # the Keras network flattens in the order width, height, channel; this one in channel, height, width
    weight = weight.reshape(side, side, channels, -1).transpose(2, 1, 0, 3).reshape(weight.shape)
    current = graph.add("Flatten", [current], axis=1)
    current = graph.add("Gemm", [current, graph.constant(weight), graph.constant(bias)])
    current = graph.add("PRelu", [current, graph.constant(slope)])
    for name in outputs:
        head = graph.add("Gemm", [current, graph.constant(next(take)), graph.constant(next(take))])
        graph.rename(head, name)
    weight, bias = next(take), next(take)
    logit = [graph.constant(weight[:, 1:] - weight[:, :1]), graph.constant(bias[1:] - bias[:1])]
    graph.rename(graph.add("Gemm", [current, *logit]), "logit")


def _crops_model(graph: Graph, name: str, side: int, outputs: dict[str, int]) -> onnx.ModelProto:
    return graph.model(
        name,
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", side, side, 3])],
        [
            helper.make_tensor_value_info("logit", TensorProto.FLOAT, ["n", 1]),
            *(helper.make_tensor_value_info(key, TensorProto.FLOAT, ["n", n]) for key, n in outputs.items()),
        ],
    )
