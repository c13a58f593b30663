"""Vectors as JSON and back."""

import base64
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ortembed.bridge.vectors import from_base64, to_base64, to_decimals

ROWS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(0, 3), st.integers(1, 5)),
    elements={"allow_nan": False, "allow_infinity": False},
)


@given(ROWS)
def test_decimals_read_back_as_the_same_values(rows):
    again = np.array(json.loads(to_decimals(rows)), np.float64).astype(np.float32).reshape(rows.shape)
    np.testing.assert_array_equal(again, rows)


@given(ROWS)
def test_base64_reads_back_as_the_same_bytes(rows):
    again = from_base64(to_base64(rows), rows.shape[1])
    assert (again.tobytes(), again.shape) == (rows.tobytes(), rows.shape)
    assert again.flags.writeable


def test_base64_is_little_endian_float32():
    rows = np.array([[1.5, -2]], np.float32)
    assert base64.b64decode(to_base64(rows)[0]) == struct.pack("<2f", 1.5, -2)


def test_base64_of_another_length_is_refused():
    with pytest.raises(ValueError, match="reshape"):
        from_base64(to_base64(np.ones((1, 3), np.float32)), 4)
