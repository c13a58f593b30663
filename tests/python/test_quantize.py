"""Float graphs to int8 ones: arithmetic, decisions, and vectors of small models of several families."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ortembed import _native
from ortembed.errors import ModelLoadError
from ortembed.prepare.architectures import read_architecture
from ortembed.prepare.blocks import CpuBlocks
from ortembed.prepare.graph import GraphBuilder
from ortembed.prepare.int8.quantize import quantize
from ortembed.prepare.int8.rounding import ActivationScale, round_rows, round_weight
from ortembed.prepare.int8.smooth import Statistics, choose
from ortembed.runtime_library import find_runtime_library
from tests.python.test_architectures import MPNET
from tests.python.tiny_graphs import IDS, flatten, save
from tests.python.tiny_models import BERT_CONFIG

SIZES = {"vocab_size": 1100, "hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 40}
QWEN3 = {"model_type": "qwen3", **SIZES, "head_dim": 16, "num_attention_heads": 4, "num_key_value_heads": 2}
MODERNBERT = {
    "model_type": "modernbert",
    **SIZES,
    "num_attention_heads": 2,
    "local_attention": 8,
    "layer_types": ["full_attention", "sliding_attention"],
    "global_rope_theta": 160000.0,
    "local_rope_theta": 10000.0,
}
CONFIGS = {
    "bert": {**BERT_CONFIG, **SIZES},
    "mpnet": {**MPNET, **SIZES},
    "qwen3": {**QWEN3, "num_hidden_layers": 2},
    "modernbert": {**MODERNBERT, "num_hidden_layers": 2},
}
RANDOM = np.random.default_rng(3)
TEXTS = [RANDOM.integers(3, 1100, length).tolist() for length in (1, 4, 9, 20, 20, 30)]
CALIBRATION = [RANDOM.integers(3, 1100, length) for length in (1, 1, 1, 2, 5, 11, 17, 25, 30, 31)]
LONG_TEXTS = [RANDOM.integers(3, 1100, length).tolist() for length in (700, 20, 513)]


class RandomWeights:
    """Weights of any name: random, about 1 for the scales of norms."""

    def __contains__(self, name):
        return name.endswith(".weight") or "norm" not in name.lower()

    def get(self, name, shape):
        values = np.random.default_rng(list(name.encode())).standard_normal(shape).astype(np.float32)
        is_scale = "norm" in name.lower() and name.endswith("weight")
        return 1 + values / 10 if is_scale else values / np.float32(np.sqrt(shape[-1]))


def export(config, folder):
    folder.mkdir()
    architecture, shape = read_architecture(config)
    with GraphBuilder(folder) as graph:
        architecture.build(shape, CpuBlocks(graph, RandomWeights()))
    return folder / "model.onnx"


def to_int8(graph, calibration=CALIBRATION):
    folder = graph.parent / "int8"
    folder.mkdir()
    quantize(graph, folder, calibration)
    return folder / "model.onnx"


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """The float and the int8 graph of each family."""
    root = tmp_path_factory.mktemp("families")
    floats = {family: export(config, root / family) for family, config in CONFIGS.items()}
    return {family: (graph, to_int8(graph)) for family, graph in floats.items()}


def encode(graph, texts):
    engine = _native.Engine(
        library=find_runtime_library(),
        model=graph,
        pooling="mean",
        vocab_size=1100,
        max_tokens=1100,
        max_batch_tokens=2048,
        threads=1,
    )
    out = np.empty((len(texts), engine.dimension), np.float32)
    engine.encode_ids(*flatten(texts), out=out, normalize=False)
    return out


def operators(graph):
    return [node.op_type for node in onnx.load(graph, load_external_data=False).graph.node]


def size(graph):
    return sum(path.stat().st_size for path in graph.parent.glob("model.onnx*"))


@pytest.mark.parametrize("family", CONFIGS)
def test_vectors_stay_near_those_of_float(graphs, family):
    expected, found = (encode(graph, TEXTS) for graph in graphs[family])
    cosines = (expected * found).sum(1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > 0.995
    assert np.abs(expected - found).max() > 1e-4  # it is another graph


@pytest.mark.parametrize("family", CONFIGS)
def test_a_vector_does_not_depend_on_the_texts_beside_it(graphs, family):
    together = encode(graphs[family][1], TEXTS)
    alone = np.concatenate([encode(graphs[family][1], [text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "modernbert"])
def test_long_texts_stay_near_those_of_float_alone_and_in_a_batch(tmp_path, family):
    plain = export({**CONFIGS[family], "max_position_embeddings": 1100}, tmp_path / family)
    rounded = to_int8(plain, [*CALIBRATION, np.array(LONG_TEXTS[2])])
    assert "If" in operators(rounded)
    expected, found = (encode(graph, LONG_TEXTS) for graph in (plain, rounded))
    cosines = (expected * found).sum(1) / np.linalg.norm(expected, axis=1) / np.linalg.norm(found, axis=1)
    assert cosines.min() > 0.995
    alone = np.concatenate([encode(rounded, [text]) for text in LONG_TEXTS])
    np.testing.assert_allclose(found, alone, rtol=0, atol=1e-5)


@pytest.mark.one_runtime
@pytest.mark.parametrize("family", CONFIGS)
def test_all_products_and_tables_are_int8(graphs, family):
    plain, rounded = graphs[family]
    assert {"MatMul", "Attention", "EmbedLayerNormalization"}.isdisjoint(operators(rounded))
    assert operators(rounded).count("QuantizeLinear") >= 6
    assert ("QAttention" in operators(rounded)) == (family == "bert")  # the others rotate, share or bias their heads
    assert size(rounded) < size(plain) / 2


@pytest.mark.one_runtime
def test_no_trace_of_the_calibration_is_left(graphs):
    assert sorted(path.name for path in graphs["bert"][1].parent.iterdir()) == ["model.onnx", "model.onnx.data"]


def save_product(path, table, weight):
    """Hidden states: a row of the table for each id, times the weight."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("MatMul", ["rows", "weight"], ["last_hidden_state"]),
    ]
    output = ("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", weight.shape[1]])
    return save(path, nodes, IDS, output, table=table, weight=weight)


