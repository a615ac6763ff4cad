"""dlib's face recognition ResNet: reads dlib's serialised file, and builds the same network as ONNX.

The embeddings equal dlib's own to within 1e-5 (see tests/contract/test_golden_embeddings.py).
Source: King, "High quality face recognition with deep metric learning" (2017); dlib's `dnn/layers.h`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from manyeyes.errors import WeightsRefused
from manyeyes.packs.onnx_graph import Graph

CHIP_PX = 150
PIXEL_SCALE = 256.0


@dataclass(frozen=True)
class Layer:
    """One layer of a network; `kind` is "mark" for dlib's tag and skip layers."""

    kind: str
    weight: Any = None
    bias: Any = None
    stride: int = 1
    padding: int = 0
    window: int = 0


@dataclass(frozen=True)
class Network:
    """A network of dlib: the mean of its input pixels, 0 to 255, and its layers from input to output."""

    mean_rgb: tuple[float, float, float]
    layers: tuple[Layer, ...]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise WeightsRefused(
                f"dlib weights: {count} bytes wanted at offset {self.at}, the file has {len(self.data)}"
            )
        self.at += count
        return self.data[self.at - count : self.at]

    def integer(self) -> int:
        control = self.take(1)[0]
        value = int.from_bytes(self.take(control & 0x0F), "little")
        return -value if control & 0x80 else value

    def integers(self, count: int) -> list[int]:
        return [self.integer() for _ in range(count)]

    def text(self) -> str:
        return self.take(self.integer()).decode("latin-1")

    def real(self) -> float:
        mantissa, exponent = self.integer(), self.integer()
        special = {32000: float("inf"), 32001: float("-inf"), 32002: float("nan")}
        return special[exponent] if exponent in special else float(mantissa) * 2.0**exponent

    def expect(self, wanted: object, seen: object, what: str) -> None:
        if wanted != seen:
            raise WeightsRefused(f"dlib weights: {what} is {seen!r}, expected {wanted!r} (offset {self.at})")

    def tensor(self) -> Any:
        self.expect(2, self.integer(), "tensor version")
        shape = self.integers(4)
        count = int(np.prod(shape))
        return np.frombuffer(self.take(4 * count), "<f4").reshape(shape)

    def aliases(self) -> None:
        for _ in range(2):
            self.expect(1, self.integer(), "alias version")
            self.integers(4)

    def after_details(self) -> None:
        for _ in range(3):
            flag = self.take(1)
            if flag not in (b"0", b"1"):
                raise WeightsRefused(
                    f"dlib weights: a flag is {flag!r}, expected '0' or '1' (offset {self.at})"
                )
        for _ in range(3):
            self.tensor()


def parse(data: bytes) -> Network:
    """Read dlib's serialised `dlib_face_recognition_resnet_model_v1.dat`.

    Raises:
        WeightsRefused: the file holds another network or is damaged; the message gives the offset in bytes.
    """
    read = _Reader(data)
    read.expect(1, read.integer(), "file version")
    read.expect("loss_metric_2", read.text(), "loss")
    read.real(), read.real()
    versions: list[int] = []
    while not versions or versions[-1] != 3:
        versions.append(read.integer())
        if versions[-1] not in (1, 2, 3):
            read.expect("1, 2 or 3", versions[-1], "layer version")
    read.expect("input_rgb_image_sized", read.text(), "input layer")
    mean = (read.real(), read.real(), read.real())
    read.expect([CHIP_PX, CHIP_PX], read.integers(2), "input size")
    layers = [_details(read)]
    read.after_details()
    read.integer()
    for version in reversed(versions[:-1]):
        if version == 1:
            layers.append(Layer("mark"))
            continue
        layers.append(_details(read))
        read.after_details()
    read.expect(len(data), read.at, "end of the network")
    return Network(mean, tuple(layers))


