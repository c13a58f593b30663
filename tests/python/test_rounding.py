"""How weights become int8: by what their inputs are, as those are measured."""

import numpy as np
import pytest

from ortembed.prepare.export import export
from ortembed.prepare.packed import inputs
from ortembed.prepare.packed.gptq import round_columns
from ortembed.prepare.packed.inputs import measure_inputs
from ortembed.prepare.packed.int8 import Int8Rounding
from ortembed.prepare.parts import Dense, Projection
from ortembed.prepare.rounded import Linears
from tests.python.tiny_models import BERT_CONFIG, bert_reference, bert_weights, save_bert

RANDOM = np.random.default_rng(0)
NONE = np.array([], np.int64)


def plain(weight):
    scale = np.abs(weight).max(axis=0) / np.float32(127)
    return np.rint(weight / scale).astype(np.int8), scale


def mean_products(rows):
    return (rows.T @ rows / len(rows)).astype(np.float32)


@pytest.mark.parametrize("shape", [(1, 1), (5, 3), (64, 7), (65, 2), (200, 40)])
def test_inputs_without_relation_leave_nothing_to_make_good(shape):
    weight = RANDOM.standard_normal(shape).astype(np.float32)
    sizes = np.diag(RANDOM.uniform(1, 9, shape[0])).astype(np.float32)
    codes, scale, kept = round_columns(weight, sizes, NONE)
    np.testing.assert_array_equal(codes, plain(weight)[0])
    np.testing.assert_array_equal(scale, plain(weight)[1])
    assert kept.shape == (0, shape[1])


def test_related_inputs_make_good_what_others_lose():
    rows = RANDOM.standard_normal((4000, 20)) @ RANDOM.standard_normal((20, 150))
    rows = (rows + 0.1 * RANDOM.standard_normal(rows.shape)).astype(np.float32)
    weight = RANDOM.standard_normal((150, 30)).astype(np.float32)
    ours = round_columns(weight, mean_products(rows), NONE)
    errors = [np.linalg.norm(rows @ (r[0] * r[1] - weight)) for r in (ours, plain(weight))]
    assert errors[0] < errors[1] / 3


def test_rows_that_are_kept_make_good_what_the_others_lose():
    rows = RANDOM.standard_normal((4000, 20)) @ RANDOM.standard_normal((20, 90))
    weight = RANDOM.standard_normal((90, 30)).astype(np.float32)
    keep = np.array([5, 88])
    codes, scale, kept = round_columns(weight, mean_products(rows), keep)
    assert (codes[keep] == 0).all()
    found = codes * scale
    found[keep] = kept
    assert np.abs(kept - weight[keep]).max() > 1e-3
    without = found.copy()
    without[keep] = weight[keep]
    errors = [np.linalg.norm(rows @ (matrix - weight)) for matrix in (found, without)]
    assert errors[0] < errors[1]


def test_channels_and_columns_of_zeros_have_codes_of_zero():
    weight = RANDOM.standard_normal((70, 4)).astype(np.float32)
    weight[:, 2] = 0
    codes, scale, _ = round_columns(weight, np.zeros((70, 70), np.float32), NONE)
    np.testing.assert_array_equal(codes[:, 2], 0)
    np.testing.assert_allclose(codes * scale, weight, atol=np.abs(weight).max() / 250)


def test_codes_stay_within_their_range():
    rows = RANDOM.standard_normal((500, 1)) * np.ones((1, 90))  # all the same: errors pile up on the last
    codes = round_columns(RANDOM.standard_normal((90, 5)).astype(np.float32), mean_products(rows), NONE).codes
    assert np.abs(codes.astype(int)).max() <= 127


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graph")
    export(BERT_CONFIG, [save_bert(folder / "model") / "model.safetensors"], folder)
    return folder / "model.onnx"


@pytest.mark.parametrize("most_bytes", [1 << 20, 1])
def test_inputs_are_measured_over_all_texts(graph, tmp_path, monkeypatch, most_bytes):
    """The input of the first layer's first product is the embeddings, which a model without layers gives."""
    monkeypatch.setattr(inputs, "_MOST_BYTES", most_bytes)  # together, or each in a run of its own
    texts = [np.array(ids) for ids in ([2, 4, 5, 3], [2, 3], [2, 9, 9, 9, 3])]
    measured = measure_inputs(graph, texts, tmp_path)
    embedded = [bert_reference(bert_weights(), ids, {**BERT_CONFIG, "num_hidden_layers": 0}) for ids in texts]
    rows = np.concatenate(embedded)
    first = measured("encoder.layer.0.attention.qkv")
    np.testing.assert_allclose(first.largest, np.abs(rows).max(axis=0), rtol=1e-5)
    np.testing.assert_allclose(first.products, mean_products(rows), rtol=1e-4, atol=1e-5)
    assert measured("encoder.layer.1.output.dense").products.shape == (12, 12)


@pytest.fixture
def rounded():
    """A layer in int8 whose inputs have channels of which 3 and 9 dwarf the others, and 5 is large too."""
    rows = RANDOM.standard_normal((300, 16)).astype(np.float32)
    rows[:, [3, 5, 9]] *= [50, 5, 20]
    measured = inputs.Inputs(np.abs(rows).max(axis=0), mean_products(rows))
    dense = Dense("any", Projection(RANDOM.standard_normal((16, 6)).astype(np.float32)))
    return rows, dense, Int8Rounding(lambda _: measured).linears(Linears(*[dense] * 4))


def test_what_is_rounded_gives_what_was_there(rounded):
    rows, dense, linears = rounded
    expected = rows @ dense.projection.weight
    for linear in linears:
        factors = 1 if linear.input_scale is None else linear.input_scale
        found = (rows * factors) @ (linear.weight * linear.scale)
        if linear.float_channels is not None:
            found += rows[:, linear.float_channels] @ linear.float_weight
        np.testing.assert_allclose(found, expected, atol=np.abs(expected).max() / 50)


def test_the_largest_channels_stay_float_and_others_are_evened_out(rounded):
    query_key_value, attention_output, inner, outer = rounded[2]
    assert (attention_output.input_scale, attention_output.float_channels) == (None, None)
    for linear in (query_key_value, inner, outer):
        np.testing.assert_array_equal(linear.float_channels, [3, 9])
        np.testing.assert_array_equal(linear.input_scale[[3, 9]], 0)
        np.testing.assert_array_equal(linear.weight[[3, 9]], 0)
    for linear in (query_key_value, inner):
        others = np.delete(linear.input_scale, [3, 9])
        assert np.exp(np.log(others).mean()) == pytest.approx(1, rel=1e-5)
        assert others.min() == linear.input_scale[5]
    np.testing.assert_array_equal(np.delete(outer.input_scale, [3, 9]), 1)
