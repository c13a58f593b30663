"""Which texts run together where an encoder has a few shapes only: every text once, in a shape that holds it."""

import pytest
from _ortembed_testing import FakeEngine, plan_buckets
from bench.corpora.stdlib_docstrings import docstrings
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from ortembed import CoreMLOptions, InvalidInputError
from tests.python.test_batch_plan import RUN_COST
from tests.python.test_engine import encode

BUCKETS = [(1, 16), (1, 32), (1, 64), (4, 32)]


def test_a_text_takes_the_smallest_shape_that_holds_it():
    assert plan_buckets([1], BUCKETS) == [(1, 16, [0])]
    assert plan_buckets([16], BUCKETS) == [(1, 16, [0])]
    assert plan_buckets([17], BUCKETS) == [(1, 32, [0])]
    assert plan_buckets([64], BUCKETS) == [(1, 64, [0])]


def test_a_text_longer_than_every_shape_runs_alone_at_its_own_length():
    assert plan_buckets([65, 70, 3], BUCKETS) == [(1, 70, [1]), (1, 65, [0]), (1, 16, [2])]


def test_texts_share_a_run_where_that_costs_less():
    assert plan_buckets([20, 30, 25, 32], BUCKETS) == [(4, 32, [3, 1, 2, 0])]
    assert plan_buckets([20, 30], BUCKETS) == [(1, 32, [1]), (1, 32, [0])]
    assert plan_buckets([10, 10, 10, 10], BUCKETS) == [(1, 16, [i]) for i in range(4)]


def test_a_shape_that_is_not_full_has_rows_of_padding():
    assert plan_buckets([30, 30, 30, 30], [(1, 128), (8, 32)]) == [(8, 32, [0, 1, 2, 3])]


SHAPES = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 80)), min_size=1, max_size=5, unique=True)
LENGTHS = st.lists(st.integers(1, 90), min_size=1, max_size=40)


@given(LENGTHS, SHAPES)
def test_every_text_is_in_exactly_one_batch_that_holds_it(lengths, shapes):
    longest = max(sequence for _, sequence in shapes)
    plan = plan_buckets(lengths, shapes)
    assert sorted(row for _, _, rows in plan for row in rows) == list(range(len(lengths)))
    for count, sequence, rows in plan:
        assert len(rows) <= count
        assert max(lengths[row] for row in rows) <= sequence
        assert (count, sequence) in shapes or (len(rows) == 1 and sequence == lengths[rows[0]] > longest)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=8), SHAPES)
def test_no_other_split_into_shapes_costs_less(lengths, shapes):
    lengths.sort(reverse=True)

    def cheapest(start):
        if start == len(lengths):
            return 0
        fitting = [shape for shape in shapes if shape[1] >= lengths[start]] or [(1, lengths[start])]
        return min(
            RUN_COST + count * sequence + cheapest(end)
            for count, sequence in fitting
            for end in range(start + 1, min(start + count, len(lengths)) + 1)
        )

    cost = sum(RUN_COST + count * sequence for count, sequence, _ in plan_buckets(lengths, shapes))
    assert cost == cheapest(0)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(0, 16)], "a bucket is 0 x 16; rows and sequence length are 1 or more"),
        ([(1, -1)], "a bucket is 1 x -1"),
        ([(1, 16), (2, 16), (1, 16)], "bucket 1 x 16 is given twice"),
    ],
)
def test_shapes_that_are_none_are_refused(shapes, message):
    with pytest.raises(InvalidInputError, match=message):
        plan_buckets([1], shapes)


def test_padding_changes_no_vector():
    texts = [[5] * 3, [6, 7], [8] * 9, [9], [10] * 16]
    plain = encode(FakeEngine(pooling="mean"), texts)
    engine = FakeEngine(pooling="mean", buckets=[(1, 4), (3, 16)])
    assert (encode(engine, texts) == plain).all()
    assert set(engine.shapes) <= {(1, 4), (3, 16)}


def test_padding_of_real_texts_in_coremls_shapes(model_folder):
    """The price of fixed shapes; docs/platforms.md has the figures."""
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    lengths = [min(len(e.ids), 256) for e in tokenizer.encode_batch([d.text for d in docstrings()])]
    plan = plan_buckets(lengths, CoreMLOptions().buckets(256))
    padded = sum(count * sequence for count, sequence, _ in plan)
    assert padded / sum(lengths) < 1.5
