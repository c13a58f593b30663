"""The caller's words for providers, and what the runtime has, joined to one choice."""

import numpy as np
import pytest

import ortembed
from ortembed import CoreMLOptions, InvalidInputError, Provider, ProviderUnavailableError
from ortembed.providers import COREML, CPU, PROVIDERS_VARIABLE, asked_providers, choose_providers
from ortembed.runtime_library import VARIABLE
from tests.python.test_runtime_library import runtime

MAC = [COREML, CPU]
LINUX = ["AzureExecutionProvider", CPU]
WINDOWS = ["CUDAExecutionProvider", "DmlExecutionProvider", "XnnpackExecutionProvider", CPU]


def names(choice):
    return [item.native[0] for item in choice.accelerators]


@pytest.mark.parametrize(
    ("asked", "available", "expected"),
    [
        (None, MAC, (["CoreML"], True, True)),
        (None, LINUX, ([], True, True)),
        (None, WINDOWS, ([], True, True)),
        ("cpu", MAC, ([], True, False)),
        ("CPUExecutionProvider", MAC, ([], True, False)),
        ("coreml", MAC, (["CoreML"], False, False)),
        ("CoreMLExecutionProvider", MAC, (["CoreML"], False, False)),
        (["CoreML", "CPU"], MAC, (["CoreML"], True, False)),
        (Provider("coreml"), MAC, (["CoreML"], False, False)),
        (["cuda", "cpu"], WINDOWS, (["CUDA"], True, False)),
        (("directml", "xnnpack", "cpu"), WINDOWS, (["DML", "XNNPACK"], True, False)),
        (["azure"], LINUX, (["AZURE"], False, False)),
        ([("CUDAExecutionProvider", {"device_id": 1}), "CPUExecutionProvider"], WINDOWS, (["CUDA"], True, False)),
    ],
)
def test_the_choice(asked, available, expected):
    choice = choose_providers(asked, available)
    assert (names(choice), choice.may_use_cpu, choice.is_automatic) == expected


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ("coreml", ProviderUnavailableError, "no execution provider 'coreml'; it has AzureExecutionProvider, CPUEx"),
        (["nope", "cpu"], ProviderUnavailableError, "no execution provider 'nope'; it has Azure.*Other builds"),
        ([], InvalidInputError, r"providers is \[\], neither a name, a Provider nor a list"),
        (3, InvalidInputError, "providers is 3, neither"),
        ([3], InvalidInputError, "providers has 3, neither a name nor a Provider"),
        ("", InvalidInputError, "neither a name nor a Provider"),
        ({"cpu"}, InvalidInputError, "providers is {'cpu'}, neither"),
        (["cpu", "azure"], InvalidInputError, "has the CPU before others; it takes every model, so it comes last"),
        (["azure", "azure"], InvalidInputError, "names one twice: Azure"),
        ([Provider("cpu", {"a": 1})], InvalidInputError, "the CPU has no options, and is given a"),
        ([Provider("azure", {"a": 1.5})], InvalidInputError, "option 'a' of AzureExecutionProvider is 1.5"),
        ([Provider("azure", {"a": "x\0"})], InvalidInputError, "option 'a' of AzureExecutionProvider is 'x"),
        ([Provider("azure", {"a": "\udcff"})], InvalidInputError, "option 'a' of AzureExecutionProvider is"),
        ([Provider("azure", 3)], InvalidInputError, "the options of AzureExecutionProvider are 3, not a mapping"),
    ],
)
def test_what_is_no_choice_is_named(asked, error, message):
    with pytest.raises(error, match=message):
        choose_providers(asked, LINUX)


def test_the_variable_names_providers_where_the_caller_does_not(monkeypatch):
    monkeypatch.setenv(PROVIDERS_VARIABLE, "azure,cpu")
    assert asked_providers(None) == ["azure", "cpu"]
    assert asked_providers("cpu") == "cpu"
    monkeypatch.setenv(PROVIDERS_VARIABLE, "coreml, cpu")
    assert asked_providers(None) == ["coreml", "cpu"]
    monkeypatch.setenv(PROVIDERS_VARIABLE, "nope")
    with pytest.raises(ProviderUnavailableError, match="no execution provider 'nope'"):
        ortembed.Embedder()
    monkeypatch.setenv(PROVIDERS_VARIABLE, "")
    assert asked_providers(None) is None


def test_coreml_goes_with_the_cpu_alone():
    with pytest.raises(InvalidInputError, match="CoreML goes with no other provider than the CPU"):
        choose_providers(["coreml", "xnnpack", "cpu"], [*MAC, *WINDOWS])


def test_options_are_texts_for_the_runtime():
    choice = choose_providers(Provider("cuda", {"device_id": 1, "do_copy": True, "strategy": "kNext"}), WINDOWS)
    expected = ("CUDA", (("device_id", "1"), ("do_copy", "1"), ("strategy", "kNext")))
    assert choice.accelerators[0].native == expected