def test_a_channel_that_dwarfs_the_others_does_not_drown_them(tmp_path):
    table = RANDOM.standard_normal((500, 32)).astype(np.float32)
    weight = RANDOM.standard_normal((32, 24)).astype(np.float32)
    table[::5, 7] = 300
    weight[7] *= 3
    graph = to_int8(save_product(tmp_path / "model.onnx", table, weight), [np.arange(500)])
    texts = [[i] for i in range(500) if i % 5]  # the channel is ordinary in these
    error = encode(graph, texts) - table[np.ravel(texts)] @ weight
    assert np.sqrt((error**2).mean()) < 0.02 * (table[1:5] @ weight).std()


def test_products_do_not_saturate(tmp_path):
    """As they would where two of them are added in sixteen bits: AVX2 without VNNI, on x86-64."""
    table = np.linspace(0.01, 1, 500, dtype=np.float32)[:, None] * np.ones(32, np.float32)
    weight = RANDOM.uniform(0.9, 1, (32, 24)).astype(np.float32)
    graph = to_int8(save_product(tmp_path / "model.onnx", table, weight), [np.arange(500)])
    np.testing.assert_allclose(encode(graph, [[499]])[0], weight.sum(0), rtol=0.01)


def test_columns_that_could_saturate_get_a_coarser_scale_and_no_others():
    weight = RANDOM.standard_normal((9, 5)).astype(np.float32)  # an odd number of inputs, too
    weight[2:4, 1] = 10
    weight[2, 3], weight[3, 3] = 10, -10
    scale = ActivationScale.covering(-0.1, 1)
    lowest, highest = np.full(9, -0.01, np.float32), np.ones(9, np.float32)
    rounded = round_weight(weight, scale, lowest, highest)
    plain = np.abs(weight).max(0) / 127
    assert rounded.scales[1] > 1.5 * plain[1]
    np.testing.assert_array_equal(rounded.scales[[0, 2, 3, 4]] >= plain[[0, 2, 3, 4]], [True] * 4)
    assert rounded.scales[3] == plain[3]
    inputs = 255 * (RANDOM.random((2000, 9)) > 0.5)
    pairs = [inputs[:, k : k + 2] @ rounded.values[k : k + 2].astype(np.int64) for k in range(0, 8, 2)]
    assert np.abs(pairs).max() <= 32767
    assert (np.abs(rounded.real() - weight) <= rounded.scales * 0.501).all()


