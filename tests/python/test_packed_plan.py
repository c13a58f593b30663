"""The plan of packed texts: large runs, and cores that end together. A pure function, tested with literal lists."""

import heapq
from itertools import pairwise

import pytest
from _ortembed_testing import plan_packed
from bench.corpora.stdlib_docstrings import docstrings
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

ATTENTION_LENGTH = 1024  # of a text over which attention costs as much as all else
MIN_COST = 64  # of a core's share
LARGEST_PART = 4  # texts like the largest one, of which a core's share consists at least


def cost(length):
    return length + length * length / ATTENTION_LENGTH


def batches(plan):
    return [rows for _, rows, _ in plan]


def on_all_cores(plan):
    return [whole for _, _, whole in plan]


@pytest.mark.parametrize("cores", [1, 4])
def test_no_texts_make_no_batches(cores):
    assert plan_packed([], 512, cores) == []


def test_offsets_say_where_each_text_begins_and_the_last_one_ends():
    assert plan_packed([30, 90, 31, 7], 512) == [([0, 90, 121, 151, 158], [1, 2, 0, 3], False)]


@pytest.mark.parametrize("length", [1, 15, 5000])
def test_a_text_alone_has_all_cores(length):
    assert plan_packed([length], 512, cores=4) == [([0, length], [0], True)]
    assert plan_packed([length], 512, cores=1) == [([0, length], [0], False)]


def test_longest_first_and_equal_lengths_keep_their_order():
    assert batches(plan_packed([5, 9, 5, 5, 9], 14)) == [[1], [4, 0], [2, 3]]


def test_the_budget_counts_tokens_without_padding():
    assert batches(plan_packed([20, 10, 10], 40)) == [[0, 1, 2]]
    assert batches(plan_packed([20, 10, 10], 39)) == [[0, 1], [2]]


def test_a_text_over_the_budget_runs_alone():
    assert batches(plan_packed([50, 200, 50], 100)) == [[1], [0, 2]]


def test_few_tokens_run_together_on_all_cores():
    assert plan_packed([15] * 8, 512, cores=2) == [([15 * i for i in range(9)], list(range(8)), True)]


def test_a_large_part_of_a_cores_share_runs_on_all_cores_before_the_rest():
    assert on_all_cores(plan_packed([64] * 7, 512, cores=2)) == [True]
    side_by_side = plan_packed([64] * 8, 512, cores=2)
    assert not any(on_all_cores(side_by_side))
    assert plan_packed([64] * 8 + [1000], 512, cores=2) == [([0, 1000], [8], True), *side_by_side]


def test_the_square_of_the_length_counts():
    # Of the tokens, 400 are less than a quarter of 4,000 / 2; of the costs, they are more.
    assert on_all_cores(plan_packed([400, *[8] * 450], 512, cores=2))[0]
    assert not any(on_all_cores(plan_packed([300, *[8] * 450], 512, cores=2)))


def test_rounds_do_half_of_what_is_left_and_the_last_one_all_of_it():
    # 800 tokens for each core, which cost 806.
    sizes = [len(rows) for rows in batches(plan_packed([8] * 200, 4096, cores=2))]
    assert sizes == [50, 50, 25, 25, 13, 12, 13, 12]


def test_the_budget_holds_however_many_tokens_there_are():
    sizes = [len(rows) for rows in batches(plan_packed([16] * 6400, 512, cores=2))]
    assert set(sizes[:180]) == {32}
    assert max(sizes) == 32


LENGTHS = st.lists(st.integers(1, 512), max_size=200) | st.lists(st.integers(1, 40), max_size=400)
BUDGETS = st.integers(1, 4096)
CORES = st.integers(1, 8)


@given(LENGTHS, BUDGETS, CORES)
def test_every_text_is_in_exactly_one_batch_and_in_its_place(lengths, budget, cores):
    plan = plan_packed(lengths, budget, cores)
    assert sorted(row for rows in batches(plan) for row in rows) == list(range(len(lengths)))
    for offsets, rows, _ in plan:
        assert offsets == [sum(lengths[row] for row in rows[:i]) for i in range(len(rows) + 1)]


@given(LENGTHS, BUDGETS, CORES)
def test_batches_keep_to_the_budget(lengths, budget, cores):
    assert all(len(rows) == 1 or offsets[-1] <= budget for offsets, rows, _ in plan_packed(lengths, budget, cores))


@given(LENGTHS, BUDGETS, CORES)
def test_batches_for_all_cores_come_first_then_longest_texts_first(lengths, budget, cores):
    plan = plan_packed(lengths, budget, cores)
    assert on_all_cores(plan) == sorted(on_all_cores(plan), reverse=True)
    order = [(-lengths[row], row) for rows in batches(plan) for row in rows]
    assert order == sorted(order)


@given(LENGTHS, BUDGETS)
def test_one_core_alone_runs_as_few_batches_as_the_order_allows(lengths, budget):
    plan = plan_packed(lengths, budget)
    assert not any(on_all_cores(plan))
    for (offsets, _, _), (_, following, _) in pairwise(plan):
        assert offsets[-1] + lengths[following[0]] > budget


def busy_until(plan, lengths, cores):
    """When each core ends, where each takes the next batch as soon as it is free; all cores begin at 0."""
    ends = [0.0] * cores
    for rows in batches(plan):
        heapq.heapreplace(ends, ends[0] + sum(cost(lengths[row]) for row in rows))
    return ends


@given(LENGTHS, BUDGETS, st.integers(2, 8))
def test_cores_that_run_side_by_side_have_work_enough_and_end_together(lengths, budget, cores):
    plan = [batch for batch in plan_packed(lengths, budget, cores) if not batch[2]]
    if not plan:
        return
    side_by_side = [lengths[row] for rows in batches(plan) for row in rows]
    share = sum(map(cost, side_by_side)) / cores
    largest = cost(max(side_by_side))
    assert share >= MIN_COST
    assert largest <= share / LARGEST_PART
    assert max(busy_until(plan, lengths, cores)) <= share + largest + 2 * MIN_COST


@given(LENGTHS, st.integers(2, 8))
def test_side_by_side_no_batch_but_the_last_round_is_small(lengths, cores):
    plan = [batch for batch in plan_packed(lengths, 4096, cores) if not batch[2]]
    for offsets, rows, _ in plan[:-cores]:
        own = sum(cost(lengths[row]) for row in rows)
        assert own >= MIN_COST - cost(lengths[rows[0]]), offsets


def test_cores_end_together_on_real_texts(model_folder):
    tokenizer = Tokenizer.from_file(str(model_folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    lengths = [min(len(e.ids), 256) for e in tokenizer.encode_batch([d.text for d in docstrings()])]
    total = sum(map(cost, lengths))
    for cores in (2, 4, 16):
        plan = plan_packed(lengths, 512, cores)
        assert not any(on_all_cores(plan))
        assert max(busy_until(plan, lengths, cores)) * cores < 1.01 * total
        assert len(plan) < sum(lengths) / 512 * 1.3 + 8 * cores
