"""How the stand-in runtime misbehaves: each fault, of all sessions or of one bucket, and never by mistake."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.stand_in.ort_table import StatusError
from tests.stand_in.table import RECORDING, STATIC, expected, files

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is for POSIX systems")


def cosine(a, b):
    return np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)


def test_split_leaves_every_other_node_on_cpu(newest, graph):
    newest.faults("split")
    assignment = newest.table.assignment(newest.session(graph, config=RECORDING))
    coreml, cpu = "CoreMLExecutionProvider", "CPUExecutionProvider"
    assert [provider for provider, _ in assignment] == [coreml, cpu, coreml, cpu, coreml]
    assert all(len(nodes) == 1 for _, nodes in assignment)


def test_append_fails(stand_in):
    stand_in.faults("append")
    with pytest.raises(StatusError, match="fault append"):
        stand_in.table.options({}, STATIC)


def test_making_a_session_fails(stand_in, graph):
    stand_in.faults("session")
    with pytest.raises(StatusError, match="fault session"):
        stand_in.session(graph)


def test_a_run_fails(stand_in, graph):
    session = stand_in.session(graph)
    stand_in.faults("run")
    with pytest.raises(StatusError, match="fault run"):
        stand_in.run(session)
    stand_in.faults()
    stand_in.run(session)
    assert [event["ok"] for event in stand_in.events("run")] == [False, True]


def test_outputs_are_zero(stand_in, graph):
    stand_in.faults("zeros")
    assert not stand_in.run(stand_in.session(graph)).any()


def test_outputs_have_a_nan(stand_in, graph):
    stand_in.faults("nan")
    assert np.argwhere(np.isnan(stand_in.run(stand_in.session(graph)))).tolist() == [[0, 1, 0]]


def test_outputs_are_wrong_also_after_pooling(stand_in, graph):
    stand_in.faults("wrong")
    found = stand_in.run(stand_in.session(graph))
    for pooled, right in zip(found.mean(1), expected().mean(1), strict=True):
        assert abs(cosine(pooled, right)) < 1e-5
        np.testing.assert_allclose(np.linalg.norm(pooled), np.linalg.norm(right), rtol=1e-5)


@pytest.mark.parametrize(("fault", "coreml"), [("slow", STATIC), ("slow-cpu", None)])
def test_a_run_takes_longer(stand_in, graph, fault, coreml):
    stand_in.faults(fault)
    session = stand_in.session(graph, coreml)
    before = time.monotonic()
    stand_in.run(session)
    assert time.monotonic() - before >= 0.02  # a sleep is never shorter


def test_a_cache_that_was_left_half_written_is_not_loaded(stand_in, graph, cache):
    stand_in.faults("partial-cache")
    with pytest.raises(StatusError, match="fault partial-cache"):
        stand_in.session(graph, {"ModelCacheDirectory": str(cache)})
    assert files(cache) == ["coremldata.bin"]
    stand_in.faults()
    with pytest.raises(StatusError, match="cannot load the compiled model"):
        stand_in.session(graph, {"ModelCacheDirectory": str(cache)})


def test_a_cache_that_is_not_empty_fails(stand_in, graph, cache):
    stand_in.faults("stale-cache")
    stand_in.session(graph, {"ModelCacheDirectory": str(cache)})
    with pytest.raises(StatusError, match="fault stale-cache"):
        stand_in.session(graph, {"ModelCacheDirectory": str(cache)})


def test_a_fault_of_one_bucket_leaves_others_alone(stand_in, graph):
    stand_in.faults("append@2x32", "session@2x64", "zeros@2x16", "run@4x16")
    assert not stand_in.run(stand_in.session(graph)).any()
    assert stand_in.run(stand_in.session(graph, {}, {"batch": 2})).any()
    for sequence, fault in ((32, "append"), (64, "session")):
        with pytest.raises(StatusError, match=f"fault {fault}"):
            stand_in.session(graph, {}, {"batch": 2, "sequence": sequence})
    stand_in.session(graph, {}, {"batch": 2, "sequence": 128})


def test_faults_leave_sessions_without_coreml_alone(stand_in, graph):
    stand_in.faults("append", "session", "run", "zeros", "nan", "wrong", "partial-cache", "stale-cache", "kill")
    np.testing.assert_allclose(stand_in.run(stand_in.session(graph, None)), expected(), rtol=1e-6)


ALONE = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.stand_in.ort_table import Table
table = Table(sys.argv[2])
table.session(sys.argv[3], table.options({"batch": 2, "sequence": 16}, {"ModelCacheDirectory": sys.argv[4]}))
"""


def run_alone(stand_in, graph, cache):
    command = [sys.executable, "-c", ALONE, ROOT, stand_in.library, graph, cache]
    return subprocess.run(list(map(str, command)), check=False, capture_output=True, text=True)


def test_the_process_ends_amid_writing_the_cache(stand_in, graph, cache):
    stand_in.faults("kill")
    assert run_alone(stand_in, graph, cache).returncode == 9
    assert files(cache) == ["coremldata.bin"]


@pytest.mark.parametrize("fault", ["sessoin", "zeros@2", "zeros@2x16y"])
def test_a_fault_that_is_not_known_cannot_be_missed(stand_in, graph, cache, fault):
    stand_in.faults("slow", fault)
    done = run_alone(stand_in, graph, cache)
    assert done.returncode == -signal.SIGABRT
    assert "stand-in: STAND_IN_FAULT has an un" in done.stderr
