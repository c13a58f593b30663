"""Sessions with operators of ours: threads, weights that are packed once, and graphs of several nodes."""

from __future__ import annotations

import itertools
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from _ortembed_testing import Model, Session, has_operators, shareable_weights
from hypothesis import given
from hypothesis import strategies as st

from ortembed.runtime_library import find_runtime_library
from tests.python import packed_graphs as graphs
from tests.python.packed_reference import embed_reference, layer_reference, normed
from tests.python.tiny_graphs import save_lookup

RANDOM = np.random.default_rng(8)
TESTING = sys.modules["_ortembed_testing"].__file__.rpartition("/")[0]
TOKENS = 90
IDS = RANDOM.integers(0, graphs.VOCABULARY, TOKENS)
OFFSETS = np.array([0, 0, 1, 4, 17, 17, 33, 40, 50, 66, 80, 90])
RUN = {"ids": IDS, "offsets": OFFSETS}
DTYPES = ["int8", "bfloat16"]


def save_encoder(path, dtype, *, outside=True):
    """Embed, two layers of which the second has the first one's inner weights with another bias, and Norm."""
    weights = {f"e.{name}": array for name, array in graphs.embed_weights(dtype).items()}
    layers = [graphs.random_weights(seed, dtype) for seed in (1, 2)]
    tied = [name for name in ("inner", "inner_scale", "inner_input_scale") if name in layers[0]]
    layers[1] |= {name: layers[0][name] for name in tied}
    weights |= {f"{number}.{name}": array for number, layer in enumerate(layers) for name, array in layer.items()}
    for name in tied:
        del weights[f"1.{name}"]
    weights["n.weight"] = np.linspace(0.5, 1.5, graphs.WIDTH, dtype=np.float32)

    def named(prefix, operator):
        return {key: f"{prefix}.{key}" for key in graphs.INPUTS[operator] if f"{prefix}.{key}" in weights}

    nodes = [
        graphs.node_of("Embed", named("e", "Embed"), "h"),
        graphs.node_of("Layer", named("0", "Layer") | {"hidden": "h"}, "h0", "layer.0", **graphs.ATTRIBUTES),
        graphs.node_of(
            "Layer",
            named("1", "Layer") | {name: f"0.{name}" for name in tied} | {"hidden": "h0"},
            "h1",
            "layer.1",
            **graphs.ATTRIBUTES,
        ),
        graphs.node_of("Norm", named("n", "Norm") | {"hidden": "h1"}, "last_hidden_state", epsilon=1e-5),
    ]
    return graphs.save_graph(path, nodes, weights, outside=outside), layers, weights


