"""What files of an operator turn out to be; the made models have the real ones' inputs and outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper
from tests import made_models

from manyeyes.errors import BadRequest, ModelRefused
from manyeyes.packs.identify import Feed, read_detector, read_embedder
from manyeyes.recognition.detection.yunet import open_yunet


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_yunet_and_scrfd_are_told_apart_and_fed_as_published(tmp_path: Path) -> None:
    part, content = read_detector(path := saved(made_models.yunet(), tmp_path))
    assert (part.kind, part.mean, part.std, part.channels) == ("yunet", (0, 0, 0), (1, 1, 1), "bgr")
    assert (part.score, part.overlap, part.size_px) == (0.9, 0.3, (640, 640)) and content == path.read_bytes()
    for model in (made_models.scrfd(), made_models.scrfd(batched=True, anchors=1)):
        part, _ = read_detector(saved(model, tmp_path))
        assert (part.kind, part.mean[0], part.std[0], part.channels) == ("scrfd", 127.5, 128.0, "rgb")
        assert (part.score, part.overlap) == (0.5, 0.4)


def test_flags_come_before_what_is_published(tmp_path: Path) -> None:
    feed = Feed(mean=(1.0, 2.0, 3.0), channels="bgr")
    part, _ = read_detector(saved(made_models.scrfd(), tmp_path), feed=feed, size_px=(320, 256), score=0.7)
    assert (part.mean, part.std[0], part.channels) == ((1.0, 2.0, 3.0), 128.0, "bgr")
    assert (part.size_px, part.score) == ((320, 256), 0.7)
    embedder, _ = read_embedder(
        saved(made_models.arcface(), tmp_path), feed=Feed(std=(128.0,) * 3, channels="bgr")
    )
    assert (embedder.mean[0], embedder.std[0], embedder.channels) == (127.5, 128.0, "bgr")


def test_a_file_of_one_size_is_loosened_where_that_gives_the_same(tmp_path: Path) -> None:
    path = saved(made_models.yunet(size=(640, 640)), tmp_path)
    part, content = read_detector(path, size_px=(320, 320))
    assert part.size_px == (320, 320) and content != path.read_bytes()
    path.write_bytes(content)
    found = open_yunet(path, part).detect(made_models.picture_of((64, 64), size_wh=(96, 96)))
    assert np.allclose(found.boxes_xyxy_px[0], made_models.box_of((64, 64), 8), atol=0.01)


def test_a_size_that_is_built_in_stays(tmp_path: Path) -> None:
    model = made_models.yunet(size=(256, 320))
    for node in model.graph.node:  # reshapes to numbers, as some exports have it
        if node.op_type == "Reshape":
            shape = next(tensor for tensor in model.graph.initializer if tensor.name == node.input[1])
            wanted = onnx.numpy_helper.to_array(shape).copy()
            stride = int(node.output[0].rsplit("_", 1)[1])
            wanted[1] = (256 // stride) * (320 // stride)
            shape.CopyFrom(onnx.numpy_helper.from_array(wanted, shape.name))
    path = saved(model, tmp_path)
    part, content = read_detector(path)
    assert part.size_px == (320, 256) and content == path.read_bytes()
    assert read_detector(path, size_px=(320, 256))[0] == part
    with pytest.raises(BadRequest, match="--size is 640x640, but the file takes only 320x256"):
        read_detector(path, size_px=(640, 640))


@pytest.mark.parametrize("dimensions", [128, 256, 512])
def test_the_dimension_is_read(tmp_path: Path, dimensions: int) -> None:
    part, _ = read_embedder(saved(made_models.arcface(dimensions), tmp_path))
    assert (part.kind, part.dimensions, part.unit_length, part.side_px) == ("arcface", dimensions, True, 112)
    assert (part.mean[0], part.std[0], part.channels, part.batch) == (127.5, 127.5, "rgb", 8)


def test_sface_is_known_by_its_names_and_its_graph(tmp_path: Path) -> None:
    names = ("data", "fc1")
    part, _ = read_embedder(saved(made_models.arcface(128, batch=1, normalises=True, names=names), tmp_path))
    assert (part.kind, part.mean[0], part.std[0], part.channels) == ("sface", 0.0, 1.0, "rgb")
    part, _ = read_embedder(saved(made_models.arcface(512, batch=1, normalises=True, names=names), tmp_path))
    assert (part.kind, part.mean[0], part.std[0]) == ("arcface", 0.0, 1.0)
    part, _ = read_embedder(saved(made_models.arcface(128, names=names), tmp_path))
    assert (part.kind, part.mean[0]) == ("arcface", 127.5)
    part, _ = read_embedder(saved(made_models.arcface(128), tmp_path), kind="sface")
    assert (part.kind, part.mean[0], part.std[0]) == ("sface", 0.0, 1.0)


def test_a_batch_that_mixes_chips_up_is_not_used(tmp_path: Path) -> None:
    model = made_models.arcface(64)
    last = model.graph.node[-1]
    last.output[0] = "apart"
    model.graph.node.append(helper.make_node("ReduceMean", ["apart"], ["mean"], axes=[0], keepdims=1))
    model.graph.node.append(helper.make_node("Sum", ["apart", "mean"], ["683"]))
    assert read_embedder(saved(model, tmp_path))[0].batch == 1


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (
            made_models.arcface(),
            "112×112 px, detectors of multiples of 32 are supported; inputs: input.1 float",
        ),
        (
            made_models.arcface(side=160),
            r"no detector of a known kind \(yunet, scrfd\); inputs: .*outputs: 683",
        ),
        (made_models.scrfd(landmarks=False), "6 outputs.*no landmarks"),
    ],
)
def test_no_detector(tmp_path: Path, model: onnx.ModelProto, said: str) -> None:
    with pytest.raises(ModelRefused, match=said):
        read_detector(saved(model, tmp_path))


def test_the_kind_asked_for_is_held_to(tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="is a scrfd, --detector-kind says yunet"):
        read_detector(saved(made_models.scrfd(), tmp_path), kind="yunet")


def test_no_embedder(tmp_path: Path, default_pack: Path) -> None:
    with pytest.raises(
        ModelRefused, match=r"of no known kind: arcface and sface take 112×112 px.*outputs: cls_8"
    ):
        read_embedder(saved(made_models.yunet(), tmp_path))
    with pytest.raises(ModelRefused, match=r"of no known kind.*160, 160"):
        read_embedder(saved(made_models.arcface(side=160), tmp_path))
    with pytest.raises(ModelRefused, match=r"dlib's kind.*leave out --embedder"):
        read_embedder(default_pack / "embed.onnx")
    blind = made_models.arcface(64)
    for tensor in blind.graph.initializer:
        if len(tensor.dims) == 2:
            tensor.CopyFrom(
                onnx.numpy_helper.from_array(np.zeros(tuple(tensor.dims), np.float32), tensor.name)
            )
    with pytest.raises(ModelRefused, match="same embedding for different chips"):
        read_embedder(saved(blind, tmp_path))


def test_a_damaged_file_is_refused_whatever_is_damaged(tmp_path: Path) -> None:
    """300 files with bytes changed, lost or added: each is refused or read, and nothing else happens."""
    random = np.random.default_rng(7)
    whole = [
        (read_detector, made_models.yunet(size=(64, 96)).SerializeToString()),
        (read_detector, made_models.scrfd().SerializeToString()),
        (read_embedder, made_models.arcface(32).SerializeToString()),
    ]
    refused = 0
    for number in range(300):
        read, content = whole[number % len(whole)]
        damaged = bytearray(content)
        at = int(random.integers(0, min(len(damaged), 4000)))
        match random.integers(0, 3):
            case 0:
                damaged[at] ^= int(random.integers(1, 256))
            case 1:
                del damaged[at : at + int(random.integers(1, 20))]
            case _:
                damaged[at:at] = random.bytes(int(random.integers(1, 8)))
        (tmp_path / "m.onnx").write_bytes(damaged)
        try:
            read(tmp_path / "m.onnx")
        except ModelRefused:
            refused += 1
    assert refused > 100
