"""The batch plan: which texts run together. A pure function, tested with literal lists."""

from _ortembed_testing import plan_batches
from hypothesis import given
from hypothesis import strategies as st


def test_no_texts_make_no_batches():
    assert plan_batches([], 100) == []


def test_similar_lengths_run_together_longest_first():
    assert plan_batches([3, 9, 4, 10, 3], 20) == [(10, [3, 1]), (4, [2, 0, 4])]


def test_equal_lengths_keep_their_order():
    assert plan_batches([5, 5, 5, 5, 5], 10) == [(5, [0, 1]), (5, [2, 3]), (5, [4])]


def test_padding_counts_towards_the_budget():
    # 1 + 1 + 8 tokens are 10, but padded to three rows of 8 they are 24.
    assert plan_batches([1, 8, 1], 16) == [(8, [1, 0]), (1, [2])]


def test_a_text_over_the_budget_runs_alone():
    assert plan_batches([50, 200, 50], 100) == [(200, [1]), (50, [0, 2])]


LENGTHS = st.lists(st.integers(1, 512), max_size=200)


@given(LENGTHS, st.integers(1, 4096))
def test_every_text_is_in_exactly_one_batch(lengths, budget):
    plan = plan_batches(lengths, budget)
    assert sorted(row for _, rows in plan for row in rows) == list(range(len(lengths)))


@given(LENGTHS, st.integers(1, 4096))
def test_limits_hold(lengths, budget):
    for sequence_length, rows in plan_batches(lengths, budget):
        assert sequence_length == max(lengths[row] for row in rows)
        assert len(rows) == 1 or sequence_length * len(rows) <= budget


@given(LENGTHS, st.integers(1, 4096))
def test_batches_are_in_order_of_length(lengths, budget):
    ordered = [lengths[row] for _, rows in plan_batches(lengths, budget) for row in rows]
    assert ordered == sorted(lengths, reverse=True)
