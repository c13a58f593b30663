"""The memory that runs work in: blocks that stay from run to run, and none that nobody needs."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from _ortembed_testing import RunMemory, take_alone
from hypothesis import given
from hypothesis import strategies as st

MIB = 1 << 20
SIZES = st.lists(st.integers(1, 5000), max_size=40)


def run(memory, sizes):
    """Take blocks of these sizes, give them all back; tell where they were."""
    blocks = [memory.take(size) for size in sizes]
    for block in blocks:
        memory.give_back(block)
    return blocks


@given(SIZES)
def test_blocks_do_not_overlap_and_are_aligned(sizes):
    memory = RunMemory()
    for _ in range(2):
        blocks = [memory.take(size) for size in sizes]
        ends = sorted(zip(blocks, sizes, strict=True))
        assert all(a + size <= b for (a, size), (b, _) in pairwise(ends))
        assert all(block % 64 == 0 for block in blocks)
        for block in blocks:
            memory.give_back(block)


@given(SIZES)
def test_a_run_like_one_before_finds_its_blocks_there(sizes):
    memory = RunMemory()
    for _ in range(3):
        run(memory, sizes)
    kept = memory.kept
    assert kept >= sum(sizes)
    run(memory, sizes)
    assert memory.kept == kept


def test_the_smallest_block_that_fits_is_taken():
    memory = RunMemory()
    small, large = run(memory, [1000, 1900])
    assert memory.take(990) == small
    assert memory.take(990) == large


def test_a_block_that_is_much_too_large_is_left_for_others():
    memory = RunMemory()
    (large,) = run(memory, [10_240])
    assert memory.take(5056) != large
    assert memory.take(5120) == large


def test_growing_runs_leave_nothing_behind():
    memory = RunMemory()
    for size in range(64, MIB, 6400):
        run(memory, [size])
    assert memory.kept < MIB


def test_a_large_run_leaves_no_more_than_is_no_burden():
    memory = RunMemory()
    run(memory, [100 * MIB, 30 * MIB, 20 * MIB, 1000])
    memory.trim()
    assert 50 * MIB < memory.kept < 51 * MIB
    memory.trim()
    assert 50 * MIB < memory.kept < 51 * MIB


def test_a_size_that_no_memory_has_gives_nothing():
    memory = RunMemory()
    assert memory.take(2**64 - 1) == 0
    assert memory.take(2**62) == 0
    assert memory.kept == 0


def test_a_block_of_no_run_is_freed_alone():
    memory = RunMemory()
    memory.give_back(take_alone(100))
    memory.give_back(0)
    assert memory.kept == 0


@pytest.mark.parametrize("threads", [2, 8])
def test_blocks_come_back_on_any_thread(threads):
    memory = RunMemory()
    blocks = [memory.take(size) for size in range(1, 2000)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(memory.give_back, blocks))
    assert memory.kept >= sum(range(1, 2000))
