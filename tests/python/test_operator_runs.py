"""What operators of ours are given in a run: refused in words where it cannot be, and never read beyond its end."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from ortembed import InferenceError
from tests.python import packed_graphs as graphs
from tests.python.packed_reference import embed_reference
from tests.python.packed_sessions import open_session

RANDOM = np.random.default_rng(4)
NO_LIMITS = graphs.random_weights(0, "int8")


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """A session of one node of each kind, for runs on two threads."""
    folder = tmp_path_factory.mktemp("models")
    graphs.save_one(folder / "embed", "Embed", graphs.embed_weights())
    without = {name: array for name, array in graphs.embed_weights().items() if name != "position"}
    graphs.save_one(folder / "unlimited embed", "Embed", without)
    graphs.save_one(folder / "counting embed", "Embed", graphs.embed_weights(), padding_id=1)
    graphs.save_one(folder / "layer", "Layer", NO_LIMITS, **graphs.ATTRIBUTES)
    graphs.save_one(folder / "biased layer", "Layer", NO_LIMITS | graphs.relative_bias(4), **graphs.ATTRIBUTES)
    graphs.save_one(folder / "rotary layer", "Layer", NO_LIMITS | graphs.rotary(6), **graphs.ATTRIBUTES)
    graphs.save_one(folder / "norm", "Norm", {"weight": np.ones(graphs.WIDTH, np.float32)}, epsilon=1.0)
    return {path.name: open_session(path, 2) for path in folder.iterdir()}


def hidden(tokens, width=graphs.WIDTH):
    return RANDOM.standard_normal((tokens, width)).astype(np.float32)


def inputs_for(name, tokens):
    return {"ids": np.arange(tokens) % graphs.VOCABULARY} if "embed" in name else {"hidden": hidden(tokens)}


BAD_OFFSETS = {
    "none": ([], 3, "offsets are empty"),
    "not from 0": ([1, 3], 3, "offsets[0] is 1"),
    "negative": ([-1, 3], 3, "offsets[0] is -1"),
    "falling": ([0, 2, 1, 3], 3, "offsets[2] is 1"),
    "negative later": ([0, -5, 3], 3, "offsets[1] is -5"),
    "beyond the tokens": ([0, 4], 3, "offsets[1] is 4"),
    "far beyond": ([0, 2**62, 3], 3, f"offsets[1] is {2**62}"),
    "the smallest number": ([0, -(2**63)], 3, f"offsets[1] is {-(2**63)}"),
    "short of the tokens": ([0, 2], 3, "offsets end at 2"),
    "only 0": ([0], 3, "offsets end at 0"),
    "tokens where there are none": ([0, 1], 0, "offsets[1] is 1"),
}


@pytest.mark.parametrize("name", ["embed", "layer"])
@pytest.mark.parametrize("case", BAD_OFFSETS)
def test_offsets_that_do_not_fit_are_refused_and_the_next_run_is_right(sessions, name, case):
    offsets, tokens, complaint = BAD_OFFSETS[case]
    good = inputs_for(name, 5) | {"offsets": np.array([0, 2, 5])}
    before = sessions[name].run_with(good)
    with pytest.raises(InferenceError) as caught:
        sessions[name].run_with(inputs_for(name, tokens) | {"offsets": np.array(offsets, np.int64)})
    assert f"running {name.title()} node. Name:'{name}'" in str(caught.value)
    assert complaint in str(caught.value)
    np.testing.assert_array_equal(sessions[name].run_with(good), before)


@pytest.mark.parametrize("bad", [-1, graphs.VOCABULARY, 2**62, -(2**63)])
def test_an_id_that_the_table_does_not_have_is_refused(sessions, bad):
    ids = np.array([3, bad, 2])
    with pytest.raises(InferenceError, match=rf"ids\[1\] is {bad}; the vocabulary has ids from 0 to 29"):
        sessions["embed"].run_with({"ids": ids, "offsets": np.array([0, 3])})


TOO_LONG = {
    "embed": (16, "a text has 17 ids; the model has positions for 16"),
    "counting embed": (15, "a text has 16 ids; the model has positions for 15"),
    "biased layer": (5, "a text has 6 ids; the layer takes at most 5"),
    "rotary layer": (6, "a text has 7 ids; the layer takes at most 6"),
}


@pytest.mark.parametrize("name", TOO_LONG)
def test_a_text_that_is_too_long_is_refused_and_one_that_just_fits_is_not(sessions, name):
    most, complaint = TOO_LONG[name]
    offsets = np.array([0, 2, 2 + most])
    assert np.isfinite(sessions[name].run_with(inputs_for(name, 2 + most) | {"offsets": offsets})).all()
    with pytest.raises(InferenceError, match=complaint):
        sessions[name].run_with(inputs_for(name, 3 + most) | {"offsets": offsets + np.array([0, 0, 1])})


@pytest.mark.parametrize("name", ["unlimited embed", "layer"])
def test_without_tables_of_positions_a_text_may_be_of_any_length(sessions, name):
    found = sessions[name].run_with(inputs_for(name, 700) | {"offsets": np.array([0, 700])})
    assert found.shape == (700, graphs.WIDTH)
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    ("name", "inputs", "complaint"),
    [
        ("embed", {"ids": np.zeros((2, 2), np.int64), "offsets": np.array([0, 4])}, "ids"),
        ("embed", {"ids": np.zeros(2, np.int64), "offsets": np.array([[0, 2]])}, "offsets"),
        ("embed", {"ids": np.zeros(2, np.int64), "offsets": np.array(0)}, "offsets"),
        ("embed", {"ids": np.zeros(2, np.int32), "offsets": np.array([0, 2])}, "Unexpected input data"),
        (
            "embed",
            {"ids": np.zeros(2, np.int64), "offsets": np.array([0, 2], np.int32)},
            "Unexpected input data",
        ),
        ("embed", {"ids": np.zeros(2, np.int64)}, r"input 1 \(offsets\): a value is not a tensor"),
        ("layer", {"hidden": hidden(2, 11), "offsets": np.array([0, 2])}, "hidden"),
        ("layer", {"hidden": hidden(2)[None], "offsets": np.array([0, 2])}, "hidden"),
        ("layer", {"hidden": hidden(2)[0], "offsets": np.array([0, 2])}, "hidden"),
        ("layer", {"hidden": np.zeros((2, 12), np.int64), "offsets": np.array([0, 2])}, "Unexpected input data"),
        ("norm", {"hidden": hidden(2, 13)}, "hidden"),
        ("norm", {"hidden": hidden(2)[None]}, "hidden"),
    ],
)
def test_inputs_of_another_type_rank_or_width_are_refused(sessions, name, inputs, complaint):
    with pytest.raises(InferenceError, match=complaint):
        sessions[name].run_with(inputs)


@pytest.mark.parametrize(
    ("shape", "found"),
    [(["tokens", 13], "float32 [2, 13]"), (["tokens"], "float32 [2]"), (["tokens", 3, 4], "float32 [2, 3, 4]")],
)
@pytest.mark.parametrize("operator", ["Layer", "Norm"])
def test_hidden_states_of_another_shape_in_the_graph_are_refused_by_the_operator(tmp_path, operator, shape, found):
    weights = NO_LIMITS if operator == "Layer" else {"weight": np.ones(graphs.WIDTH, np.float32)}
    attributes = graphs.ATTRIBUTES if operator == "Layer" else {"epsilon": 1.0}
    node = graphs.node_of(operator, weights, "y", **attributes)
    inputs = graphs.RUN_INPUTS | {"hidden": (graphs.TensorProto.FLOAT, shape)}
    session = open_session(graphs.save_graph(tmp_path / "model.onnx", [node], weights, inputs=inputs))
    states = {"hidden": np.zeros([2, *shape[1:]], np.float32)}
    with pytest.raises(InferenceError) as caught:
        session.run_with(states | ({"offsets": np.array([0, 2])} if operator == "Layer" else {}))
    assert f"input 0 (hidden) is {found}, not float32 [tokens, 12]" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "shape", "found"),
    [("ids", ["tokens", 2], "int64 [2, 2]"), ("offsets", [], "int64 []"), ("offsets", [1, "n"], "int64 [1, 2]")],
)
def test_ids_and_offsets_of_another_rank_in_the_graph_are_refused_by_the_operator(tmp_path, name, shape, found):
    weights = graphs.embed_weights()
    inputs = graphs.RUN_INPUTS | {name: (graphs.TensorProto.INT64, shape)}
    node = graphs.node_of("Embed", weights, "y")
    session = open_session(graphs.save_graph(tmp_path / "model.onnx", [node], weights, inputs=inputs))
    run = {"ids": np.zeros(2, np.int64), "offsets": np.array([0, 2])}
    run[name] = np.zeros([2 if isinstance(size, str) else size for size in shape], np.int64)
    with pytest.raises(InferenceError, match="not int64 in one dimension") as caught:
        session.run_with(run)
    assert f"({name}) is {found}" in str(caught.value)


@pytest.mark.parametrize("texts", [0, 1, 3])
@pytest.mark.parametrize("name", ["embed", "layer", "biased layer", "rotary layer"])
def test_no_tokens_give_no_rows(sessions, name, texts):
    found = sessions[name].run_with(inputs_for(name, 0) | {"offsets": np.zeros(texts + 1, np.int64)})
    assert found.shape == (0, graphs.WIDTH)


def test_the_norm_of_no_rows_is_none(sessions):
    assert sessions["norm"].run_with({"hidden": hidden(0)}).shape == (0, graphs.WIDTH)


NUMBERS = st.integers(-3, 12) | st.integers(-(2**63), 2**63 - 1)


def are_offsets(offsets, tokens):
    return bool(offsets) and offsets[0] == 0 and offsets[-1] == tokens and offsets == sorted(offsets)


@given(offsets=st.lists(NUMBERS, max_size=8), tokens=st.integers(0, 10), data=st.data())
def test_any_offsets_and_ids_are_taken_or_refused(sessions, offsets, tokens, data):
    if data.draw(st.booleans()):
        cuts = data.draw(st.lists(st.integers(0, tokens), max_size=5))
        offsets = [0, *sorted(cuts), tokens]
    ids = data.draw(arrays.arrays(np.int64, tokens, elements=st.integers(0, 29) | NUMBERS))
    inputs = {"ids": ids, "offsets": np.array(offsets, np.int64)}
    if are_offsets(offsets, tokens) and ((ids >= 0) & (ids < graphs.VOCABULARY)).all():
        expected = embed_reference(ids, offsets, graphs.embed_weights())
        np.testing.assert_allclose(sessions["embed"].run_with(inputs), expected, rtol=1e-4, atol=1e-4)
    else:
        with pytest.raises(InferenceError):
            sessions["embed"].run_with(inputs)


SHAPES = arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=14)


@settings(max_examples=200)
@given(shape=SHAPES | st.tuples(st.integers(0, 10), st.just(graphs.WIDTH)), offsets=st.lists(NUMBERS, max_size=6))
@pytest.mark.parametrize("name", ["layer", "rotary layer"])
def test_any_shape_and_offsets_of_a_layer_are_taken_or_refused(sessions, name, shape, offsets):
    if len(offsets) % 2:
        offsets = [0, *sorted(int(np.clip(number, 0, shape[0] if shape else 0)) for number in offsets)]
        offsets += [shape[0]] if shape else []
    states = RANDOM.standard_normal(shape).astype(np.float32)
    fits = len(shape) == 2 and shape[1] == graphs.WIDTH and are_offsets(offsets, shape[0])
    if fits and name == "rotary layer":
        fits = max(np.diff(offsets), default=0) <= 6
    inputs = {"hidden": states, "offsets": np.array(offsets, np.int64)}
    if fits:
        found = sessions[name].run_with(inputs)
        assert found.shape == shape
        assert np.isfinite(found).all()
    else:
        with pytest.raises(InferenceError):
            sessions[name].run_with(inputs)
