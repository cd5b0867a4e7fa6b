"""What we write must be what the onnx package reads."""

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from likewise.modelling.ops import onnx_file
from likewise.modelling.ops.onnx_graph import OPSET


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "uint8", "int64"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0), (2, 3, 4)])
def test_tensors_are_read_back_as_they_were(dtype, shape):
    value = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    read = numpy_helper.to_array(onnx.TensorProto.FromString(onnx_file.tensor("name", value)))
    assert read.dtype == value.dtype
    np.testing.assert_array_equal(read, value)


def test_large_constants_lie_in_a_file_of_their_own(tmp_path):
    """Small ones stay; each begins at a page, whatever its strides and byte order were."""
    random = np.random.default_rng(3)
    values = {
        "small": np.arange(3),
        "large": random.normal(size=(20, 30)).astype(np.float32),
        "turned": random.normal(size=(40, 20)).astype(np.float32).T,
        "bytes": random.integers(0, 255, (5, 700)).astype(np.uint8),
        "swapped": np.arange(300, dtype=">i8"),
    }
    with (tmp_path / "model.onnx_data").open("wb") as file:
        kept = onnx_file.DataFile(file, "model.onnx_data")
        read = {name: onnx.TensorProto.FromString(kept.tensor(name, value)) for name, value in values.items()}
    assert [name for name, one in read.items() if not onnx.external_data_helper.uses_external_data(one)] == ["small"]
    for name, value in values.items():
        np.testing.assert_array_equal(numpy_helper.to_array(read[name], str(tmp_path)), value)
    offsets = [int(entry.value) for one in read.values() for entry in one.external_data if entry.key == "offset"]
    assert sorted(set(offsets)) == offsets == [4096 * (offset // 4096) for offset in offsets]


def test_numbers_of_four_bits_lie_there_too(tmp_path):
    values = np.random.default_rng(4).integers(-8, 8, (63, 65)).astype(np.int8)  # an odd number of them
    with (tmp_path / "model.onnx_data").open("wb") as file:
        kept = onnx_file.DataFile(file, "model.onnx_data").tensor("w", values, four_bits=True)
    read = onnx.TensorProto.FromString(kept)
    assert onnx.external_data_helper.uses_external_data(read)
    assert (tmp_path / "model.onnx_data").stat().st_size == 2048
    np.testing.assert_array_equal(numpy_helper.to_array(read, str(tmp_path)).astype(np.int8), values)


def test_a_whole_model_passes_the_checker_and_keeps_its_attributes():
    values = {"axis": -1, "epsilon": 1e-12}
    norm = onnx_file.node("LayerNormalization", ["x", "weight", "bias"], ["normed"], values)
    turn = onnx_file.node("Transpose", ["normed"], ["y"], {"perm": [1, 0]})
    constants = [onnx_file.tensor(name, np.ones(4, np.float32)) for name in ("weight", "bias")]
    inputs = [onnx_file.value_info("x", onnx_file.FLOAT, ["B", 4])]
    outputs = [onnx_file.value_info("y", onnx_file.FLOAT, [4, "B"])]
    model = onnx.ModelProto.FromString(
        onnx_file.model(onnx_file.graph("g", [norm, turn], constants, inputs, outputs), opset=OPSET)
    )
    onnx.checker.check_model(model, full_check=True)
    read = {one.name: onnx.helper.get_attribute_value(one) for one in model.graph.node[0].attribute}
    assert read["axis"] == -1
    assert read["epsilon"] == pytest.approx(1e-12)
    assert list(model.graph.node[1].attribute[0].ints) == [1, 0]