def test_codes_are_those_of_the_onnx_operator():
    scale = ActivationScale.covering(-1, 3)
    assert (float(scale.scale), scale.zero) == (pytest.approx(4 / 255), 64)
    values = np.array([-9, -1, 0, 0.5 * scale.scale, 1.5 * scale.scale, 3, 9], np.float32)
    np.testing.assert_array_equal(scale.codes(values), [0, 0, 64, 64, 66, 255, 255])  # halves go to even
    assert ActivationScale.covering(2, 3).rounded(np.zeros(1, np.float32)) == 0


def test_rows_are_rounded_each_with_its_own_scale():
    table = np.array([[1, -2, 0.5], [100, 50, 0], [0, 0, 0]], np.float32)
    values, scales = round_rows(table)
    assert values.dtype == np.int8
    assert (np.abs(values * scales - table) <= 0.501 * scales).all()
    np.testing.assert_allclose(scales[:2, 0], [2 / 127, 100 / 127], rtol=1e-6)


@pytest.mark.one_runtime
def test_layers_whose_tokens_differ_too_much_stay_float(tmp_path):
    table = RANDOM.standard_normal((500, 32)).astype(np.float32)
    table[::50] *= 1e5  # in every channel: neither remedy helps
    weight = RANDOM.standard_normal((32, 24)).astype(np.float32)
    statistics = Statistics(table.min(0), table.max(0), table)
    assert choose(statistics, [weight], free=True, outliers_allowed=True) is None
    graph = save_product(tmp_path / "model.onnx", table, weight)
    with pytest.raises(ModelLoadError, match="no layer keeps its values in int8; use dtype='float32'"):
        to_int8(graph, [np.arange(500)])


@pytest.mark.one_runtime
def test_remedies_are_taken_where_they_pay():
    rows = RANDOM.standard_normal((400, 64)).astype(np.float32)
    weight = RANDOM.standard_normal((64, 32)).astype(np.float32)

    def decide(values, **options):
        return choose(Statistics(values.min(0), values.max(0), values), [weight], **options)

    ordinary = decide(rows, free=False, outliers_allowed=True)
    assert ordinary.factors is None
    assert len(ordinary.outliers) == 0
    rows[:, 5] *= 200
    split = decide(rows, free=False, outliers_allowed=True)
    assert split.outliers.tolist() == [5]
    smooth = decide(rows, free=False, outliers_allowed=False)
    assert np.argmax(smooth.factors) == 5
    assert split.error < smooth.error


@pytest.mark.one_runtime
def test_a_graph_without_constant_products_is_refused(tmp_path):
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])]
    output = ("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", 6])
    graph = save(tmp_path / "model.onnx", nodes, IDS, output, table=np.ones((50, 6), np.float32))
    with pytest.raises(ModelLoadError, match="nothing to quantize"):
        to_int8(graph)


@pytest.mark.one_runtime
def test_a_file_that_is_not_onnx_is_refused(tmp_path):
    (tmp_path / "model.onnx").write_bytes(b"\x00 not a graph")
    with pytest.raises(ModelLoadError, match="cannot read"):
        to_int8(tmp_path / "model.onnx")


@pytest.mark.one_runtime
def test_a_graph_that_does_not_run_is_refused(tmp_path):
    table, weight = np.ones((50, 6), np.float32), np.ones((7, 3), np.float32)
    with pytest.raises(ModelLoadError, match="calibrate_worker failed"):
        to_int8(save_product(tmp_path / "model.onnx", table, weight))
