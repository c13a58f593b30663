"""The stand-in runtime: it forwards, claims CoreML, and keeps a record."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from _ortembed_testing import Model, Session

import ortembed
from ortembed.runtime_library import find_runtime_library
from tests.conftest import ROOT
from tests.python.stand_in import read_log, stand_in_environment, use_stand_in
from tests.stand_in.ort_table import StatusError, Table
from tests.stand_in.table import BUCKET, RECORDING, STATIC, expected, files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is for POSIX systems")

REPLACED = {3, 7, 8, 9, 10, 95, 100, 124, 125, 126, 130, 168, 169, 216}
ASSIGNMENT = {407, 408, 409}


def table_size(version):
    (sizes,) = re.findall(
        r"table_sizes\[\] = \{(.*?)\}", (ROOT / "tests/cpp/stand_in/slots.h").read_text(), re.DOTALL
    )
    sizes = list(map(int, sizes.split(",")))
    return sizes[min(int(version.split(".")[1]) - 21, len(sizes) - 1)]


def test_what_is_not_replaced_is_the_real_runtimes(stand_in, real):
    original = Table(real)
    size = table_size(original.version)
    assert original.version != "1.21.0" or size == 285
    assert stand_in.table.version == original.version
    pairs = list(zip(original.slots(size), stand_in.table.slots(size), strict=True))
    assert all(all(pair) for pair in pairs)
    differing = {slot for slot, (theirs, ours) in enumerate(pairs) if theirs != ours}
    assert differing == REPLACED | (ASSIGNMENT if size > 407 else set())


def test_the_products_own_layer_gets_the_same_from_it(stand_in, real, graph):
    ids = np.random.default_rng(4).integers(0, 50, (3, 20))
    ours, theirs = (Session(Model(library, graph), 1).run(ids) for library in (stand_in.library, real))
    np.testing.assert_array_equal(ours, theirs)
    assert [event["shapes"] for event in stand_in.events("run")] == [[[3, 20]] * 2]


def test_the_product_runs_on_it_as_on_the_real_runtime(monkeypatch, tmp_path, cache_dir, golden):
    use_stand_in(monkeypatch, tmp_path / "log")
    embedder = ortembed.Embedder(cache_dir=cache_dir, local_files_only=True, providers="cpu")
    found = embedder.encode(golden[0]["texts"][:54])
    np.testing.assert_allclose(found, golden[1]["normalized"][:54], rtol=0, atol=1e-5)
    assert read_log(tmp_path / "log", "session")
    assert all(run["ok"] and not run["coreml"] for run in read_log(tmp_path / "log", "run"))


def test_the_environment_names_the_real_runtime_where_the_stand_in_is_already_in_use(monkeypatch):
    real = str(find_runtime_library())
    use_stand_in(monkeypatch)
    assert stand_in_environment()["STAND_IN_RUNTIME"] == real


def test_coreml_comes_first_among_the_providers(stand_in, real):
    assert stand_in.table.providers() == ["CoreMLExecutionProvider", *Table(real).providers()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ModelFromat": "MLProgram"}, "ModelFromat"),
        ({"ModelFormat": "mlprogram"}, "ModelFormat: mlprogram"),
        ({"MLComputeUnits": "All"}, "MLComputeUnits: All"),
        ({"SpecializationStrategy": "Fast"}, "SpecializationStrategy: Fast"),
        ({"RequireStaticInputShapes": "true"}, "RequireStaticInputShapes: true"),
    ],
)
def test_options_that_coreml_does_not_know_are_refused(stand_in, options, message):
    with pytest.raises(StatusError, match=message):
        stand_in.table.options({}, options)
    assert stand_in.events("append") == [{"event": "append", "options": options, "ok": False}]


def test_options_of_coreml_are_taken(stand_in):
    flags = ("AllowLowPrecisionAccumulationOnGPU", "EnableOnSubgraphs", "ProfileComputePlan")
    options = {**STATIC, "MLComputeUnits": "ALL", "SpecializationStrategy": "FastPrediction"}
    options |= {"ModelCacheDirectory": 'a "folder"\n', **dict.fromkeys(flags, "0")}
    stand_in.table.options({}, options)
    assert stand_in.events("append") == [{"event": "append", "options": options, "ok": True}]


def test_other_providers_are_left_to_the_real_runtime(stand_in, real):
    messages = []
    for table in (stand_in.table, Table(real)):
        with pytest.raises(StatusError) as caught:
            table.append(table.options({}), "QNN", {})
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
    assert stand_in.events("append") == []


def test_a_session_is_recorded_from_its_making_to_its_release(stand_in, graph, cache):
    options = {**STATIC, "ModelCacheDirectory": str(cache)}
    session = stand_in.session(graph, options, config={"session.inter_op.allow_spinning": "0"})
    np.testing.assert_allclose(stand_in.run(session), expected(), rtol=1e-6)
    stand_in.table.release_session(session)
    config = {"session.inter_op.allow_spinning": "0"}
    made = {"dimensions": BUCKET, "config": config, "cache": str(cache), "cache_was_empty": True}
    ran = {"shapes": [[2, 16], [2, 16]], "concurrent": 1}
    assert read_log(stand_in.log) == [
        {"event": "append", "options": options, "ok": True},
        {"event": "session", "id": 1, "coreml": True, **made, "ok": True},
        {"event": "run", "id": 1, "coreml": True, **ran, "ok": True},
        {"event": "release", "id": 1},
    ]


def test_a_session_without_coreml_is_recorded_as_such(stand_in, graph):
    stand_in.run(stand_in.session(graph, None, {}))
    session, run = read_log(stand_in.log)
    assert (session["coreml"], session["cache"], session["dimensions"], run["coreml"]) == (False, "", {}, False)


def test_a_session_from_memory_is_recorded_too(stand_in, graph):
    data = graph.read_bytes()
    table = stand_in.table
    session = table.make(8, table.environment, data, len(data), table.options(BUCKET, STATIC))
    np.testing.assert_allclose(stand_in.run(session), expected(), rtol=1e-6)
    assert [event["coreml"] for event in stand_in.events("session")] == [True]


@pytest.mark.parametrize("dimensions", [{}, {"batch": 2}, {"sequence": 16}])
def test_a_free_dimension_is_refused_where_inputs_must_be_static(stand_in, graph, dimensions):
    stand_in.session(graph, {"RequireStaticInputShapes": "0"}, dimensions)
    with pytest.raises(StatusError, match="free dimension"):
        stand_in.session(graph, STATIC, dimensions)
    assert [event["ok"] for event in stand_in.events("session")] == [True, False]


def test_compiled_models_are_kept_in_the_cache(stand_in, graph, cache):
    for _ in range(2):
        stand_in.session(graph, {"ModelCacheDirectory": str(cache)})
        assert files(cache) == ["coremldata.bin", "model.mil"]
    assert [event["cache_was_empty"] for event in stand_in.events("session")] == [True, False]


def test_a_cache_that_is_not_there_is_an_error(stand_in, graph, cache):
    with pytest.raises(StatusError, match="no such ModelCacheDirectory"):
        stand_in.session(graph, {"ModelCacheDirectory": str(cache / "none")})


def test_runs_of_one_session_at_once_are_counted(stand_in, graph):
    stand_in.faults("slow")
    sessions = [stand_in.session(graph) for _ in range(2)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(stand_in.run, [sessions[0]] * 8))
    stand_in.run(sessions[1])
    counts = {id_: [run["concurrent"] for run in stand_in.events("run") if run["id"] == id_] for id_ in (1, 2)}
    assert 2 <= max(counts[1]) <= 8
    assert counts[2] == [1]


def test_all_nodes_are_reported_as_coremls_in_one_partition(newest, graph):
    assignment = newest.table.assignment(newest.session(graph, config=RECORDING))
    operators = sorted(["Gather", "ReduceSum", "Cast", "Unsqueeze", "Add"])
    assert [(provider, sorted(nodes)) for provider, nodes in assignment] == [("CoreMLExecutionProvider", operators)]


def test_nodes_of_a_session_without_coreml_are_reported_as_they_are(newest, graph):
    ours = newest.table.assignment(newest.session(graph, None, config=RECORDING))
    original = Table(newest.real)
    session = original.session(graph, original.options(BUCKET, config=RECORDING))
    assert ours == original.assignment(session)


def test_an_assignment_that_was_not_recorded_is_the_real_runtimes_error(newest, graph):
    with pytest.raises(StatusError, match="record_ep_graph_assignment_info"):
        newest.table.assignment(newest.session(graph))
