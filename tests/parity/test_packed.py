"""The packed form of every family against transformers, by the definition of its operators: apart from kernels."""

import json

import numpy as np
import onnx
import pytest

from ortembed.errors import ModelLoadError
from ortembed.prepare.export import export_packed
from ortembed.prepare.packed.bfloat16 import Bfloat16Rounding
from ortembed.prepare.packed.int8 import Int8Rounding
from ortembed.prepare.rounded import RoundedLinear, RoundedTable
from tests.packed_reference import PackedReference
from tests.parity.reference.families import FAMILIES
from tests.parity.test_architectures import CASES

PACKED = [case for case in CASES if not case.startswith("qwen3")]


class NoRounding:
    """float32 in place of what the operators take, so that nothing but the graph is compared."""

    def table(self, table):
        return RoundedTable(table)

    def linears(self, _name, linears):
        return [RoundedLinear(linear.weight, linear.bias) for linear in linears]


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


@pytest.mark.parametrize("case", PACKED)
def test_int8_weights_are_near(measure, case):
    assert 1e-3 <= measure(case, Int8Rounding())[1] <= 8e-2


@pytest.mark.parametrize("case", ["bert-0", "modernbert-0", "mpnet-0", "nomic_bert-0", "xlm-roberta-2"])
@pytest.mark.parametrize("rounding", [Bfloat16Rounding(), Int8Rounding()], ids=lambda value: type(value).__name__)
def test_the_runtime_reads_the_graph(models, tmp_path, case, rounding):
    """What the file says of itself: own operators alone, one for each layer, and types as they take them."""
    packed(models / case, tmp_path, rounding)
    model = onnx.load(tmp_path / "model.onnx")
    config = json.loads((models / case / "config.json").read_text("utf-8"))
    last = ["Norm"] if case.startswith("modernbert") else []
    operators = [node.op_type for node in model.graph.node if node.domain == "ortembed"]
    assert operators == ["Embed", *["Layer"] * config["num_hidden_layers"], *last]
    assert ("ortembed", 1) in {(opset.domain, opset.version) for opset in model.opset_import}
    kinds = {tensor.name: tensor.data_type for tensor in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type == "Layer"]
    expected = onnx.TensorProto.INT8 if isinstance(rounding, Int8Rounding) else onnx.TensorProto.BFLOAT16
    assert {kinds[layer.input[index]] for layer in layers for index in (2, 6, 10, 14)} == {expected}
    assert [(v.name, [d.dim_param for d in v.type.tensor_type.shape.dim]) for v in model.graph.input] == [
        ("ids", ["tokens"]),
        ("offsets", ["texts_and_one"]),
    ]


def test_what_the_operators_do_not_do_is_named(models, tmp_path):
    message = "own operators have no causal attention, no heads that share .*, no norms of each head, no RMSNorm"
    with pytest.raises(ModelLoadError, match=message):
        packed(models / "qwen3-0", tmp_path, Bfloat16Rounding())
