"""What comes after pooling in a real graph's engine: concatenated pooling, dense layers, norms, against numpy."""

import math

import numpy as np
import pytest

from ortembed import InferenceError, InvalidInputError, ModelLoadError
from ortembed._native import Engine, HeadStep
from ortembed.runtime_library import find_runtime_library
from tests.python.tiny_graphs import TABLE, flatten, lookup_states, save_lookup, save_pooled

WIDTH = TABLE.shape[1]
TEXTS = [[3, 4], [5], [6, 7, 8, 9, 49], [1, 2, 3]]
RANDOM = np.random.default_rng(3)


def normal(*shape):
    return RANDOM.standard_normal(shape).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


ACTIVATIONS = {
    "identity": lambda x: x,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2,
    "sigmoid": sigmoid,
    "silu": lambda x: x * sigmoid(x),
}


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    return {False: save_lookup(folder / "lookup.onnx"), True: save_pooled(folder / "pooled.onnx")}


@pytest.fixture(scope="module")
def make_engine(graphs):
    def make(*, pooled=False, pooling="mean", head=()):
        limits = {"vocab_size": len(TABLE), "max_tokens": 16, "max_batch_tokens": 8, "threads": 1}
        return Engine(library=find_runtime_library(), model=graphs[pooled], pooling=pooling, head=head, **limits)

    return make


def encode(engine, *, columns=None, normalize=False, skip_tokens=0):
    out = np.full((len(TEXTS), columns or engine.dimension), np.nan, np.float32)
    engine.encode_ids(*flatten(TEXTS), out=out, normalize=normalize, skip_tokens=skip_tokens)
    return out


def pooled_texts():
    return np.array([lookup_states(text).mean(0) for text in TEXTS])


@pytest.mark.parametrize("columns", [1, WIDTH, WIDTH + 1, 2 * WIDTH])
def test_several_poolings_are_concatenated_and_then_truncated(make_engine, columns):
    engine = make_engine(pooling=["max", "mean"])
    assert engine.dimension == 2 * WIDTH
    expected = np.array([np.concatenate([lookup_states(text).max(0), lookup_states(text).mean(0)]) for text in TEXTS])
    np.testing.assert_allclose(encode(engine, columns=columns), expected[:, :columns], rtol=1e-6)


def test_a_head_gets_every_pooling(make_engine):
    weight = normal(3, 2 * WIDTH)
    engine = make_engine(pooling=("cls", "lasttoken"), head=[HeadStep.dense(weight)])
    ends = np.array([lookup_states(text)[[0, -1]].reshape(-1) for text in TEXTS])
    assert engine.dimension == 3
    np.testing.assert_allclose(encode(engine), ends @ weight.T.astype(np.float64), rtol=1e-5, atol=1e-5)


def test_a_graph_that_pools_has_one_dimension_whatever_the_poolings(make_engine):
    engine = make_engine(pooled=True, pooling=["max", "mean"])
    np.testing.assert_array_equal(encode(engine), TABLE[[text[0] for text in TEXTS]])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("outputs", [1, 4, 33])
@pytest.mark.parametrize("has_bias", [False, True])
def test_dense_matches_numpy(make_engine, activation, outputs, has_bias):
    weight, bias = normal(outputs, WIDTH), normal(outputs) if has_bias else None
    engine = make_engine(head=[HeadStep.dense(weight, bias, activation)])
    assert engine.dimension == outputs
    linear = pooled_texts() @ weight.T.astype(np.float64) + (0 if bias is None else bias)
    np.testing.assert_allclose(encode(engine), ACTIVATIONS[activation](linear), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("epsilon", [1e-12, 0.5])
@pytest.mark.parametrize("has_bias", [False, True])
def test_layer_norm_matches_numpy(make_engine, epsilon, has_bias):
    scale, bias = normal(WIDTH), normal(WIDTH) if has_bias else None
    x = pooled_texts()
    expected = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + epsilon) * scale
    engine = make_engine(head=[HeadStep.layer_norm(scale, bias, epsilon)])
    np.testing.assert_allclose(encode(engine), expected + (0 if bias is None else bias), rtol=1e-5, atol=1e-5)


def test_steps_run_in_order_and_truncation_comes_after_them(make_engine):
    wide, narrow, scale, bias = normal(9, WIDTH), normal(5, 9), normal(9), normal(9)
    head = [
        HeadStep.dense(wide, activation="tanh"),
        HeadStep.layer_norm(scale, bias, 1e-5),
        HeadStep.normalize(),
        HeadStep.dense(narrow),
    ]
    x = np.tanh(pooled_texts() @ wide.T.astype(np.float64))
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5) * scale + bias
    x = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ narrow.T.astype(np.float64)
    engine = make_engine(head=head)
    np.testing.assert_allclose(encode(engine), x, rtol=1e-5, atol=1e-5)
    cut = x[:, :3] / np.linalg.norm(x[:, :3], axis=1, keepdims=True)
    np.testing.assert_allclose(encode(engine, columns=3, normalize=True), cut, rtol=1e-5, atol=1e-5)
    with pytest.raises(InvalidInputError, match="out has 6 columns; this model gives 1 to 5"):
        encode(engine, columns=6)


