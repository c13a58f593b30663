"""The pre-encoded interface: what is checked at the border, and that nothing is made per token behind it."""

import contextlib
import sys

import numpy as np
import pytest
from _ortembed_testing import count_allocations
from hypothesis import given
from hypothesis import strategies as st

from ortembed import InvalidInputError, OrtembedError
from ortembed.precision import PRECISIONS, output_columns, output_dtype, quantize_embeddings

IDS = np.array([101, 7592, 102, 101, 2088, 102], np.int64)
OFFSETS = np.array([0, 3, 6], np.int64)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_ids_give_the_vectors_of_their_texts(embedder, dtype):
    vectors = embedder.encode_ids(IDS.astype(dtype), OFFSETS)
    np.testing.assert_allclose(vectors, embedder.encode(["hello", "world"]), atol=1e-6)


def test_the_result_is_a_plain_array_that_owns_its_memory(embedder):
    vectors = embedder.encode_ids(IDS, OFFSETS)
    assert (vectors.dtype, vectors.shape) == (np.float32, (2, 384))
    assert vectors.flags.owndata
    assert vectors.flags.c_contiguous


def test_no_rows_give_an_empty_result(embedder):
    empty = embedder.encode_ids(np.array([], np.int32), np.array([0], np.int64))
    assert empty.shape == (0, 384)


def ids_with(position, value):
    ids = IDS.copy()
    ids[position] = value
    return ids


def unaligned(array):
    return np.frombuffer(b" " + array.tobytes(), np.uint8)[1:].view(array.dtype)


@pytest.mark.parametrize(
    ("ids", "offsets", "message"),
    [
        ([101, 102], OFFSETS, "ids must be a numpy array of a native dtype, not list"),
        (None, OFFSETS, "ids must be a numpy array of a native dtype, not NoneType"),
        (IDS.astype(np.float32), OFFSETS, "ids must be of dtype int32 or int64"),
        (IDS.astype(np.uint64), OFFSETS, "ids must be of dtype int32 or int64"),
        (IDS.astype(">i8"), OFFSETS, "ids must be a numpy array of a native dtype, not >i8"),
        (unaligned(IDS), OFFSETS, "arrays must be aligned to their dtype"),
        (IDS, unaligned(OFFSETS), "arrays must be aligned to their dtype"),
        (IDS, np.broadcast_to(np.int64(0), (2**33,)), "offsets has 8589934591 rows for 6 ids"),
        (IDS.reshape(2, 3), OFFSETS, "ids must be 1-dimensional, not 2-dimensional"),
        (np.repeat(IDS, 2)[::2], OFFSETS, "ids must be C-contiguous"),
        (IDS, [0, 3, 6], "offsets must be a 1-dimensional numpy array"),
        (IDS, OFFSETS.reshape(1, 3), "offsets must be a 1-dimensional numpy array"),
        (IDS, OFFSETS[:0], "offsets must be a 1-dimensional numpy array of one value more"),
        (IDS, OFFSETS.astype(np.int32), "offsets must be of dtype int64"),
        (IDS, np.array([0, 9, 3, 9, 6])[::2], "offsets must be C-contiguous"),
        (IDS, np.array([1, 3, 6]), r"offsets\[0\] is 1; it must be 0"),
        (IDS, np.array([0, 3, 5]), r"offsets\[2\] is 5; it must be the number of ids, 6"),
        (IDS, np.array([0, 3, 7]), r"offsets\[2\] is 7; it must be the number of ids, 6"),
        (IDS, np.array([0, 5, 3, 6]), r"offsets\[2\] is 3, below the one before it, 5"),
        (IDS, np.array([0, -3, 6]), r"offsets\[1\] is -3, below the one before it, 0"),
        (IDS, np.array([0, 3, -(2**63), 6]), r"offsets\[2\] is -9223372036854775808, below"),
        (IDS, np.array([0, 2**63 - 1, 6]), "row 0 has 9223372036854775807 ids; this model takes at most 256"),
        (IDS, np.array([0, 3, 3, 6]), "row 1 has no ids"),
        (np.full(257, 101), np.array([0, 257]), "row 0 has 257 ids; this model takes at most 256"),
        (ids_with(4, 30522), OFFSETS, "id 30522 at position 1 of row 1 is outside the vocabulary of 30522"),
        (ids_with(0, -1), OFFSETS, "id -1 at position 0 of row 0 is outside the vocabulary"),
        (ids_with(5, 2**62), OFFSETS, "id 4611686018427387904 at position 2 of row 1"),
    ],
)
def test_what_does_not_fit_is_named(embedder, ids, offsets, message):
    with pytest.raises(InvalidInputError, match=message):
        embedder.encode_ids(ids, offsets)


