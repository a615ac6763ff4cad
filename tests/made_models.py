"""Small ONNX models with the inputs and outputs of YuNet, SCRFD and ArcFace, and with known answers.

The detectors see a *mark*, a bright square that fills one cell of a stride: its score is the brightness of the cell.
Its box and landmarks are at fixed places (`CENTRE`, `SIDES`, `LANDMARKS`: in strides, from the cell's top left
corner). The embedder is a fixed random projection of the chip's coarse pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.compose
from onnx import TensorProto, helper

from manyeyes.packs.onnx_graph import Graph
from manyeyes.recognition.embedding.align import DLIB_CHIP, similarity
from manyeyes.recognition.embedding.arcface import ARCFACE_CHIP

STRIDES = (8, 16, 32)
CENTRE = (0.5, 0.5)
SIDES = (12.0, 14.0)
LANDMARKS = np.array([[-2.4, -2.0], [3.4, -2.2], [0.5, 0.6], [-1.8, 3.2], [2.8, 3.0]])
Size = tuple[int, int] | None


def box_of(corner_xy: tuple[int, int], stride: int) -> Any:
    """The box of a mark: x1 y1 x2 y2 px."""
    centre = np.array(corner_xy) + np.array(CENTRE) * stride
    half = np.array(SIDES) * stride / 2
    return np.hstack([centre - half, centre + half])


def landmarks_of(corner_xy: tuple[int, int], stride: int) -> Any:
    """The landmarks of a mark, (5, 2) px."""
    return np.array(corner_xy) + LANDMARKS * stride


def yunet(size: Size = None, *, sees: tuple[int, ...] = (8,), reverse: bool = False) -> onnx.ModelProto:
    """A model like YuNet (2023). `sees`: the strides that detect marks. The score is the blue channel's brightness."""
    graph = Graph()
    blue = graph.split("input", [1, 2])[0]
    blue = graph.add("Mul", [blue, graph.constant([1 / 255])])
    for stride in STRIDES:
        cells = graph.add("AveragePool", [blue], kernel_shape=[stride] * 2, strides=[stride] * 2)
        cells = graph.add("Mul", [cells, graph.constant([float(stride in sees)])])
        for name in ("cls", "obj"):
            graph.rename(_rows(graph, cells, [1, -1, 1]), f"{name}_{stride}")
        box = [*CENTRE, *np.log(SIDES)]
        graph.rename(_constants(graph, cells, box, [1, -1, 4]), f"bbox_{stride}")
        graph.rename(_constants(graph, cells, LANDMARKS.ravel(), [1, -1, 10]), f"kps_{stride}")
    names = [(f"{n}_{s}", w) for n, w in (("cls", 1), ("obj", 1), ("bbox", 4), ("kps", 10)) for s in STRIDES]
    if reverse:
        names.reverse()
    return _model(graph, "input", [1, 3, *(size or ("h", "w"))], [(n, [1, None, w]) for n, w in names])


def scrfd(
    size: Size = None, *, batched: bool = False, landmarks: bool = True, anchors: int = 2
) -> onnx.ModelProto:
    """A model like SCRFD. The last anchor of a stride-8 cell detects marks; the score is the brightness of red."""
    graph = Graph()
    red = graph.split("input.1", [1, 2])[0]
    red = graph.add("Mul", [red, graph.constant([128.0])])
    red = graph.add("Mul", [graph.add("Add", [red, graph.constant([127.5])]), graph.constant([1 / 255])])
    first = [1] if batched else []
    outputs = []
    for stride in STRIDES:
        cells = graph.add("AveragePool", [red], kernel_shape=[stride] * 2, strides=[stride] * 2)
        weight = np.zeros((anchors, 1, 1, 1))
        weight[-1] = float(stride == 8)
        score = _rows(graph, graph.conv(cells, weight, np.zeros(anchors)), [*first, -1, 1])
        centre, half = np.array(CENTRE), np.array(SIDES) / 2
        box = np.tile(np.hstack([half - centre, half + centre]), anchors)
        points = np.tile(LANDMARKS.ravel(), anchors)
        parts = [(score, 1), (_constants(graph, cells, box, [*first, -1, 4]), 4)]
        if landmarks:
            parts.append((_constants(graph, cells, points, [*first, -1, 10]), 10))
        for tensor, width in parts:
            graph.rename(tensor, f"{440 + stride + width}")
            outputs.append((f"{440 + stride + width}", [*first, None, width]))
    outputs.sort(key=lambda output: output[1][-1])
    return _model(graph, "input.1", [1, 3, *(size or ("h", "w"))], outputs)


