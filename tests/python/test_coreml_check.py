"""What CoreML's provider takes: every family's graph passes, and each operator or form outside the table is found."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from ortembed import CoreMLOptions, ModelLoadError
from ortembed.prepare.architectures import MODEL_TYPES, read_architecture
from ortembed.prepare.blocks import CoreMlBlocks
from ortembed.prepare.coreml.check import check
from ortembed.prepare.coreml.operators import RULES, Node, Value, refusal
from ortembed.prepare.graph import GraphBuilder
from tests.parity.reference.families import FAMILIES

FLOAT = TensorProto.FLOAT


class RandomWeights:
    """Any tensor that is asked for: the checker looks at a graph's form, not at its values."""

    def __contains__(self, name):
        return True

    def get(self, name, shape):
        return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


# One case of each family, two where a switch changes attention: its window and heads, its shared heads.
CASES = [*((family, 0) for family in MODEL_TYPES if family not in ("camembert", "xlm-roberta")), ("qwen3", 1)]


SHAPES = CoreMLOptions().buckets(512)  # every default one


@pytest.mark.parametrize(("family", "index"), CASES)
def test_every_familys_graph_is_held_whole(tmp_path, family, index):
    case = FAMILIES[family][index]
    config = {"model_type": family, **case.config, **case.added, "max_position_embeddings": 1100}
    architecture, shape = read_architecture(config)
    with GraphBuilder(tmp_path) as graph:
        architecture.build(shape, CoreMlBlocks(graph, RandomWeights()))
    reports = check(tmp_path / "model.onnx", SHAPES)
    layers = case.config.get("num_hidden_layers", case.config.get("n_layers"))
    assert [report.operators["Softmax"] for report in reports] == [layers] * len(SHAPES)


def save_graph(path, branches, *, opset=20, dtype=FLOAT):
    """Write a graph with branches from hidden: each operators with the rest of their inputs and their attributes."""
    nodes, constants, outputs = [], [], []
    for branch in branches:
        before = "hidden"
        for operator, more, attributes in branch:
            after = f"{operator}_{len(nodes)}"
            given = {f"{after}.{i}": value for i, value in enumerate(more)}
            arrays = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
            names = [name if name in arrays else value for name, value in given.items()]
            constants += [numpy_helper.from_array(array, name) for name, array in arrays.items()]
            nodes.append(helper.make_node(operator, [before, *names], [after], **attributes))
            before = after
        outputs.append(onnx.ValueInfoProto(name=before))  # the runtime finds the type
    hidden = helper.make_tensor_value_info("hidden", dtype, ["batch", "sequence", 8])
    graph = helper.make_graph(nodes, "branches", [hidden], outputs, constants)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return path


def integers(*values):
    return np.array(values, np.int64)


ONES = np.ones(8, np.float32)
RELU = ("Relu", [], {})
NO_SUCH = "CoreML's provider has no such operator"
PLANTED = [
    ([("Neg", [], {})], NO_SUCH),
    ([("ReduceL2", [integers(-1)], {})], NO_SUCH),
    ([("Expand", [integers(2, 16, 8)], {})], NO_SUCH),
    ([("Einsum", [], {"equation": "bsh->bhs"})], NO_SUCH),
    ([("NonZero", [], {}), ("Cast", [], {"to": FLOAT})], NO_SUCH),
    ([("Reciprocal", [], {})], "CoreML's inverse adds 1e-4"),
    ([("Gelu", [], {"domain": "com.microsoft"})], "is of com.microsoft; CoreML's provider has ONNX's own"),
    ([("LayerNormalization", [np.ones((16, 8), np.float32)], {"axis": 1})], "axis is 1, not -1"),
    ([("LayerNormalization", ["hidden"], {})], "input 1 (hidden) is not constant"),
    ([("Reshape", [integers(2, 2, 2, 2, 2, 8)], {})], "has 6 dimensions; CoreML takes 5"),
    ([("Unsqueeze", [integers(0, 1, 2)], {})], "has 6 dimensions; CoreML takes 5"),
    ([("Slice", [integers(3), integers(3), integers(2)], {})], "has shape [2, 16, 0]; CoreML takes no zero"),
    ([("ReduceMean", [], {})], "reduces over all axes"),
    ([("Cast", [], {"to": TensorProto.DOUBLE}), ("Sqrt", [], {}), ("Cast", [], {"to": FLOAT})], "casts to DOUBLE"),
    ([("MatMul", [np.ones((8, 16385), np.float32)], {})], "[8, 16385]; CoreML takes dimensions to 16384"),
]


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """The checker's findings on one graph that has all of these rows."""
    path = save_graph(tmp_path_factory.mktemp("planted") / "model.onnx", [branch for branch, _ in PLANTED])
    with pytest.raises(ModelLoadError) as error:
        check(path, [(2, 16)])
    return str(error.value).splitlines()