ANY_OFFSETS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 12), min_size=1, max_size=8)
ANY_IDS = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 30521), max_size=10)


@given(ids=ANY_IDS, offsets=ANY_OFFSETS)
def test_hostile_arrays_give_an_error_or_finite_vectors(embedder, ids, offsets):
    try:
        vectors = embedder.encode_ids(np.array(ids, np.int64), np.array(offsets, np.int64))
    except InvalidInputError:
        return
    assert vectors.shape == (len(offsets) - 1, 384)
    assert np.isfinite(vectors).all()


def read_only(shape):
    array = np.empty(shape, np.float32)
    array.flags.writeable = False
    return array


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.empty((2, 384), np.float64), "out must be of dtype float32"),
        (np.empty((2, 768), np.float32)[:, ::2], "out must be C-contiguous"),
        (np.empty((384, 2), np.float32).T, "out must be C-contiguous"),
        (np.empty((3, 384), np.float32), r"shape \(2, 384\), not shape \(3, 384\)"),
        (np.empty((2, 383), np.float32), r"shape \(2, 384\), not shape \(2, 383\)"),
        ([[0.0] * 384] * 2, "not list"),
        (read_only((2, 384)), "out must be a writable numpy array"),
        (np.empty((2, 384), ">f4"), "out must be of dtype float32, not >f4"),
    ],
)
def test_an_out_that_does_not_fit_is_refused(embedder, out, message):
    with pytest.raises(InvalidInputError, match=message):
        embedder.encode_ids(IDS, OFFSETS, out=out)


def test_out_is_written_and_given_back(embedder):
    out = np.empty((2, 384), np.float32)
    assert embedder.encode_ids(IDS, OFFSETS, out=out) is out
    np.testing.assert_array_equal(out, embedder.encode_ids(IDS, OFFSETS))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.filterwarnings("ignore::ortembed.CalibrationWarning")
def test_codes_are_those_of_the_vectors(embedder, precision):
    ids, offsets = np.tile(IDS, 5), np.arange(0, 31, 3)
    ids[4::6] = [2088, 7592, 2000, 2001, 2002]
    vectors = embedder.encode_ids(ids, offsets, truncate_dim=100)
    ranges = np.stack([vectors.min(0), vectors.max(0)]) * 2
    out = np.empty((10, output_columns(precision, 100)), output_dtype(precision))
    for own in (None, ranges):
        codes = embedder.encode_ids(ids, offsets, truncate_dim=100, precision=precision, ranges=own, out=out)
        assert codes is out
        np.testing.assert_array_equal(codes, quantize_embeddings(vectors, precision, own))


def test_one_row_has_no_ranges(embedder):
    with pytest.raises(InvalidInputError, match="int8 ranges cannot be taken from one text; give ranges"):
        embedder.encode_ids(IDS[:3], OFFSETS[:2], precision="int8")


@pytest.mark.one_runtime
def test_the_native_call_makes_no_python_object_per_token(embedder):
    def allocations(tokens):
        ids = np.full(tokens, 2088, np.int64)
        offsets = np.arange(0, tokens + 1, 10, dtype=np.int64)
        out = np.empty((tokens // 10, 384), np.float32)

        def call():
            embedder._pipeline.engine.encode_ids(ids, offsets, out=out, normalize=True)

        call()
        return count_allocations(call)

    assert allocations(10) == allocations(10_000) < 20


def test_the_counter_counts():
    assert count_allocations(lambda: [object() for _ in range(1000)]) >= 1000


@pytest.mark.one_runtime
def test_failed_calls_leave_memory_flat(embedder):
    """Thousands of failures leave no more Python objects behind than those before."""

    def fail():
        for offsets in (np.array([0, 3, 7]), np.array([0, 3, 3, 6])):
            with contextlib.suppress(OrtembedError):
                embedder.encode_ids(IDS, offsets)

    for _ in range(2000):  # the interpreter keeps up to 2,000 freed tuples of a size
        fail()
    before = sys.getallocatedblocks()
    for _ in range(1000):
        fail()
    # One object a failed call would be 2,000; the interpreter's own caches move by some hundreds.
    assert sys.getallocatedblocks() - before < 1000
