"""CoreML itself, where this machine has it: every shape's vectors against the CPU's and the reference's."""

import warnings

import numpy as np
import pytest

from ortembed.load_request import LoadRequest
from ortembed.loading import load
from ortembed.providers import COREML, choose_providers
from ortembed.runtime_library import available_providers

pytestmark = pytest.mark.skipif(COREML not in available_providers(), reason="this runtime has no CoreML")


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CoreML may be the slower one, which is no fault
        return load(
            LoadRequest(
                "all-minilm-l6-v2",
                choose_providers(["coreml", "cpu"], available_providers()),
                cache_dir=tmp_path_factory.mktemp("cache"),
                local_files_only=True,
            )
        )


def test_every_shape_is_right(loaded):
    assert [bucket.fault for bucket in loaded.verdict.buckets] == [""] * 6


def test_coreml_runs_whole_graphs(loaded):
    assert [(bucket.partition.parts, bucket.partition.left_to_cpu) for bucket in loaded.verdict.buckets] == [
        (1, {})
    ] * 6


def test_the_vectors_are_the_references_whatever_runs_them(loaded, golden):
    vectors = loaded.pipeline.encode(golden[0]["texts"][:50])
    assert (vectors * golden[1]["normalized"][:50]).sum(axis=1).min() > 0.9999
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
