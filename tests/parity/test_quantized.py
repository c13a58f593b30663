"""Quantized vectors against sentence-transformers' own quantize_embeddings: the same codes, shapes and dtypes."""

from __future__ import annotations

import numpy as np
import pytest

from ortembed import quantize_embeddings


@pytest.fixture(scope="module")
def reference(tmp_path_factory, run_reference):
    path = tmp_path_factory.mktemp("quantized") / "codes.npz"
    run_reference("quantized", path)
    return np.load(path)


def give(how, precision, reference):
    vectors, ranges = reference["vectors"], reference["ranges"]
    if how == "own":
        return quantize_embeddings(vectors, precision)
    if how == "ranges":
        return quantize_embeddings(reference["wide"], precision, ranges=ranges)
    if how == "calibration":
        return quantize_embeddings(vectors, precision, calibration_embeddings=reference["calibration"])
    return quantize_embeddings(*((vectors[0], precision, ranges) if how == "one" else (vectors[:0], precision)))


@pytest.mark.parametrize("precision", ["float32", "int8", "uint8", "binary", "ubinary"])
@pytest.mark.parametrize("how", ["own", "ranges", "calibration", "one", "none"])
def test_codes_are_those_of_sentence_transformers(reference, how, precision):
    expected = reference[f"{how}/{precision}"]
    given = give(how, precision, reference)
    assert given.dtype == expected.dtype
    assert given.shape == expected.shape
    assert np.array_equal(given, expected)
