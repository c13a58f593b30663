"""What happens to a Mac user whose CoreML is wrong, slow or broken: the CPU takes over, or an error says why."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from ortembed import ProviderUnavailableError
from ortembed.partition import partition_of
from ortembed.self_test import BucketResult, Verdict
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
    ("slow", r"it is slower: 0\.\d+ times the CPU's speed \(ms: 1 x 8 tokens 2\d\.\d+ against \d\.\d+, 1 x 32 "),
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


def test_a_norm_that_the_cosine_does_not_see_is_not_right():
    fields = {"rows": 1, "tokens": 8, "cosine": 1.0, "milliseconds": 1.0, "cpu_milliseconds": 2.0, "failure": ""}
    result = BucketResult(**fields, norm_ratio=1.02, partition=partition_of(()))
    assert Verdict((result,)).reason == "it is not right: 1 x 8 tokens: norm 1.0200 times the CPU's"


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


def test_a_test_that_ends_the_process_twice_is_not_tried_again(mac, run_python):
    mac.faults("kill")
    code = f"""
import ortembed
options = ortembed.CoreMLOptions(sequence_lengths=(8, 32), batch=(4, 16))
ortembed.Embedder({str(mac.model)!r}, providers=[ortembed.Provider("coreml", options), "cpu"],
                  cache_dir={str(mac.cache)!r})
"""
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    mac.faults()
    embedder, (told,) = mac.load()
    assert embedder.model_info().providers == ON_CPU
    assert "the process ended during its self-test, 2 times; `ortembed doctor --self-test` tries again" in told
