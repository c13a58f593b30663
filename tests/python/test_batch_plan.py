"""The batch plan: which texts run together, and on how many cores. A pure function, tested with literal lists."""

import pytest
from _ortembed_testing import plan_batches
from bench.corpora.stdlib_docstrings import docstrings
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

RUN_COST = 12  # tokens that a run costs beside its own


def shapes(plan):
    return [(sequence_length, rows) for sequence_length, rows, _ in plan]


def on_all_cores(plan):
    return [whole for _, _, whole in plan]


def test_no_texts_make_no_batches():
    assert plan_batches([], 100) == []
    assert plan_batches([], 100, cores=4) == []


def test_similar_lengths_run_together_longest_first():
    assert shapes(plan_batches([30, 90, 31, 91, 30], 200)) == [(91, [3, 1]), (31, [2, 0, 4])]


def test_equal_lengths_keep_their_order():
    assert shapes(plan_batches([5, 5, 5, 5, 5], 10)) == [(5, [0, 1]), (5, [2, 3]), (5, [4])]


def test_padding_counts_towards_the_budget():
    # 20 + 19 tokens are 39, but padded to two rows of 20 they are 40.
    assert shapes(plan_batches([20, 19], 40)) == [(20, [0, 1])]
    assert shapes(plan_batches([20, 19], 39)) == [(20, [0]), (19, [1])]


def test_a_text_over_the_budget_runs_alone():
    assert shapes(plan_batches([50, 200, 50], 100)) == [(200, [1]), (50, [0, 2])]


def test_padding_that_costs_more_than_another_run_is_not_made():
    assert shapes(plan_batches([20, 20 + RUN_COST - 1], 1000)) == [(31, [1, 0])]
    assert shapes(plan_batches([20, 20 + RUN_COST + 1], 1000)) == [(33, [1]), (20, [0])]


@pytest.mark.parametrize("length", [1, 15, 5000])
def test_a_text_alone_has_all_cores(length):
    assert plan_batches([length], 512, cores=4) == [(length, [0], True)]
    assert plan_batches([length], 512, cores=1) == [(length, [0], False)]


def test_few_tokens_run_together_on_all_cores():
    assert plan_batches([15] * 8, 512, cores=2) == [(15, list(range(8)), True)]


def test_many_tokens_run_side_by_side_in_even_batches():
    plan = plan_batches([16] * 64, 512, cores=2)  # 512 tokens a core, so 128 a batch
    assert plan == [(16, list(range(start, start + 8)), False) for start in range(0, 64, 8)]


def test_the_budget_holds_however_many_tokens_there_are():
    assert max(len(rows) for _, rows, _ in plan_batches([16] * 6400, 512, cores=2)) == 32


def test_a_text_that_is_more_than_a_cores_share_comes_first_on_all_cores():
    plan = plan_batches([64] * 8 + [1000], 512, cores=2)
    assert plan[0] == (1000, [8], True)
    assert not any(on_all_cores(plan[1:]))


def test_padding_on_real_texts_is_under_three_percent(model_folder):
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    lengths = [min(len(e.ids), 256) for e in tokenizer.encode_batch([d.text for d in docstrings()])]
    padded = sum(length * len(rows) for length, rows, _ in plan_batches(lengths, 512, cores=2))
    assert padded / sum(lengths) < 1.03


LENGTHS = st.lists(st.integers(1, 512), max_size=200)
BUDGETS = st.integers(1, 4096)
CORES = st.integers(1, 8)


@given(LENGTHS, BUDGETS, CORES)
def test_every_text_is_in_exactly_one_batch(lengths, budget, cores):
    plan = plan_batches(lengths, budget, cores)
    assert sorted(row for _, rows, _ in plan for row in rows) == list(range(len(lengths)))


@given(LENGTHS, BUDGETS, CORES)
def test_limits_hold(lengths, budget, cores):
    for sequence_length, rows, _ in plan_batches(lengths, budget, cores):
        assert sequence_length == max(lengths[row] for row in rows)
        assert len(rows) == 1 or sequence_length * len(rows) <= budget


@given(LENGTHS, BUDGETS, CORES)
def test_batches_for_all_cores_come_first_then_longest_rows_first(lengths, budget, cores):
    plan = plan_batches(lengths, budget, cores)
    assert on_all_cores(plan) == sorted(on_all_cores(plan), reverse=True)
    for whole in (True, False):
        ordered = [lengths[row] for _, rows, on_all in plan for row in rows if on_all is whole]
        assert ordered == sorted(ordered, reverse=True)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9), st.integers(20, 200))
def test_no_other_split_costs_less(lengths, budget):
    lengths.sort(reverse=True)

    def cheapest(start):
        """Try every split of the rest."""
        if start == len(lengths):
            return 0
        ends = range(start + 1, len(lengths) + 1)
        costs = {end: lengths[start] * (end - start) for end in ends}
        return min(
            RUN_COST + cost + cheapest(end) for end, cost in costs.items() if end == start + 1 or cost <= budget
        )

    cost = sum(RUN_COST + length * len(rows) for length, rows, _ in plan_batches(lengths, budget))
    assert cost == cheapest(0)


@given(LENGTHS, CORES)
def test_no_core_alone_gets_more_than_its_share_at_once(lengths, cores):
    plan = plan_batches(lengths, 512, cores)
    assert all(cores == 1 or whole or length * len(rows) <= sum(lengths) / cores for length, rows, whole in plan)
