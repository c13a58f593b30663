"""A user's ONNX graph: what is fused, what is left as it is and why, where its weights may lie, what is refused."""

import numpy as np
import onnx
import pytest
from google.protobuf.message import DecodeError
from onnx import TensorProto, helper, numpy_helper

from ortembed import ModelLoadError, _native
from ortembed.prepare import fuse as fuse_module
from ortembed.prepare.fuse import fuse
from ortembed.prepare.onnx_file import load_graph
from ortembed.runtime_library import find_runtime_library
from tests.conftest import ROOT
from tests.python.tiny_models import save_onnx

LIBRARY = find_runtime_library()  # before a test puts another package in its place
EXPORTS = ROOT / "tests/data/onnx"
CONFIG = {"num_attention_heads": 2, "hidden_size": 16, "vocab_size": 40, "max_position_embeddings": 40}
VERSION = tuple(map(int, _native.runtime_version(LIBRARY).split(".")[:2]))
recognises_the_export = pytest.mark.skipif(
    VERSION < (1, 31), reason="the optimizers of runtimes before 1.31 see no attention in it"
)
ROWS = [[3], [5, 9, 21, 3, 17], list(range(3, 36)), [30] * 12]


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def lookup(tmp_path):
    """A small graph without attention."""
    return save_onnx(tmp_path / "lookup", nan_ids=()) / "model.onnx"


def encode(graph, rows=ROWS, dimension=16, vocab_size=40):
    engine = _native.Engine(
        library=LIBRARY,
        model=graph,
        pooling="mean",
        vocab_size=vocab_size,
        max_tokens=36,
        max_batch_tokens=4096,
        threads=2,
    )
    out = np.empty((len(rows), dimension), np.float32)
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    engine.encode_ids(np.concatenate(rows, dtype=np.int64), offsets, out=out, normalize=False)
    return out


def change(path, target, edit):
    model = onnx.load(path)
    edit(model)
    onnx.save(model, target)
    return target


@recognises_the_export
def test_an_ordinary_export_is_fused_and_agrees(out, monkeypatch, tmp_path):
    for name in ("torch", "transformers", "sympy", "coloredlogs"):  # as if none were installed
        (tmp_path / f"{name}.py").write_text("raise ImportError", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    report = fuse(EXPORTS / "bert_torchscript.onnx", CONFIG, out)
    assert report.fused, report.reason
    assert report.operators == {"Attention": 2, "BiasGelu": 2, "EmbedLayerNormalization": 1}
    assert 0 < report.difference < 1e-6
    model = onnx.load(out / "model.onnx")
    assert [value.name for value in model.graph.output] == ["last_hidden_state"]
    assert {opset.domain for opset in model.opset_import} == {"", "com.microsoft"}
    assert [path.name for path in out.iterdir()] == ["model.onnx"]
    np.testing.assert_allclose(encode(out / "model.onnx"), encode(EXPORTS / "bert_torchscript.onnx"), atol=1e-5)


def test_an_export_whose_attention_is_not_recognised_is_left_as_it_is(out):
    report = fuse(EXPORTS / "bert_dynamo.onnx", CONFIG, out)
    assert (report.fused, report.operators) == (False, {})
    assert report.reason == "the runtime's optimizer recognises no attention in it"
    np.testing.assert_array_equal(encode(out / "model.onnx"), encode(EXPORTS / "bert_dynamo.onnx"))


@recognises_the_export
def test_a_graph_that_fusion_would_change_is_left_as_it_is(tmp_path, out):
    def let_padding_in(model):  # the optimizer takes the mask's form for its meaning
        for node in model.graph.node:
            for attribute in node.attribute:
                array = numpy_helper.to_array(attribute.t) if attribute.HasField("t") else np.zeros(())
                if array.dtype == np.float32 and array.min() < -1e30:
                    attribute.t.CopyFrom(numpy_helper.from_array(np.full_like(array, -0.5)))

    path = change(EXPORTS / "bert_torchscript.onnx", tmp_path / "changed.onnx", let_padding_in)
    report = fuse(path, CONFIG, out)
    assert not report.fused
    assert report.difference > 1e-4
    assert report.reason.startswith("the fused graph's values differ by")
    np.testing.assert_array_equal(encode(out / "model.onnx"), encode(path))


@recognises_the_export
def test_a_fused_graph_is_not_fused_again(tmp_path, out):
    (tmp_path / "first").mkdir()
    assert fuse(EXPORTS / "bert_torchscript.onnx", CONFIG, tmp_path / "first").fused
    report = fuse(tmp_path / "first/model.onnx", CONFIG, out)
    assert (report.fused, report.reason) == (False, "it has operators of com.microsoft already")
    assert report.operators["Attention"] == 2


def test_a_quantized_graph_is_left_as_it_is(lookup, tmp_path, out):
    def quantize(model):
        graph = model.graph
        graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((10, 3), np.int8), "quantized"))
        graph.initializer.append(numpy_helper.from_array(np.float32(0.5), "scale"))
        graph.node.insert(0, helper.make_node("DequantizeLinear", ["quantized", "scale"], ["table"]))

    report = fuse(change(lookup, tmp_path / "int8.onnx", quantize), {}, out)
    assert report.reason == "it is quantized already (DequantizeLinear)"
    assert encode(out / "model.onnx", [[1, 2]], 3, 10).tolist() == [[0.5] * 3]


