"""The view of hidden states that parity tests compare with, and the version of a runtime, on real graphs."""

import re

import numpy as np
import pytest
from _ortembed_testing import hidden_states

from ortembed import InvalidInputError, ModelLoadError, RuntimeLibraryError, _native
from ortembed.runtime_library import find_runtime_library
from tests.python.tiny_graphs import flatten, lookup_states, save_lookup, save_pooled

LIBRARY = find_runtime_library()
TEXTS = [[3, 4], [5], [6, 7, 8, 9, 49], [1, 2, 3]]


def test_each_row_comes_without_its_padding(tmp_path):
    states = hidden_states(LIBRARY, save_lookup(tmp_path / "model.onnx"), *flatten(TEXTS), threads=2)
    assert [row.dtype for row in states] == [np.float32] * len(TEXTS)
    for text, row in zip(TEXTS, states, strict=True):
        np.testing.assert_allclose(row, lookup_states(text), rtol=1e-6)


def test_a_graph_that_pools_has_no_hidden_states(tmp_path):
    with pytest.raises(InvalidInputError, match="no hidden states"):
        hidden_states(LIBRARY, save_pooled(tmp_path / "model.onnx"), *flatten(TEXTS))


def test_no_rows_and_no_model_are_errors(tmp_path):
    with pytest.raises(InvalidInputError, match="no rows"):
        hidden_states(LIBRARY, save_lookup(tmp_path / "model.onnx"), *flatten([]))
    with pytest.raises(ModelLoadError, match="none.onnx"):
        hidden_states(LIBRARY, tmp_path / "none.onnx", *flatten(TEXTS))


def test_the_version_of_a_runtime_is_in_the_name_of_its_file():
    version = _native.runtime_version(LIBRARY)
    assert re.fullmatch(r"1\.\d+\.\d+", version)
    assert version in LIBRARY.resolve().name


def test_a_missing_runtime_is_named(tmp_path):
    with pytest.raises(RuntimeLibraryError, match="none.so: no such file"):
        _native.runtime_version(tmp_path / "none.so")
