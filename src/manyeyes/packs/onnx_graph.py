"""A small builder of ONNX graphs: names are numbered, constants become initializers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class Graph:
    """Nodes and constants in the order they are added; a call that adds one returns its output's name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def constant(self, value: Any) -> str:
        """Store an array (floats as float32, integers as int64); returns its name."""
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        name = f"c{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def add(self, kind: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node with one output; returns that output's name."""
        name = f"t{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def split(self, tensor: str, sizes: list[int], axis: int = 1) -> list[str]:
        """Split along an axis into parts of these sizes; returns the names of the parts."""
        names = [f"t{len(self._nodes)}_{part}" for part in range(len(sizes))]
        self._nodes.append(helper.make_node("Split", [tensor, self.constant(sizes)], names, axis=axis))
        return names

    def conv(self, tensor: str, weight_oihw: Any, bias: Any, *, stride: int = 1, padding: int = 0) -> str:
        """Add a two-dimensional convolution with a bias; weights (out, in, height, width)."""
        return self.add(
            "Conv",
            [tensor, self.constant(weight_oihw), self.constant(bias)],
            kernel_shape=list(weight_oihw.shape[2:]),
            strides=[stride] * 2,
            pads=[padding] * 4,
        )

    def pad(
        self, tensor: str, *, channels_after: int = 0, rows_after: int = 0, columns_after: int = 0
    ) -> str:
        """Pad an NCHW tensor with zeros at the end of its axes; returns `tensor` if all amounts are 0."""
        if not (channels_after or rows_after or columns_after):
            return tensor
        amounts = [0, 0, 0, 0, 0, channels_after, rows_after, columns_after]
        return self.add("Pad", [tensor, self.constant(amounts)])

    def rename(self, tensor: str, name: str) -> None:
        """Rename a tensor wherever it is used, so that it can be an output of the model."""
        for node in self._nodes:
            for names in (node.input, node.output):
                for place, seen in enumerate(names):
                    if seen == tensor:
                        names[place] = name

    def model(
        self, name: str, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto]
    ) -> onnx.ModelProto:
        """The finished, checked model."""
        graph = helper.make_graph(self._nodes, name, inputs, outputs, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION
        model.producer_name = "manyeyes"
        onnx.checker.check_model(model)
        return model
