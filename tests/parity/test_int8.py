"""The real model in int8, in each form, and in bfloat16 against the golden vectors of sentence-transformers."""

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


# The least mean and the least cosine of each, by whatever instructions: docs/int8.md and docs/packed.md have figures.
LEAST = {("int8", "cpu"): (0.997, 0.99), ("int8", "packed"): (0.999, 0.996), ("bfloat16", "packed"): (0.9999, 0.9999)}


SHARES = {("int8", "cpu"): 0.27, ("int8", "packed"): 0.28, ("bfloat16", "packed"): 0.51}


@pytest.fixture(scope="module", params=LEAST, ids=" ".join)
def rounded(request, cache_dir):
    dtype, form = request.param
    return ortembed.Embedder(cache_dir=cache_dir, local_files_only=True, dtype=dtype, form=form)


def variant(embedder):
    info = embedder.model_info()
    return info.dtype, info.form


def test_golden_vectors_are_near(rounded, golden):
    """Alone and together."""
    quality = measure(golden[1]["normalized"], rounded, golden[0]["texts"])
    mean, least = LEAST[variant(rounded)]
    assert quality.cosine_mean >= mean
    assert quality.cosine_min >= least
    padded = variant(rounded)[1] == "cpu"
    assert quality.batch_effect < (1e-6 if padded else 1e-12)  # the runtime's dynamic int8 has 0.05
    assert quality.max_difference > 1e-4  # it is another graph


def test_neighbours_are_kept(embedder, rounded):
    texts = held_out_texts()
    assert measure(embedder.encode(texts), rounded, texts).neighbour_overlap > 0.9


@pytest.mark.one_runtime
def test_the_gate_compares_with_the_settings_that_a_manifest_completed(cache_dir, tmp_path):
    """Here as if it had said how to pool; the files say otherwise."""
    original = prepare("all-minilm-l6-v2", cache_dir=cache_dir, local_files_only=True)
    completed = replace(original, settings=replace(original.settings, pooling=("max",)))
    build_int8(completed, tmp_path, replace(original.facts, dtype="int8"), (), lambda _step: None)
    assert read_prepared(tmp_path).quality.cosine_mean > 0.99


@pytest.mark.parametrize(("dtype", "form", "share"), [(*variant, share) for variant, share in SHARES.items()])
def test_the_files_have_their_share_of_float32s(cache_dir, dtype, form, share):
    options = {"cache_dir": cache_dir, "local_files_only": True}
    plain, rounded = (
        sum(path.stat().st_size for path in prepare("all-minilm-l6-v2", **more, **options).folder.glob("*.onnx*"))
        for more in ({}, {"dtype": dtype, "form": form})
    )
    assert rounded < share * plain


@pytest.mark.one_runtime
def test_no_text_is_both_calibrated_on_and_judged_by(golden):
    calibrated, judged, golden_texts = map(set, (calibration_texts(), held_out_texts(), golden[0]["texts"]))
    assert not calibrated & judged
    assert not judged & golden_texts
    assert calibrated & golden_texts == {""}
    assert len(calibrated) > 150
    assert len(judged) > 80


def test_probes_are_of_many_lengths(embedder):
    for texts in (calibration_texts(), held_out_texts()):
        counts = embedder.token_count(texts)
        assert counts.min() <= 3
        assert counts.max() > 256


def test_token_embeddings_are_what_is_pooled_and_near_those_of_float32(embedder, rounded, golden):
    texts = golden[0]["texts"]
    states = rounded.token_embeddings(texts)
    pooled = rounded.encode(texts, normalize_embeddings=False)
    np.testing.assert_allclose([state.mean(0) for state in states], pooled, rtol=0, atol=1e-5)
    cosines = [
        (a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))
        for a, b in zip(states, embedder.token_embeddings(texts), strict=True)
    ]
    assert np.concatenate(cosines).mean() > 0.99
