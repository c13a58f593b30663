"""Sessions of one model: equal vectors, weights that are held once, and threads that rest when nothing runs."""

import sys

import numpy as np
import onnx
import pytest
from _ortembed_testing import Model, Session, shareable_weights
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

import ortembed
from ortembed.prepare import prepare
from ortembed.prepare.onnx_file import load_graph, save_graph, take_weights_in
from ortembed.runtime_library import find_runtime_library
from tests.python.tiny_graphs import save

WIDTH = 128  # a square of float32 is then 64 KiB
RANDOM = np.random.default_rng(5)
SQUARE = RANDOM.standard_normal((WIDTH, WIDTH)).astype(np.float32)
FLOATS = ("input_ids", TensorProto.INT64, ["batch", WIDTH])
TESTING = sys.modules["_ortembed_testing"].__file__.rpartition("/")[0]
IDS = RANDOM.integers(0, 9, (3, WIDTH))


@pytest.fixture(scope="session", params=["float32", "int8"])
def graph(request, cache_dir):
    """The default model's graph of the runtime's operators in each dtype."""
    wanted = {"dtype": request.param, "form": "cpu"}
    return prepare("all-minilm-l6-v2", cache_dir=cache_dir, local_files_only=True, **wanted).graph


@pytest.fixture
def library():
    return find_runtime_library()


def save_outside(folder, nodes, **initializers):
    """Write a graph from input_ids to y whose large weights lie in a file of their own."""
    folder.mkdir()
    cast = helper.make_node("Cast", ["input_ids"], ["x"], to=TensorProto.FLOAT)
    output = ("y", TensorProto.FLOAT, ["batch", WIDTH])
    path = save(folder / "inside.onnx", [cast, *nodes], [FLOATS], output, **initializers)
    save_graph(load_graph(path, {}), folder)
    return folder / "model.onnx"


def names(path):
    return [weight[0] for weight in shareable_weights(path.read_bytes())]


def test_the_weights_that_are_shared_are_those_that_the_graph_multiplies_with_or_looks_up(graph):
    tensors = {t.name: t for t in onnx.load(graph, load_external_data=False).graph.initializer}
    found = shareable_weights(graph.read_bytes())
    tables = [weight[0] for weight in found if weight[0].startswith("embeddings.")]
    assert tables in (
        ["embeddings.word", "embeddings.position_and_type"],
        ["embeddings.word.int8", "embeddings.word.scales"],
    )
    assert len(found) == 24 + len(tables)
    for name, element, dimensions, location, offset, size in found:
        tensor = tensors[name]
        entries = {entry.key: entry.value for entry in tensor.external_data}
        assert (element, dimensions) == (tensor.data_type, list(tensor.dims))
        assert (location, offset, size) == ("model.onnx.data", int(entries["offset"]), int(entries["length"]))


@pytest.mark.parametrize("threads", [1, 2])
def test_sessions_of_one_model_give_what_a_session_alone_gives(graph, library, threads, tmp_path):
    ids = RANDOM.integers(1000, 9000, (3, 20))
    model = Model(library, graph)
    shared = [Session(model, threads).run(ids) for _ in range(2)]
    model_inside = tmp_path / "model.onnx"
    save_graph(load_graph(graph, {}), tmp_path)
    take_weights_in(tmp_path)
    assert names(model_inside) == []
    alone = Session(Model(library, model_inside), threads).run(ids)
    np.testing.assert_array_equal(shared, [alone, alone])


KEPT = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import ortembed
from _ortembed_testing import Model, Session
for library in sys.argv[3:]:
    session = Session(Model(library, sys.argv[2]), 1)
    ids = np.random.default_rng(0).integers(1000, 9000, (3, 20))
    for _ in range(5):
        session.run(ids)
        print(session.kept_memory)
"""


def test_the_runtime_works_in_memory_of_ours_and_needs_no_more_of_it_for_the_same_again(
    graph, library, run_python, tmp_path
):
    other_path = tmp_path / "library"
    other_path.symlink_to(library)
    # In a process of its own: the runtime's environment takes one allocator, and here it may be the product's.
    kept = [int(line) for line in run_python(KEPT, TESTING, graph, library, other_path).split()]
    assert min(kept) >= 60 * 1536 * 4  # what comes of the widest layer
    assert kept[2] == kept[3] == kept[4]
    assert kept[5:] == kept[:5]


TOO_LARGE = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import ortembed
from _ortembed_testing import Model, Session
session = Session(Model(sys.argv[3], sys.argv[2]), 1)
try:
    session.run(np.array([[1 << 20, 1 << 22]]))  # 16 TiB
except ortembed.InferenceError as error:
    print(error)
print(session.run(np.array([[2, 3]])).shape)
"""


def test_a_run_that_no_memory_is_enough_for_fails_and_leaves_nothing_behind(library, run_python, tmp_path):
    flat = helper.make_node("Reshape", ["input_ids", "all"], ["sizes"])
    zeros = helper.make_node("ConstantOfShape", ["sizes"], ["y"])
    ids, output = ("input_ids", TensorProto.INT64, [1, 2]), ("y", TensorProto.FLOAT, ["a", "b"])
    path = save(tmp_path / "model.onnx", [flat, zeros], [ids], output, all=np.array([-1]))
    *message, shape = run_python(TOO_LARGE, TESTING, path, library).strip().splitlines()
    assert "the model failed to run" in message[0]
    assert shape == "(2, 3)"