def _details(read: _Reader) -> Layer:
    kind = read.text()
    if kind == "con_4":
        params = read.tensor().reshape(-1)
        filters, rows, columns, stride, _, padding, _ = read.integers(7)
        read.aliases()
        [read.real() for _ in range(4)]
        count = params.size - filters
        weight = params[:count].reshape(filters, count // (filters * rows * columns), rows, columns)
        return Layer("conv", weight, params[count:], stride, padding)
    if kind == "affine_":
        params = read.tensor().reshape(-1)
        read.aliases()
        read.integer()
        half = params.size // 2
        return Layer("affine", params[:half], params[half:])
    if kind in ("max_pool_2", "avg_pool_2"):
        rows, _, stride, _, padding, _ = read.integers(6)
        return Layer(kind[:3] + "_pool", stride=stride, padding=padding, window=rows)
    if kind in ("relu_", "add_prev_"):
        return Layer(kind[:-1])
    if kind == "fc_2":
        outputs, inputs = read.integers(2)
        weight = read.tensor().reshape(inputs, outputs)
        read.aliases()
        read.integer()
        [read.real() for _ in range(4)]
        return Layer("fc", weight)
    raise WeightsRefused(f"dlib weights: unknown layer {kind!r} at offset {read.at}")


def to_onnx(network: Network) -> onnx.ModelProto:
    """Build the network as ONNX: `chips` uint8 (n, 150, 150, 3) BGR in, `embeddings` float32 (n, 128) out.

    Affine layers are folded into their convolutions; mean, scale and channel order into the first of them.
    """
    graph = Graph()
    current = graph.add("Transpose", ["chips"], perm=[0, 3, 1, 2])
    current = graph.add("Cast", [current], to=TensorProto.FLOAT)
    channels, side, block_channels, block_side = 3, CHIP_PX, 3, CHIP_PX
    block = branch = ""
    branch_side = 0
    first = True
    layers = network.layers
    for index, layer in enumerate(layers):
        if layer.kind == "conv":
            affine = layers[index + 1]
            weight = layer.weight * affine.weight[:, None, None, None]
            bias = layer.bias * affine.weight + affine.bias
            if first:
                weight = weight / PIXEL_SCALE
                bias = bias - np.einsum("oihw,i->o", weight, np.asarray(network.mean_rgb))
                weight, first = weight[:, ::-1], False
            size = weight.shape[2]
            padding = layer.padding
            current = graph.conv(current, weight, bias, stride=layer.stride, padding=padding)
            side = (side + 2 * padding - size) // layer.stride + 1
            channels = weight.shape[0]
        elif layer.kind == "relu":
            current = graph.add("Relu", [current])
        elif layer.kind == "max_pool":
            current = graph.add(
                "MaxPool", [current], kernel_shape=[layer.window] * 2, strides=[layer.stride] * 2
            )
            side = (side - layer.window) // layer.stride + 1
        elif layer.kind == "avg_pool" and layer.window == 0:
            current = graph.add("GlobalAveragePool", [current])
        elif layer.kind == "avg_pool":
            current = graph.add(
                "AveragePool", [current], kernel_shape=[layer.window] * 2, strides=[layer.stride] * 2
            )
            side = (side - layer.window) // layer.stride + 1
        elif layer.kind == "mark":
            following = layers[index + 1].kind
            if following == "mark":  # end of a down block's branch; its skip path starts next
                branch, branch_side, branch_channels = current, side, channels
                current, side, channels = block, block_side, block_channels
            elif following == "conv":
                block, block_side, block_channels = current, side, channels
        elif layer.kind == "add_prev":
            if not branch:
                current = graph.add("Add", [current, block])
                continue
            skip = graph.pad(current, channels_after=branch_channels - channels)
            grown = graph.pad(branch, rows_after=side - branch_side, columns_after=side - branch_side)
            current = graph.add("Add", [grown, skip])
            channels, branch = branch_channels, ""
        elif layer.kind == "fc":
            current = graph.add("Flatten", [current], axis=1)
            current = graph.add("MatMul", [current, graph.constant(layer.weight)])
    graph.rename(current, "embeddings")
    return graph.model(
        "embed",
        [helper.make_tensor_value_info("chips", TensorProto.UINT8, ["n", CHIP_PX, CHIP_PX, 3])],
        [helper.make_tensor_value_info("embeddings", TensorProto.FLOAT, ["n", 128])],
    )
