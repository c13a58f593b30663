"""The packed form of every family against transformers: by the definition of its operators, and in the engine."""

import json

import numpy as np
import onnx
import pytest

from ortembed import _native
from ortembed.errors import ModelLoadError
from ortembed.prepare.export import export_packed
from ortembed.prepare.packed.bfloat16 import Bfloat16Rounding
from ortembed.prepare.packed.inputs import measure_inputs
from ortembed.prepare.packed.int8 import Int8Rounding
from ortembed.prepare.rounded import RoundedLinear, RoundedTable
from ortembed.runtime_library import VARIABLE, find_runtime_library
from tests.parity import test_architectures as architectures
from tests.parity.packed_reader import PackedReference
from tests.parity.reference.families import FAMILIES
from tests.parity.test_architectures import CASES, export_case
from tests.python.test_runtime_library import runtime

PACKED = [case for case in CASES if not case.startswith("qwen3")]
ENGINE_CASES = [case for case in architectures.ENGINE_CASES if case in PACKED]
FIRST = [case for case in PACKED if case.endswith("-0")]  # of each family


class NoRounding:
    """float32 in place of what the operators take, so that nothing but the graph is compared."""

    def table(self, table):
        return RoundedTable(table)

    def linears(self, linears):
        return [RoundedLinear(dense.projection.weight, dense.projection.bias) for dense in linears]


def packed(source, folder, rounding):
    config = json.loads((source / "config.json").read_text("utf-8"))
    export_packed(config, sorted(source.glob("*.safetensors")), folder, rounding)
    return PackedReference(folder / "model.onnx")


def batches(folder):
    """Give ids [tokens], offsets [texts + 1] and the expected hidden states [tokens, width] of each batch."""
    with np.load(folder / "expected.npz") as arrays:
        for index in range(len(arrays.files) // 3):
            offsets = np.concatenate([[0], np.cumsum(arrays[f"lengths_{index}"])])
            yield arrays[f"ids_{index}"], offsets, arrays[f"hidden_{index}"]


@pytest.fixture
def measure(models, tmp_path):
    """Give the largest error of any value, and of all values together relative to their size, in a case's batches."""

    def measure(case, rounding):
        reference = packed(models / case, tmp_path, rounding)
        pairs = [(reference(ids, offsets), expected) for ids, offsets, expected in batches(models / case)]
        errors = [found - expected for found, expected in pairs]
        relative = [
            np.linalg.norm(e) / np.linalg.norm(expected) for e, (_, expected) in zip(errors, pairs, strict=True)
        ]
        return max(np.abs(error).max() for error in errors), max(relative)

    return measure


@pytest.mark.parametrize("case", PACKED)
def test_the_graph_is_the_model(measure, case):
    assert measure(case, NoRounding())[0] <= 5e-5


@pytest.mark.parametrize("case", PACKED)
def test_bfloat16_weights_are_near(measure, case):
    family, _, index = case.rpartition("-")
    largest, relative = measure(case, Bfloat16Rounding())
    assert relative <= 2e-2
    was_bfloat16 = FAMILIES[family][int(index)].dtype == "bfloat16"  # of which nothing is rounded away
    assert (largest <= 5e-5) == was_bfloat16


@pytest.fixture
def int8(models, tmp_path):
    """Give the rounding to int8 of a case, calibrated on its own texts."""

    def int8(case):
        for name in ("float", "inputs"):
            (tmp_path / name).mkdir()
        export_case(models / case, tmp_path / "float", "cpu")
        texts = [text for ids, offsets, _ in batches(models / case) for text in np.split(ids, offsets[1:-1])]
        return Int8Rounding(measure_inputs(tmp_path / "float/model.onnx", texts, tmp_path / "inputs"))

    return int8


@pytest.mark.parametrize("case", FIRST)
def test_int8_weights_are_near(measure, int8, case):
    assert 1e-3 <= measure(case, int8(case))[1] <= 4e-2


@pytest.mark.parametrize("case", FIRST)
@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_the_file_says_what_the_operators_take(models, int8, tmp_path, case, dtype):
    """Own operators alone, one for each layer; and types."""
    packed(models / case, tmp_path, Bfloat16Rounding() if dtype == "bfloat16" else int8(case))
    model = onnx.load(tmp_path / "model.onnx")
    config = json.loads((models / case / "config.json").read_text("utf-8"))
    last = ["Norm"] if case.startswith("modernbert") else []
    operators = [node.op_type for node in model.graph.node if node.domain == "ortembed"]
    count = config.get("num_hidden_layers", config.get("n_layers"))
    assert operators == ["Embed", *["Layer"] * count, *last]
    assert ("ortembed", 1) in {(opset.domain, opset.version) for opset in model.opset_import}
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type == "Layer"]
    expected = {"int8": onnx.TensorProto.INT8, "bfloat16": onnx.TensorProto.BFLOAT16}[dtype]
    assert {kinds[layer.input[index]] for layer in layers for index in (2, 8, 14, 20)} == {expected}
    assert [(v.name, [d.dim_param for d in v.type.tensor_type.shape.dim]) for v in model.graph.input] == [
        ("ids", ["tokens"]),
        ("offsets", ["texts_and_one"]),
    ]


def test_what_the_operators_do_not_do_is_named(models, tmp_path):
    message = "own operators have no causal attention, no heads that share .*, no norms of each head, no RMSNorm"
    with pytest.raises(ModelLoadError, match=message):
        packed(models / "qwen3-0", tmp_path, Bfloat16Rounding())


def engine_states(graph, width, ids, offsets):
    engine = _native.Engine(
        library=find_runtime_library(),
        model=graph,
        pooling="mean",
        vocab_size=300,
        max_tokens=1100,
        max_batch_tokens=1100,
        threads=2,
    )
    states = np.empty((len(ids), width), np.float32)
    engine.hidden_states(ids.astype(np.int64), offsets, out=states)
    return states


@pytest.mark.parametrize("version", ["newest", "1.21.0"])
@pytest.mark.parametrize("case", ENGINE_CASES)
def test_the_engine_runs_the_graph_in_bfloat16(models, tmp_path, monkeypatch, case, version):
    """Operators, plan and graph together, all texts at once; what differs is the rounding of activations."""
    if version != "newest":
        monkeypatch.setenv(VARIABLE, str(runtime(version)))
    reference = packed(models / case, tmp_path, Bfloat16Rounding())
    ids, offsets, _ = list(batches(models / case))[5]
    expected = reference(ids, offsets)
    found = engine_states(tmp_path / "model.onnx", expected.shape[1], ids, offsets)
    assert 1e-4 < np.linalg.norm(found - expected) / np.linalg.norm(expected) < 2e-2


@pytest.mark.parametrize("case", FIRST)
def test_the_engine_runs_the_graph_in_int8(models, int8, tmp_path, case):
    reference = packed(models / case, tmp_path, int8(case))
    ids, offsets, _ = list(batches(models / case))[5]
    expected = reference(ids, offsets)
    found = engine_states(tmp_path / "model.onnx", expected.shape[1], ids, offsets)
    assert 1e-4 < np.linalg.norm(found - expected) / np.linalg.norm(expected) < 5e-2