@pytest.mark.parametrize(("branch", "reason"), PLANTED, ids=[branch[0][0] for branch, _ in PLANTED])
def test_what_the_provider_leaves_to_the_cpu_is_found(findings, branch, reason):
    operator = branch[0][0]
    assert any(line.startswith(f"  {operator} {operator}_") and reason in line for line in findings)


def test_what_depends_on_the_dimensions_alone_is_folded(tmp_path):
    branch = [("Shape", [], {}), ("ConstantOfShape", [], {}), ("Add", ["hidden"], {}), ("Relu", [], {})]
    (report,) = check(save_graph(tmp_path / "model.onnx", [branch]), [(2, 16)])
    assert set(report.operators) <= {"Add", "Relu"}


def test_a_dimension_that_stays_open_is_found(tmp_path):
    path = save_graph(tmp_path / "model.onnx", [[RELU]])
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "tokens"
    onnx.save(model, path)
    with pytest.raises(ModelLoadError, match="Relu Relu_0: hidden has a dimension that is not fixed"):
        check(path, [(2, 16)])


@pytest.mark.parametrize(
    ("opset", "dtype", "message"),
    [
        (19, FLOAT, "opset 19: CoreML's provider is used with 20 to 23"),
        (24, FLOAT, "(?i)opset 24"),  # an older runtime refuses it first, in words of its own
        (20, TensorProto.INT32, "hidden: element type INT32, not FLOAT"),
    ],
)
def test_an_opset_or_input_outside_the_form_is_found(tmp_path, opset, dtype, message):
    with pytest.raises(ModelLoadError, match=message):
        check(save_graph(tmp_path / "model.onnx", [[RELU]], opset=opset, dtype=dtype), [(2, 16)])


def test_of_many_findings_the_first_twenty_are_told(tmp_path):
    path = save_graph(tmp_path / "model.onnx", [[("Neg", [], {}), ("Sin", [], {})] * 15])
    with pytest.raises(ModelLoadError, match=r"Neg Neg_0: [^\n]*\n  Sin Sin_1: [\s\S]* and 10 more"):
        check(path, [(2, 16)])


def test_a_file_that_is_no_graph_is_named(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelLoadError, match="model.onnx"):
        check(tmp_path / "model.onnx", [(2, 16)])


def value(*shape, dtype=FLOAT, content=None):
    return Value("x", dtype, shape, is_constant=content is not None, content=content)


def constant(array, dtype=TensorProto.INT64):
    array = np.asarray(array)
    return value(*array.shape, dtype=dtype, content=array)


X = value(2, 16, 8)
SCALE = constant(ONES, FLOAT)