def encoder_reference(layers, weights):
    embedding = {name.removeprefix("e."): array for name, array in weights.items() if name.startswith("e.")}
    hidden = embed_reference(IDS, OFFSETS, embedding)
    for layer in layers:
        hidden = layer_reference(hidden, OFFSETS, layer)
    return normed(hidden, weights["n.weight"], None, 1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("outside", [True, False])
def test_an_encoder_gives_the_same_with_any_number_of_threads_and_packs_its_weights_once(tmp_path, dtype, outside):
    path, layers, weights = save_encoder(tmp_path / "model.onnx", dtype, outside=outside)
    model = Model(find_runtime_library(), path)
    assert model.packed_linears() == []
    found = [Session(model, threads).run_with(RUN) for threads in (1, 2, 3)]
    np.testing.assert_array_equal(found[1:], found[:1] * 2)
    expected = encoder_reference(layers, weights)
    assert np.linalg.norm(found[0] - expected) / np.linalg.norm(expected) < (0.05 if dtype == "int8" else 0.02)
    packed = model.packed_linears()
    assert len(packed) == len(set(packed)) == 8  # the tied weight has two biases
    kept = Session(model, 2)
    assert model.packed_linears() == packed
    np.testing.assert_array_equal(kept.run_with(RUN), found[0])


def test_another_model_of_the_same_file_has_weights_of_its_own(tmp_path):
    path, *_ = save_encoder(tmp_path / "model.onnx", "int8")
    models = [Model(find_runtime_library(), path) for _ in range(2)]
    sessions = [Session(model, 1) for model in models]
    assert not set(models[0].packed_linears()) & set(models[1].packed_linears())
    np.testing.assert_array_equal(*(session.run_with(RUN) for session in sessions))


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_text_gives_the_same_bits_alone_and_in_any_company(tmp_path, dtype):
    path, *_ = save_encoder(tmp_path / "model.onnx", dtype)
    session = Session(Model(find_runtime_library(), path), 2)
    together = session.run_with(RUN)
    for start, end in itertools.pairwise(OFFSETS):
        alone = session.run_with({"ids": IDS[start:end], "offsets": np.array([0, end - start])})
        np.testing.assert_array_equal(alone, together[start:end])


def test_runs_of_one_session_at_the_same_time_do_not_touch_each_other(tmp_path):
    path, *_ = save_encoder(tmp_path / "model.onnx", "int8")
    session = Session(Model(find_runtime_library(), path), 2)
    runs = [
        {"ids": RANDOM.integers(0, graphs.VOCABULARY, tokens), "offsets": np.array([0, tokens // 2, tokens])}
        for tokens in (3, 20, 30, 32) * 8
    ]
    expected = [session.run_with(run) for run in runs]
    with ThreadPoolExecutor(4) as pool:
        for found, right in zip(pool.map(session.run_with, runs * 4), expected * 4, strict=True):
            np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize("dtype", DTYPES)
def test_matrices_that_lie_outside_are_shared(tmp_path, dtype):
    path, *_ = save_encoder(tmp_path / "model.onnx", dtype)
    found = {name: element for name, element, *_ in shareable_weights(path.read_bytes())}
    matrices = {f"{layer}.{linear}" for layer in (0, 1) for linear in graphs.LINEARS} - {"1.inner"}
    assert set(found) == matrices | {"e.word", "e.position"}
    elements = {"int8": graphs.TensorProto.INT8, "bfloat16": graphs.TensorProto.BFLOAT16}
    assert {found[name] for name in matrices} == {elements[dtype]}


def test_a_shared_weight_is_not_taken_for_another_operators_input(tmp_path):
    square = RANDOM.integers(-127, 128, (graphs.WIDTH, graphs.ATTENDED)).astype(np.int8)
    weights = graphs.random_weights(1, "int8")
    weights["attention_output"] = square
    nodes = [
        graphs.helper.make_node("Cast", ["attention_output"], ["floats"], to=graphs.TensorProto.FLOAT),
        graphs.helper.make_node("MatMul", ["hidden", "floats"], ["product"]),
        graphs.node_of("Layer", weights | {"hidden": "product"}, "y", **graphs.ATTRIBUTES),
    ]
    path = graphs.save_graph(tmp_path / "model.onnx", nodes, weights, outside=True)
    assert "attention_output" not in {name for name, *_ in shareable_weights(path.read_bytes())}
    states = RANDOM.standard_normal((5, graphs.WIDTH)).astype(np.float32) / 100
    model = Model(find_runtime_library(), path)
    found = [Session(model, 1).run_with({"hidden": states, "offsets": np.array([0, 5])}) for _ in range(2)]
    expected = layer_reference(states.astype(np.float64) @ square, np.array([0, 5]), weights)
    np.testing.assert_array_equal(*found)
    assert np.linalg.norm(found[0] - expected) / np.linalg.norm(expected) < 0.03


RESIDENT = """
import ctypes, sys
sys.path.insert(0, sys.argv[1])
import ortembed
from _ortembed_testing import Model, Session
def resident():
    ctypes.CDLL(None).malloc_trim(0)
    (line,) = [line for line in open("/proc/self/smaps_rollup") if line.startswith("Rss:")]
    return int(line.split()[1]) * 1024
small = Session(Model(sys.argv[2], sys.argv[4]), 2)  # brings the runtime's own pages
model = Model(sys.argv[2], sys.argv[3])
before = resident()
first = Session(model, 2)
between = resident()
second = Session(model, 1)
print(between - before, resident() - between)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif("libasan" in os.environ.get("LD_PRELOAD", ""), reason="the address sanitizer takes memory too")
@pytest.mark.parametrize("dtype", DTYPES)
def test_memory_holds_weights_once_packed_and_a_second_session_adds_a_fraction(run_python, tmp_path, dtype):
    width = 768
    nodes, everything, value = [], {}, "hidden"
    for number in range(3):
        layer = graphs.random_weights(number, dtype, width=width, inner=4096)
        everything |= {f"{number}.{name}": array for name, array in layer.items()}
        given = {name: f"{number}.{name}" for name in layer} | {"hidden": value}
        value = f"h{number}"
        nodes.append(graphs.node_of("Layer", given, value, f"layer.{number}", **graphs.ATTRIBUTES))
    path = graphs.save_graph(tmp_path / "model.onnx", nodes, everything, outside=True, width=width)
    packed = sum(array.nbytes for name, array in everything.items() if name.split(".")[1] in graphs.LINEARS)
    small, *_ = save_encoder(tmp_path / "small.onnx", dtype)
    first, second = map(int, run_python(RESIDENT, TESTING, find_runtime_library(), path, small).split())
    assert packed > 15e6
    assert 0.9 * packed < first < 1.3 * packed
    assert second < 0.1 * packed


MANY = """
import sys, threading
sys.path.insert(0, sys.argv[1])
import ortembed
from _ortembed_testing import Model, Session
models = [Model(sys.argv[2], path) for path in sys.argv[3:] * 4]
barrier = threading.Barrier(len(models))
opened = []
def open_one(model):
    barrier.wait()
    opened.append(Session(model, 1))
threads = [threading.Thread(target=open_one, args=(model,)) for model in models]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(opened), len(models))
"""


@pytest.mark.parametrize("attempt", range(4))
def test_the_first_sessions_of_a_process_may_be_made_at_once(run_python, tmp_path, attempt):
    packed, *_ = save_encoder(tmp_path / "packed.onnx", "int8")
    padded = save_lookup(tmp_path / "padded.onnx")
    opened, asked = run_python(MANY, TESTING, find_runtime_library(), packed, padded).split()
    assert opened == asked


@pytest.mark.parametrize("domains", [["", graphs.DOMAIN], [graphs.DOMAIN], ["", "com.microsoft"], ["ortembed2"], []])
def test_a_model_has_operators_of_ours_where_it_imports_their_domain(domains):
    graph = graphs.helper.make_graph([], graphs.DOMAIN, [], [])
    imports = [graphs.helper.make_opsetid(domain, 1) for domain in domains]
    model = graphs.helper.make_model(graph, producer_name=graphs.DOMAIN)
    del model.opset_import[:]
    model.opset_import.extend(imports)
    assert has_operators(model.SerializeToString()) == (graphs.DOMAIN in domains)


@given(st.binary(max_size=100), st.binary(max_size=20))
def test_any_bytes_are_read_for_domains_without_harm(before, after):
    has_operators(before + graphs.OPSETS[1].SerializeToString() + after)


FORKED = """
import os, sys
sys.path.insert(0, sys.argv[1])
import numpy as np
import ortembed
from _ortembed_testing import Model, Session
model = Model(sys.argv[2], sys.argv[3])
session = Session(model, 2)
run = {"ids": np.arange(9), "offsets": np.array([0, 4, 9])}
expected = session.run_with(run)
child = os.fork()
if child == 0:
    del session, model  # left alone, since its threads are the parent's
    model = Model(sys.argv[2], sys.argv[3])
    found = Session(model, 2).run_with(run)
    os._exit(0 if (found == expected).all() else 1)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(status, (session.run_with(run) == expected).all())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_child_makes_a_session_of_its_own(run_python, tmp_path):
    path, *_ = save_encoder(tmp_path / "model.onnx", "int8")
    assert run_python(FORKED, TESTING, find_runtime_library(), path).split() == ["0", "True"]
