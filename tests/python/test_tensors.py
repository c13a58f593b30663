"""The input tensors of a batch: padding, mask, packed texts, and buffers that are reused."""

from _ortembed_testing import fill_packed_tensors, fill_tensors

IDS = [7, 8, 9, 4, 5, 6]
OFFSETS = [0, 3, 4, 6]


def test_rows_are_padded_on_the_right_in_the_order_of_the_plan():
    ((ids, mask, types),) = fill_tensors(IDS, OFFSETS, [(3, [0, 2, 1])])
    assert ids == [7, 8, 9, 5, 6, 0, 4, 0, 0]
    assert mask == [1, 1, 1, 1, 1, 0, 1, 0, 0]
    assert types == [0] * 9


def test_nothing_of_a_batch_is_left_for_the_next():
    _, (ids, mask, types) = fill_tensors(IDS, OFFSETS, [(3, [0, 2]), (2, [1])])
    assert (ids, mask, types) == ([4, 0], [1, 0], [0, 0])


def test_buffers_grow_again():
    _, (ids, mask, _) = fill_tensors(IDS, OFFSETS, [(1, [1]), (3, [0])])
    assert (ids, mask) == ([7, 8, 9], [1, 1, 1])


def test_packed_rows_lie_end_to_end_in_the_order_of_the_plan():
    assert fill_packed_tensors(IDS, OFFSETS, [[2, 0, 1]]) == [([5, 6, 7, 8, 9, 4], [0, 2, 5, 6])]


def test_packed_batches_leave_nothing_for_each_other():
    batches = fill_packed_tensors(IDS, OFFSETS, [[0, 2], [1], [2, 1]])
    assert batches == [([7, 8, 9, 5, 6], [0, 3, 5]), ([4], [0, 1]), ([5, 6, 4], [0, 2, 3])]