def arcface(
    dimensions: int = 512,
    *,
    batch: int | str = "n",
    side: int = 112,
    channels_last: bool = False,
    normalises: bool = False,
    names: tuple[str, str] = ("input.1", "683"),
    seed: int = 1,
) -> onnx.ModelProto:
    """A model like ArcFace. `normalises`: raw pixels go in, mean and scale are in the graph, as in SFace (MXNet)."""
    graph = Graph()
    source, target = names
    current = graph.add("Transpose", [source], perm=[0, 3, 1, 2]) if channels_last else source
    if normalises:
        current = graph.add("Sub", [current, graph.constant([127.5])])
        current = graph.add("Mul", [current, graph.constant([0.0078125])])
    current = graph.add("AveragePool", [current], kernel_shape=[8, 8], strides=[8, 8])
    current = graph.add("Flatten", [current], axis=1)
    projection = np.random.default_rng(seed).normal(size=(3 * (side // 8) ** 2, dimensions)) / 24
    graph.rename(graph.add("MatMul", [current, graph.constant(projection)]), target)
    shape = [batch, side, side, 3] if channels_last else [batch, 3, side, side]
    return _model(graph, source, shape, [(target, [batch, dimensions])])


def dressed_as_arcface(embedder: Path) -> onnx.ModelProto:
    """The default pack's embedder with ArcFace's input: 112×112, RGB, -1 to 1, ArcFace's template.

    The chip is moved so that its landmarks fit dlib's template. ArcFace's chip ends above dlib's, at the chin: its
    last row is repeated below.
    """
    move = similarity(ARCFACE_CHIP.template_px, DLIB_CHIP.template_px)
    side = round(112 * float(np.hypot(move[0, 0], move[1, 0])))
    left, top = (round(-float(shift)) for shift in move[:, 2])
    graph = Graph()
    pixels = graph.add("Mul", ["input.1", graph.constant([127.5])])
    pixels = graph.add("Add", [pixels, graph.constant([127.5])])
    scales = graph.constant(np.array([1.0, 1.0, side / 112, side / 112]))
    pixels = graph.add("Resize", [pixels, "", scales], mode="linear")
    beyond = [0, 0, 0, 0, 0, 0, max(0, top + 150 - side), max(0, left + 150 - side)]
    pixels = graph.add("Pad", [pixels, graph.constant(beyond)], mode="edge")
    first, last = graph.constant([top, left]), graph.constant([top + 150, left + 150])
    pixels = graph.add("Slice", [pixels, first, last, graph.constant([2, 3])])
    pixels = graph.add("Transpose", [pixels], perm=[0, 2, 3, 1])
    pixels = graph.add("Gather", [pixels, graph.constant([2, 1, 0])], axis=3)
    pixels = graph.add("Clip", [graph.add("Round", [pixels]), graph.constant(0.0), graph.constant(255.0)])
    graph.rename(graph.add("Cast", [pixels], to=TensorProto.UINT8), "moved")
    before = graph.model(
        "dress",
        [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, ["n", 3, 112, 112])],
        [helper.make_tensor_value_info("moved", TensorProto.UINT8, ["n", 150, 150, 3])],
    )
    inner, outer = (
        onnx.compose.add_prefix(model, prefix, rename_inputs=False, rename_outputs=False)
        for model, prefix in ((onnx.load(embedder), "inner_"), (before, "outer_"))
    )
    return onnx.compose.merge_models(outer, inner, io_map=[("moved", "chips")])


def picture_of(
    *corners_xy: tuple[int, int], size_wh: tuple[int, int] = (320, 256), stride: int = 8, seed: int = 0
) -> Any:
    """A dark coloured picture, uint8 (h, w, 3) BGR, with marks; its pattern comes from the seed."""
    coarse = np.random.default_rng(seed).integers(0, 110, (size_wh[1] // 32, size_wh[0] // 32, 3), np.uint8)
    picture = np.repeat(np.repeat(coarse, 32, axis=0), 32, axis=1)
    for x, y in corners_xy:
        picture[y : y + stride, x : x + stride] = 255
    return picture


def _rows(graph: Graph, tensor: str, shape: list[int]) -> str:
    last = graph.add("Transpose", [tensor], perm=[0, 2, 3, 1])
    return graph.add("Reshape", [last, graph.constant(shape)])


def _constants(graph: Graph, cells: str, values: Any, shape: list[int]) -> str:
    weight = np.zeros((len(values), 1, 1, 1))
    return _rows(graph, graph.conv(cells, weight, np.asarray(values)), shape)


def _model(
    graph: Graph, source: str, shape: list[Any], outputs: list[tuple[str, list[Any]]]
) -> onnx.ModelProto:
    return graph.model(
        "made",
        [helper.make_tensor_value_info(source, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, sizes) for name, sizes in outputs],
    )
