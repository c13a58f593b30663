"""The real model in int8 against the golden vectors of sentence-transformers in float32."""

from dataclasses import replace

import numpy as np
import pytest

import ortembed
from ortembed.prepare import prepare
from ortembed.prepare.build import build_int8
from ortembed.prepare.int8.probes import calibration_texts, held_out_texts
from ortembed.prepared_model import read_prepared
from ortembed.quality import measure

pytestmark = pytest.mark.filterwarnings("ignore::ortembed.TruncationWarning")


@pytest.fixture(scope="module")
def int8(cache_dir):
    return ortembed.Embedder(cache_dir=cache_dir, local_files_only=True, dtype="int8")


def test_golden_vectors_are_near(int8, golden):
    """Alone and together: docs/int8.md has the figures."""
    quality = measure(golden[1]["normalized"], int8, golden[0]["texts"])
    assert quality.cosine_mean >= 0.997
    assert quality.cosine_min >= 0.99
    assert quality.batch_effect < 1e-6  # the runtime's dynamic int8 has 0.05
    assert quality.max_difference > 1e-3  # it is another graph


def test_neighbours_are_kept(embedder, int8):
    texts = held_out_texts()
    assert measure(embedder.encode(texts), int8, texts).neighbour_overlap > 0.9


@pytest.mark.one_runtime
def test_the_gate_compares_with_the_settings_that_a_manifest_completed(cache_dir, tmp_path):
    """Here as if it had said how to pool; the files say otherwise."""
    original = prepare("all-minilm-l6-v2", cache_dir=cache_dir, local_files_only=True)
    completed = replace(original, settings=replace(original.settings, pooling=("max",)))
    build_int8(completed, tmp_path, replace(original.facts, dtype="int8"), (), lambda _step: None)
    assert read_prepared(tmp_path).quality.cosine_mean > 0.99


def test_the_files_are_a_quarter(cache_dir):
    options = {"cache_dir": cache_dir, "local_files_only": True}
    plain, rounded = (
        sum(
            path.stat().st_size
            for path in prepare("all-minilm-l6-v2", dtype=dtype, **options).graph.parent.glob("*.onnx*")
        )
        for dtype in ("float32", "int8")
    )
    assert rounded < 0.27 * plain


@pytest.mark.one_runtime
def test_no_text_is_both_calibrated_on_and_judged_by(golden):
    calibrated, judged, golden_texts = map(set, (calibration_texts(), held_out_texts(), golden[0]["texts"]))
    assert not calibrated & judged
    assert not judged & golden_texts
    assert calibrated & golden_texts == {""}
    assert len(calibrated) > 150
    assert len(judged) > 80


def test_probes_are_of_many_lengths(int8):
    for texts in (calibration_texts(), held_out_texts()):
        counts = int8.token_count(texts)
        assert counts.min() <= 3
        assert counts.max() > 256


def test_token_embeddings_are_what_is_pooled_and_near_those_of_float32(embedder, int8, golden):
    texts = golden[0]["texts"]
    states = int8.token_embeddings(texts)
    pooled = int8.encode(texts, normalize_embeddings=False)
    np.testing.assert_allclose([state.mean(0) for state in states], pooled, rtol=0, atol=1e-5)
    cosines = [
        (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
        for a, b in zip(states, embedder.token_embeddings(texts), strict=True)
    ]
    assert np.concatenate(cosines).mean() > 0.99