ANONYMOUS = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import ortembed
from _ortembed_testing import Model, Session
def anonymous():
    ctypes.CDLL(None).malloc_trim(0)
    (line,) = [line for line in open("/proc/self/smaps_rollup") if line.startswith("Anonymous:")]
    return int(line.split()[1]) * 1024
model = Model(sys.argv[2], sys.argv[3])
first = Session(model, 2)
before = anonymous()
second = Session(model, 1)
print(anonymous() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_second_session_adds_a_fraction_of_the_packed_weights(graph, library, run_python):
    weights = shareable_weights(graph.read_bytes())
    packed = sum(size for name, *_, size in weights if not name.startswith("embeddings."))
    assert int(run_python(ANONYMOUS, TESTING, library, graph)) < 0.4 * packed


@pytest.mark.parametrize(
    ("nodes", "shared"),
    [
        ([("MatMul", ["x", "w"], "y")], ["w"]),
        ([("MatMul", ["x", "w"], "h"), ("MatMul", ["h", "w"], "y")], ["w"]),
        ([("MatMul", ["x", "w"], "h"), ("Add", ["h", "w"], "y")], []),
        ([("Gather", ["w", "ids"], "y")], ["w"]),
        ([("Gather", ["w", "ids"], "h"), ("MatMul", ["h", "w"], "y")], ["w"]),
        ([("Gather", ["w", "ids"], "h"), ("Add", ["h", "w"], "y")], []),
        ([("Transpose", ["w"], "t"), ("MatMul", ["x", "t"], "y")], []),
        ([("Transpose", ["x"], "t"), ("Add", ["t", "w"], "h"), ("Transpose", ["h"], "y")], []),
    ],
)
def test_a_weight_that_anything_else_reads_is_not_shared_and_the_values_are_right(tmp_path, library, nodes, shared):
    made = [helper.make_node(operator, inputs, [output]) for operator, inputs, output in nodes]
    zero = helper.make_tensor("zero", TensorProto.INT64, [], [0])
    made.insert(0, helper.make_node("Gather", ["input_ids", "zero"], ["ids"]))
    made.insert(0, helper.make_node("Constant", [], ["zero"], value=zero))
    path = save_outside(tmp_path / "model", made, w=SQUARE)
    assert names(path) == shared
    values = {"x": IDS.astype(np.float32), "w": SQUARE}
    meaning = {"MatMul": np.matmul, "Add": np.add, "Transpose": np.transpose, "Gather": lambda w, ids: w[ids]}
    square = RANDOM.integers(0, 9, (WIDTH, WIDTH))
    values["x"], values["ids"] = square.astype(np.float32), square[0]
    for operator, inputs, output in nodes:
        values[output] = meaning[operator](*(values[name] for name in inputs))
    model = Model(library, path)
    for _ in range(2):
        np.testing.assert_allclose(Session(model, 1).run(square), values["y"], rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(
    ("key", "value"), [("offset", "65536000"), ("offset", "-1"), ("location", "../w"), ("location", "")]
)
def test_a_weight_that_is_not_where_the_graph_says_is_left_to_the_runtime(tmp_path, key, value):
    path = save_outside(tmp_path / "model", [helper.make_node("MatMul", ["x", "w"], ["y"])], w=SQUARE)
    model = onnx.load(path, load_external_data=False)
    (tensor,) = (t for t in model.graph.initializer if t.name == "w")
    for entry in tensor.external_data:
        entry.value = value if entry.key == key else entry.value
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ortembed.ModelLoadError, match="cannot load"):
        Session(Model(find_runtime_library(), path), 1)


def test_a_graph_that_cannot_run_fails_with_the_runtimes_own_words(tmp_path):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("NoSuch", ["h"], ["y"])]
    path = save_outside(tmp_path / "model", nodes, w=SQUARE)
    assert names(path) == ["w"]
    with pytest.raises(ortembed.ModelLoadError, match="NoSuch"):
        Session(Model(find_runtime_library(), path), 1)


WHOLE = helper.make_model(
    helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "g",
        [],
        [],
        [
            TensorProto(
                name="w",
                dims=[4, 8],
                data_type=TensorProto.FLOAT,
                data_location=TensorProto.EXTERNAL,
                external_data=[{"key": "location", "value": "d"}, {"key": "offset", "value": "64"}],
            )
        ],
    )
).SerializeToString()


def test_a_small_message_is_read():
    assert shareable_weights(WHOLE) == [("w", TensorProto.FLOAT, [4, 8], "d", 64, 128)]


@pytest.mark.one_runtime
@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_harm(data):
    assert shareable_weights(data) == []


@pytest.mark.one_runtime
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255), st.integers(0, len(WHOLE)))
def test_damaged_messages_are_read_without_harm(place, byte, end):
    damaged = bytearray(WHOLE)
    damaged[place] = byte
    for _, _, dimensions, _, _, size in shareable_weights(bytes(damaged[:end])):
        assert size == 4 * np.prod(dimensions, dtype=np.uint64) or size == np.prod(dimensions, dtype=np.uint64)


IDLE = """
import sys, time
import numpy as np
import ortembed
embedder = ortembed.Embedder(cache_dir=sys.argv[1], local_files_only=True, threads=4)
ids, offsets = np.full(512, 2088), np.arange(0, 513, 64)
embedder.encode_ids(ids[:16], offsets[:1].repeat(2) + [0, 16])
embedder.encode_ids(ids, offsets)
before = time.process_time()
time.sleep(2)
print(time.process_time() - before)
"""


def test_an_idle_embedder_takes_no_cpu_time(run_python, embedder, cache_dir):
    assert float(run_python(IDLE, cache_dir)) < 0.02
