"""What happens to a Mac user whose CoreML is wrong, slow or broken: the CPU takes over, or an error says why."""

import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from ortembed import ProviderUnavailableError, self_test
from ortembed.partition import partition_of
from ortembed.self_test import BucketResult, Verdict, _probes
from tests.python.mac import ACCELERATED, COREML, ON_CPU, TEXTS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is for POSIX systems")


FAULTS = [
    ("append", r"1 x 8 tokens: cannot use execution provider CoreML: .*append"),
    ("session", r"it is not right: 1 x 8 tokens: .*cannot load .*model\.onnx: .*session"),
    ("session@4x16", r"it is not right: 4 x 16 tokens: .*cannot load .*model\.onnx"),
    ("run", r"it is not right: 1 x 8 tokens: the model failed to run: .*run.*; 1 x 32 tokens: the model failed"),
    ("run@1x32", r"it is not right: 1 x 32 tokens: the model failed to run: "),
    ("zeros", r"it is not right: 1 x 8 tokens: the execution provider gave zeros for a text of 8 tokens"),
    ("nan@4x16", r"it is not right: 4 x 16 tokens: the execution provider gave values that are not finite"),
    ("wrong@1x32", r"it is not right: 1 x 32 tokens: cosine -?0\.\d+ to the CPU's vectors, below 0\.9999"),
    ("slow", r"it is not faster: 0\.\d+ times the CPU's speed \(ms: 1 x 8 tokens \d+\.\d+ against \d\.\d+, 1 x 32 "),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=[fault for fault, _ in FAULTS])
def test_the_cpu_takes_over_with_one_warning_that_says_why(mac, mac_expected, fault, reason):
    mac.faults(fault, cpu_is_slow=fault != "slow")
    embedder, told = mac.load()
    assert len(told) == 1
    assert told[0].startswith(f"CoreMLExecutionProvider cannot be used for '{mac.model}': ")
    assert told[0].endswith(". The CPU is used.")
    assert re.search(reason, told[0])
    assert embedder.model_info().providers == ON_CPU
    np.testing.assert_array_equal(embedder.encode(TEXTS), mac_expected)
    assert embedder.provider_report().remark in told[0]


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=[fault for fault, _ in FAULTS])
def test_coreml_alone_raises_and_says_why(mac, fault, reason):
    mac.faults(fault, cpu_is_slow=fault != "slow")
    with pytest.raises(ProviderUnavailableError, match=reason) as error:
        mac.load(COREML)
    assert "With providers=[..., 'cpu'] the CPU takes over." in str(error.value)


def result(**changes):
    fields = {"rows": 1, "tokens": 8, "cosine": 1.0, "norm_ratio": 1.0, "milliseconds": 1.0, "cpu_milliseconds": 2.0}
    return BucketResult(**{**fields, "failure": "", "partition": partition_of(()), **changes})


NOT_FASTER = "it is not faster: {} times the CPU's speed (ms: 1 x 8 tokens {} against {})"


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([result()], ""),
        ([result(cosine=0.99991, norm_ratio=0.991)], ""),
        ([result(norm_ratio=1.02)], "it is not right: 1 x 8 tokens: norm 1.0200 times the CPU's"),
        ([result(cosine=np.nan)], "it is not right: 1 x 8 tokens: cosine nan to the CPU's vectors, below 0.9999"),
        ([result(), result(rows=4, failure="no")], "it is not right: 4 x 8 tokens: no"),
        (
            [result(partition=partition_of([("CPUExecutionProvider", ["MatMul"])]))],
            "it is not right: 1 x 8 tokens: the provider takes no node of the graph",
        ),
        ([result(milliseconds=1.95)], NOT_FASTER.format("1.03", "1.95", "2.00")),
        # Three times as fast and a third as fast are even, though their mean is above 1.
        (
            [result(cpu_milliseconds=3.0), result(tokens=9, milliseconds=3.0, cpu_milliseconds=1.0)],
            NOT_FASTER.format("1.00", "1.00", "3.00, 1 x 9 tokens 3.00 against 1.00"),
        ),
    ],
)
def test_the_reason_has_figures(results, reason):
    assert Verdict(tuple(results)).reason == reason


