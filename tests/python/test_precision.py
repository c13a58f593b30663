"""Precisions of vectors: each code against numpy's arithmetic, for ordinary values and for nasty ones."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import ortembed
from ortembed import CalibrationWarning, InvalidInputError, _native, quantize_embeddings
from ortembed.precision import PRECISIONS, check_ranges, choose_ranges, output_columns, output_dtype, takes_ranges

FLOAT32 = np.finfo(np.float32)
LIMITS = [FLOAT32.max, FLOAT32.min, FLOAT32.tiny, FLOAT32.smallest_subnormal]
NASTY = np.array([0, -0.0, np.inf, -np.inf, *LIMITS, -1e-45, 0.5, 1, -1], np.float32)


def uint8_codes(vectors, ranges):
    """Give what sentence-transformers computes, in numpy."""
    starts, ends = ranges
    steps = (ends - starts) / np.float32(255)
    steps = np.where(steps == 0, np.float32(1), steps)
    with np.errstate(over="ignore"):
        return np.clip(np.floor((vectors - starts) / steps), 0, 255).astype(np.uint8)


def reference(vectors, precision, ranges=None):
    with np.errstate(over="ignore"):
        return {
            "float32": lambda: vectors,
            "float16": lambda: vectors.astype(np.float16),
            "uint8": lambda: uint8_codes(vectors, ranges),
            "int8": lambda: (uint8_codes(vectors, ranges).astype(np.int16) - 128).astype(np.int8),
            "ubinary": lambda: np.packbits(vectors > 0, axis=-1),
            "binary": lambda: (np.packbits(vectors > 0, axis=-1).astype(np.int16) - 128).astype(np.int8),
        }[precision]()


def check_float16(values):
    with np.errstate(over="ignore"):
        expected = values.astype(np.float16)
    given = quantize_embeddings(values, "float16")
    assert given.dtype == np.float16
    assert np.array_equal(np.isnan(expected), np.isnan(given))
    numbers = ~np.isnan(expected)
    assert np.array_equal(expected[numbers].view(np.uint16), given[numbers].view(np.uint16))  # zeros keep their sign


def test_every_float16_stays_what_it_is():
    check_float16(np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32))


def test_float16_is_rounded_to_nearest_and_ties_to_even():
    finite = np.arange(0x7C00, dtype=np.uint16).view(np.float16).astype(np.float32)
    beyond = np.append(finite[1:], np.float32(65536))  # where the next float16 would be
    middles = (finite + beyond) / 2  # exact in float32
    around = [np.nextafter(middles, np.float32(0)), middles, np.nextafter(middles, np.float32(np.inf))]
    check_float16(np.concatenate([*around, *(-values for values in around)]))


def test_float16_of_bits_from_the_whole_of_float32():
    bits = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32)
    check_float16(bits.view(np.float32))


vectors_of_any_values = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=20),
    elements=st.floats(width=32, allow_nan=False) | st.sampled_from(NASTY.tolist()),
)


@settings(max_examples=150)
@given(vectors_of_any_values, st.sampled_from(PRECISIONS), st.data())
def test_any_values_give_what_numpy_gives(vectors, precision, data):
    bound = st.floats(-(2.0**100), 2.0**100, width=32)
    bounds = data.draw(hnp.arrays(np.float32, (2, vectors.shape[1]), elements=bound))
    ranges = np.sort(bounds, axis=0)
    given = quantize_embeddings(vectors, precision, ranges=ranges)
    assert np.array_equal(given, reference(vectors, precision, ranges))
    assert given.dtype == output_dtype(precision)
    assert given.shape == (len(vectors), output_columns(precision, vectors.shape[1]))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("columns", [1, 2, 7, 8, 9, 15, 16, 17, 63, 384])
def test_vectors_of_a_model_give_what_numpy_gives(precision, columns):
    vectors = np.random.default_rng(columns).standard_normal((300, columns)).astype(np.float32)
    ranges = np.vstack((vectors.min(axis=0), vectors.max(axis=0)))
    given = quantize_embeddings(vectors, precision)
    assert np.array_equal(given, reference(vectors, precision, ranges))
    alone = quantize_embeddings(vectors[7], precision, ranges=ranges)
    assert alone.dtype == given.dtype
    assert np.array_equal(alone, given[7])


def test_values_on_the_edges_of_steps_and_beside_them():
    ranges = np.array([[-0.37], [0.61]], np.float32)
    edges = ranges[0] + np.arange(-3, 260, dtype=np.float32) * ((ranges[1] - ranges[0]) / np.float32(255))
    values = np.concatenate([np.nextafter(edges, np.float32(-9)), edges, np.nextafter(edges, np.float32(9))])[:, None]
    assert np.array_equal(quantize_embeddings(values, "uint8", ranges=ranges), uint8_codes(values, ranges))


def test_values_outside_of_their_range_get_its_first_or_last_code():
    ranges = np.array([[-1] * 4, [1] * 4], np.float32)
    vector = np.array([-1.5, 1.5, -np.inf, np.inf], np.float32)
    assert quantize_embeddings(vector, "uint8", ranges=ranges).tolist() == [0, 255, 0, 255]
    assert quantize_embeddings(vector, "int8", ranges=ranges).tolist() == [-128, 127, -128, 127]


def test_a_range_of_one_value_has_steps_of_one():
    ranges = np.array([[0.5] * 4, [0.5] * 4], np.float32)
    vector = np.array([0.5, 0.4, 1.6, 9.5], np.float32)
    assert quantize_embeddings(vector, "uint8", ranges=ranges).tolist() == [0, 0, 1, 9]


def test_bits_are_ones_above_zero_with_the_first_highest():
    vector = np.array([1e-45, 0, -0.0, -1, 0, 0, 0, np.inf, 2], np.float32)
    assert quantize_embeddings(vector, "ubinary").tolist() == [0b10000001, 0b10000000]
    assert quantize_embeddings(vector, "binary").tolist() == [1, 0]


def test_ranges_come_from_those_given_then_the_calibration_then_the_vectors():
    rng = np.random.default_rng(5)
    vectors, others = (rng.standard_normal((100, 6)).astype(np.float32) for _ in range(2))
    ranges = np.array([[-3] * 6, [2] * 6], np.float32)
    calibrated = np.vstack((others.min(axis=0), others.max(axis=0)))
    given = quantize_embeddings(vectors, "uint8", ranges, others)
    assert np.array_equal(given, uint8_codes(vectors, ranges))
    given = quantize_embeddings(vectors, "uint8", calibration_embeddings=others[:2])
    assert np.array_equal(given, quantize_embeddings(vectors, "uint8", _native.column_ranges(others[:2])))
    given = quantize_embeddings(vectors, "uint8", calibration_embeddings=others)
    assert np.array_equal(given, uint8_codes(vectors, calibrated))


@pytest.mark.parametrize("precision", ["int8", "uint8"])
def test_ranges_of_few_vectors_give_a_warning_and_of_one_an_error(precision):
    vectors = np.random.default_rng(6).standard_normal((100, 3)).astype(np.float32)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        quantize_embeddings(vectors, precision)
        assert caught == []
        quantize_embeddings(vectors[:99], precision)
    assert [(item.category, item.filename) for item in caught] == [(CalibrationWarning, __file__)]
    for single in (vectors[0], vectors[:1]):
        with pytest.raises(InvalidInputError, match=f"{precision} ranges cannot be taken from 1 vectors"):
            quantize_embeddings(single, precision)
    with pytest.raises(InvalidInputError, match="cannot be taken from 1 vectors"):
        quantize_embeddings(vectors, precision, calibration_embeddings=vectors[:1])


@pytest.mark.parametrize("precision", PRECISIONS)
def test_no_vectors_give_no_rows(precision):
    given = quantize_embeddings(np.empty((0, 12), np.float32), precision)
    assert given.shape == (0, output_columns(precision, 12))
    assert given.dtype == output_dtype(precision)


@pytest.mark.parametrize(
    "form",
    [
        lambda v: v.astype(np.float64),
        lambda v: v.astype(">f4"),
        np.asfortranarray,
        lambda v: np.repeat(v, 2, axis=1)[:, ::2],
        lambda v: v.tolist(),
        list,
        lambda v: np.frombuffer(b"x" + v.tobytes(), np.float32, v.size, 1).reshape(v.shape),
    ],
)
def test_floats_in_other_forms_are_the_same_vectors(form):
    vectors = np.random.default_rng(7).standard_normal((5, 9)).astype(np.float32)
    for precision in ("float32", "float16", "ubinary"):
        assert np.array_equal(quantize_embeddings(form(vectors), precision), reference(vectors, precision))


def test_the_vectors_given_are_left_alone_and_not_shared():
    vectors = np.ones((2, 3), np.float32)
    quantize_embeddings(vectors, "float32")[:] = 7
    assert np.array_equal(vectors, np.ones((2, 3)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones((2, 3)), "int4"), "precision is 'int4', not one of float32, float16, int8, uint8, binary, ubinary"),
        ((np.ones((2, 3)), None), "precision is None"),
        ((np.ones((2, 3), np.int8), "binary"), "embeddings must be of a float dtype, not int8"),
        ((["text"], "binary"), "embeddings must be of a float dtype"),
        (([[1.0], [1.0, 2.0]], "binary"), "embeddings is not an array of floats"),
        ((np.ones((2, 3, 4)), "binary"), "embeddings must be 1 or 2-dimensional, not 3"),
        ((np.float32(1), "binary"), "embeddings must be 1 or 2-dimensional, not 0"),
        ((np.ones((2, 3)), "int8", np.ones((2, 4))), r"ranges must be \[2, 3\], smallest and largest values"),
        ((np.ones((2, 3)), "int8", np.ones((3, 3))), r"ranges must be \[2, 3\]"),
        ((np.ones((2, 3)), "int8", [[0, 0, 0], [1, 1, 1]]), "ranges must be of a float dtype"),
        ((np.ones((2, 3)), "int8", None, np.ones(3)), "calibration_embeddings must be 2-dimensional"),
        ((np.ones((2, 3)), "int8", None, np.ones((2, 4))), r"ranges must be \[2, 3\]"),
        ((np.ones((2, 3)), "int8", [[0.0, 1.0, 0.0], [1.0, 0.9, 1.0]]), "ranges of dimension 1 are 1.0* to 0.90*,"),
        ((np.ones((2, 3)), "int8", [[0.0, 0.0, np.nan], [1.0] * 3]), "ranges of dimension 2 are"),
        ((np.ones((2, 3)), "uint8", [[0.0] * 3, [np.inf, 1.0, 1.0]]), "ranges of dimension 0 are"),
        ((np.ones((2, 3)), "uint8", [[-3e38] * 3, [3e38] * 3]), "ranges of dimension 0 are"),
        (([[1.0], [np.nan]], "binary"), r"vectors\[1\] has NaN, for which there is no code"),
        (([[1.0], [np.nan]], "int8", [[0.0], [1.0]]), r"vectors\[1\] has NaN"),
        (([[1.0]] * 150 + [[np.nan]], "int8"), r"vectors\[150\] has a value that is not finite"),
        (([[1.0]] * 150 + [[np.inf]], "int8"), r"vectors\[150\] has a value that is not finite"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        quantize_embeddings(*arguments)


@pytest.mark.parametrize(
    ("vectors", "precision", "out", "ranges", "message"),
    [
        (
            np.ones((2, 9), np.float64),
            "float32",
            np.empty((2, 9), np.float32),
            None,
            "vectors must be of dtype float32",
        ),
        (None, "float32", np.empty((2, 9), np.float32), None, "vectors must be a numpy array"),
        (np.ones(9, np.float32), "float32", np.empty((1, 9), np.float32), None, "vectors must be 2-dimensional"),
        (
            np.ones((9, 2), np.float32).T,
            "float32",
            np.empty((2, 9), np.float32),
            None,
            "vectors must be C-contiguous",
        ),
        (np.ones((2, 9), np.float32), "float16", np.empty((2, 9), np.uint16), None, "out must be of dtype float16"),
        (np.ones((2, 9), np.float32), "binary", np.empty((2, 2), np.uint8), None, "out must be of dtype int8"),
        (np.ones((2, 9), np.float32), "ubinary", np.empty((2, 2), np.int8), None, "out must be of dtype uint8"),
        (np.ones((2, 9), np.float32), "binary", np.empty((2, 1), np.int8), None, r"out must have the shape \[2, 2\]"),
        (np.ones((2, 9), np.float32), "binary", np.empty((3, 2), np.int8), None, r"the shape \[2, 2\], not \[3, 2\]"),
        (np.ones((2, 9), np.float32), "binary", np.empty((2, 4), np.int8)[:, ::2], None, "out must be C-contiguous"),
        (
            np.ones((2, 9), np.float32),
            "binary",
            np.frombuffer(b"1234", np.int8).reshape(2, 2),
            None,
            "out must be a wr",
        ),
        (np.ones((2, 9), np.float32), "int8", np.empty((2, 9), np.int8), None, "int8 and uint8 need ranges"),
        (
            np.ones((2, 9), np.float32),
            "int8",
            np.empty((2, 9), np.int8),
            np.ones((2, 8), np.float32),
            "has 8 dimension",
        ),
        (np.ones((2, 9), np.float32), "int8", np.empty((2, 9), np.int8), np.ones((3, 9), np.float32), "not 3"),
    ],
)
def test_native_code_refuses_arrays_that_do_not_fit(vectors, precision, out, ranges, message):
    with pytest.raises(InvalidInputError, match=message):
        _native.quantize(vectors, precision, out=out, ranges=ranges)


def test_an_out_array_that_is_not_aligned_is_refused():
    out = np.frombuffer(bytearray(9), np.uint8)[1:].view(np.float16).reshape(1, 4)
    with pytest.raises(InvalidInputError, match="arrays must be aligned"):
        _native.quantize(np.ones((1, 4), np.float32), "float16", out=out)


@given(hnp.arrays(np.float32, (5, 3), elements=st.floats(width=32, allow_nan=False, allow_infinity=False)))
def test_ranges_of_columns_are_their_extremes(vectors):
    assert np.array_equal(_native.column_ranges(vectors), np.vstack((vectors.min(axis=0), vectors.max(axis=0))))


def test_ranges_of_no_vectors_are_refused():
    with pytest.raises(InvalidInputError, match="no vectors to take ranges from"):
        _native.column_ranges(np.empty((0, 3), np.float32))


def test_only_codes_of_ranges_take_ranges():
    assert [name for name in PRECISIONS if takes_ranges(name)] == ["int8", "uint8"]
    assert choose_ranges("binary", None, np.ones((1, 3), np.float32)) is None
    checked = check_ranges(np.ones((2, 3)), 3)
    assert checked.dtype == np.float32
    assert ortembed.quantize_embeddings is quantize_embeddings
