from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests import made_models

from manyeyes.errors import FileTrouble, ModelRefused
from manyeyes.packs.onnx_check import is_quantised, loosen_size, normalises_its_input, read_model


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "m.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def model_of(*nodes: onnx.NodeProto, constants: tuple[onnx.TensorProto, ...] = ()) -> onnx.ModelProto:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    result = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    return helper.make_model(helper.make_graph(nodes, "g", [value], [result], list(constants)))


def outside(name: str) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")
    return tensor


def test_a_whole_model_is_read(tmp_path: Path) -> None:
    path = saved(made_models.yunet(), tmp_path)
    model, data = read_model(path)
    assert model == made_models.yunet() and data == path.read_bytes()


@pytest.mark.parametrize("data", [b"", b"hello, this is a text", b"\x89PNG\r\n", b"\x08\x07"])
def test_another_file_is_no_model(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(data)
    with pytest.raises(ModelRefused, match="is not an ONNX file"):
        read_model(tmp_path / "m.onnx")


def test_a_missing_file_and_a_large_one(tmp_path: Path) -> None:
    with pytest.raises(FileTrouble, match=r"cannot read the model .*m\.onnx: No such file"):
        read_model(tmp_path / "m.onnx")
    with pytest.raises(ModelRefused, match="has 1 MiB, the limit is 0; take a smaller model"):
        read_model(saved(made_models.arcface(), tmp_path), max_bytes=400_000)


def test_weights_in_other_files_are_refused_wherever_they_are(tmp_path: Path) -> None:
    add = helper.make_node("Add", ["x", "w"], ["y"])
    in_attribute = helper.make_node("Constant", [], ["w"], value=outside("w"))
    inner = helper.make_graph([], "inner", [], [], [outside("w")])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    for model in (model_of(add, constants=(outside("w"),)), model_of(in_attribute, add), model_of(branch)):
        with pytest.raises(ModelRefused, match=r"weights 'w' in another file \('\.\./\.\./etc/passwd'\)"):
            read_model(saved(model, tmp_path))


def test_operators_of_others_are_refused_by_name(tmp_path: Path) -> None:
    foreign = helper.make_node("Steal", ["x"], ["y"], domain="evil.corp")
    inner = helper.make_graph([foreign], "inner", [], [])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    for model in (model_of(foreign), model_of(branch)):
        with pytest.raises(ModelRefused, match=r"operator Steal of evil\.corp"):
            read_model(saved(model, tmp_path))
    own = model_of(foreign)
    function = helper.make_function(
        "evil.corp", "Steal", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], []
    )
    own.functions.append(function)
    read_model(saved(own, tmp_path))  # its own function, made of known operators
    own.functions[0].node[0].domain = "worse.corp"
    with pytest.raises(ModelRefused, match=r"operator Relu of worse\.corp"):
        read_model(saved(own, tmp_path))
    read_model(saved(model_of(helper.make_node("QGemm", ["x"], ["y"], domain="com.microsoft")), tmp_path))


def test_what_a_graph_does_to_its_input_is_seen() -> None:
    assert normalises_its_input(made_models.arcface(normalises=True))
    assert normalises_its_input(made_models.arcface(normalises=True, channels_last=True))
    assert not normalises_its_input(made_models.arcface())
    later = helper.make_node("Sub", ["c", "w"], ["s"]), helper.make_node("Mul", ["s", "w"], ["y"])
    assert not normalises_its_input(model_of(helper.make_node("Conv", ["x", "k"], ["c"]), *later))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([("Sub", 127.5), ("Mul", 0.0078125)], True),
        ([("Mul", 1 / 255), ("Add", -0.5)], True),
        ([("Div", 255.0)], True),
        ([("Sub", 127.5)], False),
        ([("Mul", 127.5), ("Add", 127.5)], False),  # back to pixels: the graph wants -1 to 1
        ([("Mul", 0.0)], False),
    ],
)
@pytest.mark.parametrize("as_nodes", [False, True])
def test_only_steps_that_bring_pixels_near_zero_count(
    steps: list[tuple[str, float]], expected: bool, as_nodes: bool
) -> None:
    nodes, constants, current = [], [], "x"
    for number, (kind, value) in enumerate(steps):
        tensor = numpy_helper.from_array(np.full((1, 3, 1, 1), value, np.float32), f"c{number}")
        if as_nodes:
            nodes.append(helper.make_node("Constant", [], [f"c{number}"], value=tensor))
        else:
            constants.append(tensor)
        nodes.append(helper.make_node(kind, [current, f"c{number}"], [f"t{number}"]))
        current = f"t{number}"
    nodes.append(helper.make_node("Relu", [current], ["y"]))
    assert normalises_its_input(model_of(*nodes, constants=tuple(constants))) is expected


def test_quantised_files_are_known() -> None:
    assert is_quantised(model_of(helper.make_node("QLinearConv", ["x"], ["y"])))
    assert not is_quantised(made_models.arcface())


def test_a_fixed_size_is_loosened() -> None:
    loose = loosen_size(made_models.yunet(size=(640, 640)))
    axes = loose.graph.input[0].type.tensor_type.shape.dim
    assert [axis.dim_value for axis in axes] == [1, 3, 0, 0]
    assert [axis.dim_param for axis in axes][2:] == ["height", "width"]
    assert not any(output.type.tensor_type.HasField("shape") for output in loose.graph.output)