def test_the_probes_of_a_shape_reach_from_its_shortest_text_to_its_longest():
    words = np.arange(100)
    single = list(_probes(words, 1, 17, 32))
    assert [[len(text) for text in texts] for texts in single] == [[32], [24], [17]]
    full, falling = _probes(words, 4, 9, 16)
    assert [len(text) for text in full] == [16] * 4
    assert [len(text) for text in falling] == [16, 16, 15, 14]
    for text in (*single[0], *full, *falling):
        assert (text[0], text[-1]) == (0, 99)
    assert len({tuple(text) for text in full}) == 4


def test_the_verdict_is_kept_and_told_again_without_a_test(mac):
    mac.faults("zeros")
    _, first = mac.load()
    mac.forget()
    mac.faults()
    embedder, second = mac.load()
    assert (first, mac.sessions()) == (second, [])
    assert embedder.model_info().providers == ON_CPU


def test_where_coreml_was_not_asked_for_only_the_test_itself_warns(mac):
    mac.faults("zeros")
    _, first = mac.load(None)
    embedder, second = mac.load(None)
    assert (len(first), second) == (1, [])
    assert "gave zeros" in embedder.provider_report().remark


def test_a_failure_is_tested_again_after_a_day_and_a_wrong_vector_is_not(mac):
    for fault, length, providers in (("wrong", 30, ON_CPU), ("run", 31, ACCELERATED)):
        mac.faults(fault)
        mac.load(max_seq_length=length)
        mac.faults()
        assert mac.load(max_seq_length=length)[0].model_info().providers == ON_CPU
        for path in mac.cache.glob("accelerators/*.verdict.json"):
            os.utime(path, (time.time() - 25 * 3600,) * 2)
        assert mac.load(max_seq_length=length)[0].model_info().providers == providers


def test_what_a_refused_model_has_compiled_is_deleted(mac):
    mac.faults("wrong")
    mac.load()
    assert mac.sessions() != []
    assert mac.entries() == []


@pytest.mark.parametrize(("fault", "reason"), [("run", "the model failed to run"), ("wrong", "cosine ")])
def test_a_fault_in_the_race_alone_is_seen_too(mac, monkeypatch, fault, reason):
    real = self_test._race

    def race(*arguments):
        mac.faults(f"{fault}@1x32")
        try:
            return real(*arguments)
        finally:
            mac.faults()

    monkeypatch.setattr(self_test, "_race", race)
    _, (told,) = mac.load()
    assert f"it is not right: 1 x 32 tokens: {reason}" in told


@pytest.mark.parametrize("content", ["", "{", "[]", '{"buckets": 3}', '{"buckets": [{}], "crashes": 0}', "null"])
def test_a_verdict_that_cannot_be_read_is_made_anew(tested_mac, content):
    (path,) = tested_mac.cache.glob("accelerators/*.verdict.json")
    path.write_text(content, "utf-8")
    embedder, told = tested_mac.load()
    assert (told, embedder.model_info().providers) == ([], ACCELERATED)
    assert json.loads(path.read_text("utf-8"))["buckets"]


@pytest.mark.parametrize("change", [{"threads": 1}, {"max_seq_length": 30}])
def test_other_threads_or_lengths_are_tested_by_themselves(tested_mac, change):
    tested_mac.load(**change)
    assert len(list(tested_mac.cache.glob("accelerators/*.verdict.json"))) == 2


def test_a_test_that_is_interrupted_is_no_crash(mac, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(self_test, "_race", interrupt)
        for _ in range(3):
            with pytest.raises(KeyboardInterrupt):
                mac.load()
    assert mac.load()[0].model_info().providers == ACCELERATED


@pytest.mark.parametrize("providers", [None, ["coreml", "cpu"]])
def test_a_test_that_ends_the_process_twice_is_not_tried_again(mac, providers):
    mac.faults("kill")
    code = f"""
import ortembed
ortembed.Embedder({str(mac.model)!r}, providers={providers!r}, cache_dir={str(mac.cache)!r})
"""
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    mac.faults()
    for _ in range(2):
        embedder, (told,) = mac.load(providers)
        assert embedder.model_info().providers == ON_CPU
        assert "the process ended during its self-test, 2 times; `ortembed doctor --self-test` tries again" in told