def test_float16_outputs_become_float32(lookup, tmp_path, out):
    def halve(model):
        table = numpy_helper.to_array(model.graph.initializer[0])
        model.graph.initializer[0].CopyFrom(numpy_helper.from_array(table.astype(np.float16), "table"))
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16

    path = change(lookup, tmp_path / "half.onnx", halve)
    with pytest.raises(ModelLoadError, match="must be float32"):
        encode(path, [[1]], 3, 10)
    report = fuse(path, {}, out)
    assert report.reason == "it has weights of type float16"
    np.testing.assert_array_equal(encode(out / "model.onnx", [[1], [4]], 3, 10), encode(lookup, [[1], [4]], 3, 10))


def test_inputs_that_cannot_be_probed_leave_it_as_it_is(tmp_path, out):
    path = save_onnx(tmp_path / "more", inputs=("input_ids", "attention_mask", "position_ids")) / "model.onnx"
    assert fuse(path, {}, out).reason == "it has inputs that cannot be probed: position_ids"


def test_an_optimizer_that_fails_leaves_it_as_it_is(lookup, tmp_path, out):
    def spoil(model):
        model.graph.node[0].op_type = "NoSuchOperator"

    report = fuse(change(lookup, tmp_path / "odd.onnx", spoil), {}, out)
    assert report.reason.startswith("the runtime's optimizer failed on this graph: ")
    assert "NoSuchOperator" in report.reason
    assert (out / "model.onnx").exists()


