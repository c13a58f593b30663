"""What happens to a Mac user whose CoreML is right and faster: it runs the model, in shapes that it compiles for."""

import io
import sys
import threading

import numpy as np
import pytest

from ortembed import CoreMLOptions, InvalidInputError, Provider
from tests.python.mac import ACCELERATED, BUCKETS, COREML, TEXTS, assert_same, shape
from tests.python.stand_in import stand_in_environment
from tests.python.test_runtime_library import runtime

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is for POSIX systems")


@pytest.mark.parametrize("providers", [None, (COREML, "cpu"), ["coreml", "cpu"], COREML])
def test_coreml_that_is_right_and_faster_runs_the_model(mac, mac_expected, providers):
    embedder, told = mac.load(providers)
    assert told == []
    assert embedder.model_info().providers == (ACCELERATED if providers is not COREML else ACCELERATED[:1])
    mac.forget()
    assert_same(embedder.encode(TEXTS), mac_expected)
    assert all(run["coreml"] for run in mac.events("run"))


def test_the_test_sees_every_shape_and_where_its_nodes_run(mac):
    report = mac.load()[0].provider_report()
    assert [(bucket.rows, bucket.tokens) for bucket in report.self_test.buckets] == BUCKETS
    assert all(bucket.cosine > 0.999999 for bucket in report.self_test.buckets)
    assert report.self_test.speedup > 1
    assert list(report.partitions) == ["1 x 8 tokens"]  # the others are closed after the test
    for partition in (report.partitions["1 x 8 tokens"], *(bucket.partition for bucket in report.self_test.buckets)):
        assert (partition.parts, list(partition.nodes), partition.left_to_cpu) == (1, [ACCELERATED[0]], {})


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_the_test_shows_how_far_it_is_where_someone_watches(mac, monkeypatch, stream):
    shown = stream()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", shown)
        mac.load()
    assert ("compiling and testing for the accelerator: 100%" in shown.getvalue()) == shown.isatty()
    assert ("3/3" in shown.getvalue()) == shown.isatty()


def test_each_shape_has_static_dimensions_and_a_folder_of_its_own(mac):
    mac.load()
    folders = {shape(session): session["cache"] for session in mac.sessions()}
    assert sorted(folders) == sorted(BUCKETS)
    assert len(set(folders.values())) == len(BUCKETS)
    for event in mac.events("append"):
        options = dict(event["options"])
        assert options.pop("ModelCacheDirectory").startswith(str(mac.cache))
        assert options == {
            "ModelFormat": "MLProgram",
            "MLComputeUnits": "ALL",
            "RequireStaticInputShapes": "1",
            "SpecializationStrategy": "Default",
            "AllowLowPrecisionAccumulationOnGPU": "0",
        }
    for session in mac.sessions():
        assert "MatMulAddFusion" in session["config"]["optimization.disable_specified_optimizers"]


def test_options_reach_coreml(mac):
    options = CoreMLOptions("CPUAndGPU", "FastPrediction", low_precision_accumulation=True, sequence_lengths=(32,))
    mac.load([Provider("coreml", options), "cpu"])
    wanted = {
        "MLComputeUnits": "CPUAndGPU",
        "SpecializationStrategy": "FastPrediction",
        "AllowLowPrecisionAccumulationOnGPU": "1",
    }
    assert mac.events("append")[0]["options"].items() >= wanted.items()


def test_the_second_load_makes_no_test_and_only_the_sessions_that_texts_need(tested_mac, mac_expected):
    embedder, told = tested_mac.load()
    assert (told, embedder.model_info().providers) == ([], ACCELERATED)
    assert [shape(session) for session in tested_mac.sessions()] == [(1, 8)]
    assert tested_mac.events("run") == []
    assert_same(embedder.encode(TEXTS[2]), mac_expected[2])
    assert [shape(session) for session in tested_mac.sessions()] == [(1, 8), (1, 32)]


def test_runs_of_one_shape_take_turns(tested_mac, mac_expected):
    embedder, _ = tested_mac.load()
    tested_mac.faults("slow")
    results = []
    threads = [threading.Thread(target=lambda: results.append(embedder.encode("dog"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_same(np.stack(results), np.stack([mac_expected[1]] * 4))
    assert {run["concurrent"] for run in tested_mac.events("run")} == {1}


def test_a_text_longer_than_every_shape_runs_on_the_cpu(mac, mac_expected):
    embedder, told = mac.load([Provider("coreml", CoreMLOptions(sequence_lengths=(8, 16), batch=None)), "cpu"])
    mac.forget()
    assert told == []
    assert_same(embedder.encode(TEXTS), mac_expected)
    runs = [(run["shapes"][0][1], run["coreml"]) for run in mac.events("run")]
    assert sorted(runs) == [(8, True), (8, True), (8, True), (20, False), (27, False)]


def test_without_the_cpu_texts_may_not_be_longer_than_every_shape(mac):
    with pytest.raises(InvalidInputError, match=r"may have 32 tokens, .* has 16; give max_seq_length=16, longer"):
        mac.load(Provider("coreml", CoreMLOptions(sequence_lengths=(16,))))
    mac.load(Provider("coreml", CoreMLOptions(sequence_lengths=(16,), batch=None)), max_seq_length=16)


def test_with_the_oldest_runtime_all_is_the_same_but_the_partition_is_not_known(mac, run_python):
    code = """
import sys
import ortembed
embedder = ortembed.Embedder(sys.argv[1], providers=["coreml", "cpu"], cache_dir=sys.argv[2])
report = embedder.provider_report()
print(embedder.model_info().runtime_version, report.providers[0], report.partitions["1 x 16 tokens"])
"""
    variables = stand_in_environment(faults=["slow-cpu"], runtime=runtime("1.21.0"))
    told = run_python(code, str(mac.model), str(mac.cache), **variables)
    assert told == f"1.21.0 {ACCELERATED[0]} not known (ONNX Runtime 1.24 or newer tells)\n"