def test_coremls_options_may_be_given_by_name():
    given = {"compute_units": "CPUAndNeuralEngine", "sequence_lengths": [64, 16]}
    (accelerator,) = choose_providers(Provider("coreml", given), MAC).accelerators
    assert accelerator.coreml == CoreMLOptions("CPUAndNeuralEngine", sequence_lengths=(16, 64))


def test_coremls_options_may_have_the_runtimes_names():
    given = {"MLComputeUnits": "CPUAndGPU", "AllowLowPrecisionAccumulationOnGPU": "1"}
    (accelerator,) = choose_providers([("CoreMLExecutionProvider", given)], MAC).accelerators
    assert accelerator.coreml == CoreMLOptions("CPUAndGPU", low_precision_accumulation=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ModelFormat": "NeuralNetwork"}, "CoreML's options are .*; there are batch, compute_units"),
        ({"units": "ALL"}, "CoreML's options are .*'units'.*; there are batch, compute_units, low_precision"),
        (3, "CoreML's options are 3; there are"),
        ({"compute_units": "GPU"}, "compute_units is 'GPU', none of ALL, CPUOnly, CPUAndGPU, CPUAndNeuralEngine"),
        ({"specialization": "Fast"}, "specialization is 'Fast', none of Default, FastPrediction"),
        ({"low_precision_accumulation": "yes"}, "low_precision_accumulation is 'yes', none of False, True"),
        ({"sequence_lengths": ()}, "sequence_lengths is .*, not different ints of 1 to 16384"),
        ({"sequence_lengths": (16, 16)}, "sequence_lengths is"),
        ({"sequence_lengths": (0,)}, "sequence_lengths is"),
        ({"sequence_lengths": (16.0,)}, "sequence_lengths is"),
        ({"sequence_lengths": 16}, "sequence_lengths is 16"),
        ({"batch": (1, 16)}, "batch is .*, not .texts, tokens. with at least 2 texts"),
        ({"batch": (4, 20000)}, "batch is"),
        ({"batch": 8}, "batch is 8"),
    ],
)
def test_an_option_that_coreml_does_not_have_is_named(options, message):
    with pytest.raises(InvalidInputError, match=message):
        choose_providers(Provider("coreml", options), MAC)


@pytest.mark.parametrize(
    ("max_seq_length", "expected"),
    [
        (512, [(1, 16), (1, 32), (1, 64), (1, 128), (1, 256), (1, 512), (8, 128)]),
        (256, [(1, 16), (1, 32), (1, 64), (1, 128), (1, 256), (8, 128)]),
        (200, [(1, 16), (1, 32), (1, 64), (1, 128), (1, 200), (8, 128)]),
        (100, [(1, 16), (1, 32), (1, 64), (1, 100), (8, 100)]),
        (8, [(1, 8), (8, 8)]),
        (8192, [(1, 16), (1, 32), (1, 64), (1, 128), (1, 256), (1, 512), (8, 128)]),
    ],
)
def test_the_shapes_reach_as_far_as_texts_do(max_seq_length, expected):
    assert list(CoreMLOptions().buckets(max_seq_length)) == expected


def test_a_provider_that_takes_no_node_leaves_the_model_to_the_cpu_with_a_warning(cache_dir, golden):
    """The one that Linux's runtime has beside the CPU, which is for operators that no encoder has."""
    options = {"cache_dir": cache_dir, "local_files_only": True}
    with pytest.warns(ortembed.ProviderWarning, match="AzureExecutionProvider .* takes no node of the graph"):
        embedder = ortembed.Embedder(**options, providers=["azure", "cpu"])
    assert embedder.model_info().providers == ("CPUExecutionProvider",)
    vectors = embedder.encode(golden[0]["texts"][:50])
    np.testing.assert_allclose(vectors, golden[1]["normalized"][:50], rtol=0, atol=1e-5)
    with pytest.raises(ProviderUnavailableError, match="takes no node of the graph"):
        ortembed.Embedder(**options, providers="azure")


def test_with_a_runtime_that_cannot_tell_a_named_provider_is_believed(monkeypatch, cache_dir, golden):
    monkeypatch.setenv(VARIABLE, str(runtime("1.21.0")))
    embedder = ortembed.Embedder(cache_dir=cache_dir, local_files_only=True, providers=["azure", "cpu"])
    assert embedder.model_info().providers == ("AzureExecutionProvider", "CPUExecutionProvider")
    vectors = embedder.encode(golden[0]["texts"][:50])
    np.testing.assert_allclose(vectors, golden[1]["normalized"][:50], rtol=0, atol=1e-5)


def test_a_provider_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ProviderUnavailableError, match="no execution provider 'coreml'; it has .*CPU"):
        ortembed.Embedder(providers="coreml")