def test_an_optimizer_that_crashes_leaves_it_as_it_is(lookup, tmp_path, out, monkeypatch):
    (tmp_path / "onnxruntime.py").write_text("import os; os.abort()", "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    report = fuse(lookup, {}, out)
    assert report.reason.startswith("ortembed.prepare.fuse_worker failed with exit status ")
    np.testing.assert_array_equal(encode(out / "model.onnx", [[1]], 3, 10), encode(lookup, [[1]], 3, 10))


def test_what_takes_too_long_is_ended(lookup, out, monkeypatch):
    monkeypatch.setattr(fuse_module, "_LIMIT_SECONDS", 0.01)
    with pytest.raises(ModelLoadError, match="took longer than 0 s and was ended"):
        fuse(lookup, {}, out)
    assert list(out.iterdir()) == []


@pytest.fixture
def split(tmp_path):
    """The ordinary export with its weights in two files beside it."""
    folder = tmp_path / "split"
    folder.mkdir()
    model = onnx.load(EXPORTS / "bert_torchscript.onnx")
    onnx.save_model(
        model, folder / "model.onnx", save_as_external_data=True, all_tensors_to_one_file=True, location="a.data",
        size_threshold=0,
    )  # fmt: skip
    return folder


@recognises_the_export
def test_weights_beside_the_graph_are_read(split, out):
    assert fuse(split / "model.onnx", CONFIG, out).fused
    np.testing.assert_allclose(encode(out / "model.onnx"), encode(EXPORTS / "bert_torchscript.onnx"), atol=1e-5)


@recognises_the_export
def test_weights_that_lie_elsewhere_are_read(split, tmp_path, out):
    elsewhere = (split / "a.data").rename(tmp_path / "0123abcd")
    assert fuse(split / "model.onnx", CONFIG, out, {"a.data": elsewhere}).fused


def test_weights_of_a_graphs_functions_are_read_too(split):
    model = onnx.load(split / "model.onnx", load_external_data=False)
    (split / "f.data").write_bytes(np.array([1.5, 2.5], "<f4").tobytes())
    tensor = TensorProto(dims=[2], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="f.data")
    constant = helper.make_node("Constant", [], ["c"], value=tensor)
    model.functions.append(helper.make_function("own", "f", [], ["c"], [constant], model.opset_import))
    (split / "model.onnx").write_bytes(model.SerializeToString())
    (function,) = load_graph(split / "model.onnx", {}).functions
    assert numpy_helper.to_array(function.node[0].attribute[0].t).tolist() == [1.5, 2.5]


def test_large_weights_are_kept_beside_the_graph(lookup, tmp_path, out):
    def enlarge(model):
        model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.ones((2000, 3), np.float32), "table"))

    fuse(change(lookup, tmp_path / "large.onnx", enlarge), {}, out)
    assert sorted(path.name for path in out.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert (out / "model.onnx.data").stat().st_size == 2000 * 3 * 4
    assert encode(out / "model.onnx", [[1999]], 3, 2000).tolist() == [[1.0] * 3]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("location", "../secret", "names a file of weights that is not beside it: '../secret'"),
        ("location", "/etc/passwd", "names a file of weights that is not beside it: '/etc/passwd'"),
        ("location", "..\\secret", "names a file of weights that is not beside it"),
        ("location", "missing.data", "No such file or directory: .*missing.data"),
        ("offset", "99999999", r"a.data ends before the \d+ bytes of tensor"),
        ("offset", "-8", r"tensor .* lies at"),
        ("length", "x", "invalid literal"),
    ],
)
def test_weights_that_are_not_where_the_graph_says_are_refused(split, key, value, message):
    (split.parent / "secret").write_bytes(b"0" * 100_000)
    model = onnx.load(split / "model.onnx", load_external_data=False)
    entries = {entry.key: entry for entry in model.graph.initializer[0].external_data}
    entries[key].value = value
    (split / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises((OSError, ValueError), match=message):
        load_graph(split / "model.onnx", {})


def test_a_fixed_shape_is_refused(lookup, tmp_path, out):
    def fix(model):
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 128

    with pytest.raises(
        ModelLoadError, match=r"input_ids has the fixed shape \['batch', 128\]; export the model again"
    ):
        fuse(change(lookup, tmp_path / "fixed.onnx", fix), {}, out)


@pytest.mark.parametrize("content", [b"", b"not a graph"])
def test_a_file_that_is_no_graph_is_refused(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises((ValueError, DecodeError)):
        load_graph(tmp_path / "model.onnx", {})


def test_what_cannot_be_read_is_named(split, out):
    (split / "a.data").unlink()
    with pytest.raises(ModelLoadError, match="model.onnx: cannot read this ONNX graph: .*No such file .*a.data"):
        fuse(split / "model.onnx", CONFIG, out)
