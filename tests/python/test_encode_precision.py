"""precision= of encode and its like: the codes that quantize_embeddings makes of the float32 vectors."""

import asyncio

import numpy as np
import pytest

from ortembed import InvalidInputError
from ortembed.precision import PRECISIONS, quantize_embeddings

TEXTS = [f"text number {i % 90}" for i in range(120)]
CODES = [name for name in PRECISIONS if name != "float32"]


@pytest.fixture(scope="module")
def vectors(embedder):
    return embedder.encode(TEXTS, truncate_dim=100)


def agree(codes, expected):
    """Equal, but for values on the border of two codes that the last bits of another batch move over it."""
    assert (codes.shape, codes.dtype) == (expected.shape, expected.dtype)
    assert np.mean(codes == expected) > 0.99


@pytest.mark.parametrize("precision", PRECISIONS)
def test_codes_are_those_of_the_vectors(embedder, vectors, precision):
    agree(embedder.encode(TEXTS, truncate_dim=100, precision=precision), quantize_embeddings(vectors, precision))


@pytest.mark.parametrize("precision", CODES)
def test_given_ranges_hold_for_every_way_to_encode(embedder, vectors, precision):
    ranges = np.stack([vectors.min(0), vectors.max(0)])
    options = {"precision": precision, "ranges": ranges, "truncate_dim": 100}
    expected = quantize_embeddings(vectors, precision, ranges)
    agree(embedder.encode(TEXTS, **options), expected)
    agree(embedder.encode(TEXTS[5], **options), expected[5])
    agree(np.stack(list(embedder.iter_encode(TEXTS[:20], **options))), expected[:20])
    agree(asyncio.run(embedder.aencode(TEXTS[:20], **options)), expected[:20])
    out = np.empty_like(expected)
    assert embedder.encode(TEXTS, out=out, **options) is out
    agree(out, expected)


@pytest.mark.parametrize(
    ("texts", "options", "message"),
    [
        (TEXTS, {"precision": "int4"}, "precision is 'int4', not one of"),
        ("one", {"precision": "int8"}, "int8 ranges cannot be taken from one text; give ranges"),
        (["one"], {"precision": "uint8"}, "uint8 ranges cannot be taken from one text"),
        (TEXTS, {"precision": "int8", "ranges": np.zeros((2, 3))}, r"ranges must be \[2, 384\]"),
        (TEXTS, {"precision": "int8", "out": np.empty((120, 384), np.uint8)}, "out must be of dtype int8, not uint8"),
        (TEXTS, {"precision": "binary", "out": np.empty((120, 384), np.int8)}, r"of shape \(120, 48\)"),
    ],
)
def test_what_does_not_fit_is_named(embedder, texts, options, message):
    with pytest.raises(InvalidInputError, match=message):
        embedder.encode(texts, **options)


def test_a_stream_has_no_ranges_of_its_own(embedder):
    with pytest.raises(InvalidInputError, match="int8 ranges cannot be taken from a stream"):
        embedder.iter_encode(TEXTS, precision="int8")