def test_a_graph_that_pools_may_have_a_head(make_engine):
    weight = normal(2, WIDTH)
    engine = make_engine(pooled=True, head=[HeadStep.dense(weight, activation="relu")])
    expected = np.maximum(TABLE[[text[0] for text in TEXTS]] @ weight.T.astype(np.float64), 0)
    np.testing.assert_allclose(encode(engine), expected, rtol=1e-5, atol=1e-5)


def test_prompt_tokens_are_left_out_before_the_head(make_engine):
    engine = make_engine(head=[HeadStep.dense(np.eye(WIDTH, dtype=np.float32))])
    texts = [[40, 41, *text] for text in TEXTS]
    out = np.empty((len(texts), WIDTH), np.float32)
    engine.encode_ids(*flatten(texts), out=out, normalize=False, skip_tokens=2)
    np.testing.assert_allclose(out, [lookup_states(text)[2:].mean(0) for text in texts], rtol=1e-6)


def test_weights_are_copied(make_engine):
    weight = normal(2, WIDTH)
    engine = make_engine(head=[HeadStep.dense(weight)])
    before = encode(engine)
    weight[:] = 0
    np.testing.assert_array_equal(encode(engine), before)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_nan_passes_every_activation(make_engine, activation):
    weight = normal(2, WIDTH)
    weight[1, 1] = np.nan
    with pytest.raises(InferenceError, match="not finite for row"):
        encode(make_engine(head=[HeadStep.dense(weight, activation=activation)]))


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ([HeadStep.dense(normal(2, WIDTH + 1))], r"head step 0 \(dense\) takes 7 values, and 6 come to it"),
        (
            [HeadStep.dense(normal(2, WIDTH)), HeadStep.normalize(), HeadStep.layer_norm(normal(3), None, 1e-5)],
            r"head step 2 \(layer_norm\) takes 3 values, and 2 come to it",
        ),
    ],
)
def test_steps_that_do_not_follow_one_another_are_named(make_engine, head, message):
    with pytest.raises(ModelLoadError, match=message):
        make_engine(head=head)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HeadStep.dense(np.zeros((2, 3))), "weight must be of dtype float32"),
        (lambda: HeadStep.dense(normal(6)), "weight must be 2-dimensional, not 1-dimensional"),
        (lambda: HeadStep.dense(normal(6, 2).T), "weight must be C-contiguous"),
        (lambda: HeadStep.dense([[1.0]]), "weight must be a numpy array of a native dtype, not list"),
        (lambda: HeadStep.dense(None), "weight must be a numpy array of a native dtype, not NoneType"),
        (lambda: HeadStep.dense(normal(0, 3)), "weight is empty"),
        (lambda: HeadStep.dense(normal(3, 0)), "weight is empty"),
        (lambda: HeadStep.dense(normal(2, 3), normal(3)), "bias has 3 values and weight has 2 rows"),
        (lambda: HeadStep.dense(normal(2, 3), normal(0)), "bias has 0 values and weight has 2 rows"),
        (lambda: HeadStep.dense(normal(2, 3), normal(1, 2)), "bias must be 1-dimensional"),
        (
            lambda: HeadStep.dense(normal(2, 3), activation="elu"),
            "unknown activation 'elu'; known are identity",
        ),
        (lambda: HeadStep.layer_norm(normal(0), None, 1e-5), "scale is empty"),
        (lambda: HeadStep.layer_norm(normal(2), normal(3), 1e-5), "bias has 3 values and scale has 2"),
        (lambda: HeadStep.layer_norm(normal(2), None, 0.0), "epsilon is 0.0*, not a finite number above zero"),
        (lambda: HeadStep.layer_norm(normal(2), None, math.nan), "epsilon is nan, not a finite"),
        (lambda: HeadStep.layer_norm(normal(2), None, math.inf), "epsilon is inf, not a finite"),
    ],
)
def test_what_does_not_fit_a_step_is_named(make, message):
    with pytest.raises(InvalidInputError, match=message):
        make()


@pytest.mark.parametrize(
    ("pooling", "message"),
    [([], "pooling is empty"), (["mean", "median"], "unknown pooling 'median'"), ("median", "unknown pooling")],
)
def test_poolings_that_are_not_known_are_named(make_engine, pooling, message):
    with pytest.raises(InvalidInputError, match=message):
        make_engine(pooling=pooling)
