"""What happens to a Mac user whose CoreML fails after its test, and with models that it cannot run."""

import sys
import warnings

import numpy as np
import pytest

import ortembed
from ortembed import InferenceError, ProviderUnavailableError
from tests.python.mac import COREML, ON_CPU, TEXTS, assert_same
from tests.python.tiny_models import save_onnx

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is for POSIX systems")


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("session", r"1 x 32 tokens \(1 x 32 tokens: cannot load .*\)"),
        ("run", r"1 x 32 tokens \(the model failed to run: .*\)"),
        ("zeros", r"1 x 32 tokens \(the execution provider gave zeros for a text of 20 tokens\)"),
        ("nan", r"1 x 32 tokens \(the execution provider gave values that are not finite for a text of 20 tokens\)"),
    ],
)
def test_a_failure_later_on_moves_that_shape_to_the_cpu_with_one_warning(tested_mac, mac_expected, fault, reason):
    embedder, _ = tested_mac.load()
    tested_mac.faults(f"{fault}@1x32")
    with pytest.warns(
        ortembed.ProviderWarning, match=f"CoreML failed, and the CPU takes over for batches of {reason}"
    ):
        assert_same(embedder.encode(TEXTS[2]), mac_expected[2])
    tested_mac.forget()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(embedder.encode(TEXTS), mac_expected)
    used = {(run["shapes"][0][1], run["coreml"]) for run in tested_mac.events("run")}
    assert used == {(8, True), (32, False)}


@pytest.mark.parametrize("fault", ["run", "zeros", "nan"])
def test_a_failure_later_on_of_coreml_alone_is_an_error_each_time(tested_mac, mac_expected, fault):
    embedder, _ = tested_mac.load(COREML)
    tested_mac.faults(fault)
    for _ in range(2):
        with pytest.raises(InferenceError):
            embedder.encode("dog")
    tested_mac.faults()
    assert_same(embedder.encode("dog"), mac_expected[1])


def test_a_shape_that_cannot_be_opened_later_on_is_an_error_of_coreml_alone(tested_mac):
    embedder, _ = tested_mac.load(COREML)
    tested_mac.faults("session")
    with pytest.raises(ProviderUnavailableError, match="1 x 32 tokens: cannot load"):
        embedder.encode(TEXTS[2])


def test_a_provider_that_is_gone_at_the_next_load_leaves_the_cpu(tested_mac, mac_expected):
    tested_mac.faults("append")
    embedder, (told,) = tested_mac.load()
    assert "cannot use execution provider CoreML" in told
    np.testing.assert_array_equal(embedder.encode(TEXTS), mac_expected)


def test_int8_is_not_for_coreml(mac):
    with pytest.raises(ProviderUnavailableError, match="it runs float32 graphs .*, no other dtypes, no ONNX files"):
        mac.load(COREML, dtype="int8")
    assert mac.sessions() == []


def test_a_model_that_has_only_an_onnx_file_stays_on_the_cpu(mac, tmp_path):
    mac.model = save_onnx(tmp_path / "onnx")
    embedder, (told,) = mac.load()
    assert "the CoreML form is made from safetensors, and the model has only model.onnx" in told
    assert embedder.model_info().providers == ON_CPU


def test_a_model_that_is_not_there_is_the_same_error_as_on_the_cpu(mac, tmp_path):
    mac.model = tmp_path / "none"
    with pytest.raises(ortembed.ModelNotFoundError):
        mac.load(None)