# Forms that the runtime's own check of a graph, or its folding, does not let through to the walk.
@pytest.mark.parametrize(
    ("operator", "inputs", "outputs", "attributes", "message"),
    [
        ("Gemm", [value(2, 8), SCALE], [value(2, 1)], {"transA": 1}, "transA is 1, not 0"),
        ("Gemm", [value(2, 8), SCALE], [value(2, 1)], {"alpha": 0.5}, "alpha is 0.5, not 1.0"),
        ("Gemm", [value(2, 8), value(8, 4)], [value(2, 4)], {}, "input 1 (x) is not constant"),
        (
            "Gemm",
            [value(2, 8), constant(np.ones((8, 4)), FLOAT), constant(np.ones((2, 4)), FLOAT)],
            [value(2, 4)],
            {},
            "bias has shape [2, 4], not [4]",
        ),
        ("LayerNormalization", [X, SCALE], [X], {}, "axis is None, not -1"),
        ("LayerNormalization", [X, SCALE], [X], {"axis": -1, "stash_type": 11}, "stash_type is 11, not 1"),
        ("LayerNormalization", [X, SCALE], [X, X], {"axis": -1}, "has more than one output"),
        ("Gelu", [X], [X], {"approximate": b"sigmoid"}, "approximate is b'sigmoid', neither none nor tanh"),
        ("Reshape", [X, constant([0, 0, 8])], [X], {"allowzero": 1}, "allowzero is 1 with a zero in the new shape"),
        ("Reshape", [X, value(3, dtype=TensorProto.INT64)], [X], {}, "input 1 (x) is not constant"),
        ("Split", [X], [X], {"axis": 2, "num_outputs": 1}, "gives fewer than 2 outputs"),
        ("Split", [X], [X, X], {"axis": 2, "num_outputs": 3}, "num_outputs is 3 for 2 outputs of a dimension of 8"),
        ("Split", [X, constant([4, 5])], [X, X], {"axis": 2}, "sizes are [4, 5] of a dimension of 8"),
        ("Concat", [X], [X], {"axis": 1}, "has fewer than 2 inputs"),
        ("Slice", [X, constant([0]), value(1, dtype=TensorProto.INT64)], [X], {}, "input 2 (x) is not constant"),
        ("ReduceMean", [X, value(1, dtype=TensorProto.INT64)], [X], {}, "input 1 (x) is not constant"),
        ("Add", [X, value(8, dtype=TensorProto.INT64)], [X], {}, "input 1 (x) has element type INT64"),
        ("Where", [X, X, X], [X], {}, "input 0 (x) has element type FLOAT"),
        ("Gather", [X, X], [X], {}, "input 1 (x) has element type FLOAT"),
        ("And", [X, X], [X], {}, "input 0 (x) has element type FLOAT"),
        ("Softmax", [Value("x", FLOAT, None)], [X], {}, "x has a dimension that is not fixed"),
        ("Softmax", [value(2, 0)], [value(2, 0)], {}, "x has shape [2, 0]; CoreML takes no zero"),
        (
            "Range",
            [X],
            [X],
            {},
            "CoreML's provider of 1.30 has no such operator; fixed dimensions should have folded",
        ),
        ("Shape", [X], [X], {}, "fixed dimensions should have folded it"),
    ],
)
def test_a_form_outside_the_table_is_found(operator, inputs, outputs, attributes, message):
    assert (refusal(Node(operator, inputs, outputs, attributes)) or "").startswith(message)


@pytest.mark.parametrize(
    ("operator", "inputs", "outputs", "attributes"),
    [
        ("Gemm", [value(2, 8), constant(np.ones((4, 8)), FLOAT), constant(np.ones(4), FLOAT)], [X], {"transB": 1}),
        ("Split", [X, constant([3, 5])], [X, X], {"axis": -1}),
        ("Split", [X], [X, X, X], {"axis": -1, "num_outputs": 3}),
        ("Where", [value(2, 16, 8, dtype=TensorProto.BOOL), X, X], [X], {}),
        ("Gather", [X, value(3, dtype=TensorProto.INT64)], [X], {}),
        ("Gelu", [X], [X], {"approximate": b"tanh"}),
        ("MatMul", [value(2, 4, 16, 8), value(2, 4, 8, 16)], [X], {}),
        ("Cast", [value(2, dtype=TensorProto.BOOL)], [X], {"to": FLOAT}),
    ],
)
def test_the_forms_that_the_table_allows_pass(operator, inputs, outputs, attributes):
    assert refusal(Node(operator, inputs, outputs, attributes)) is None


def test_each_row_names_its_source():
    assert all(rule.source.endswith((".md", "_op_builder.cc")) for rule in RULES.values())
