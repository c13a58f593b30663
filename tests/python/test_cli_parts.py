"""What the commands are made of: comparing vectors, and files that appear when they are complete."""

import numpy as np
import pytest

from ortembed.cli.comparison import compare
from ortembed.cli.output import target_file


def nearest(vectors, index, count=10):
    others = [other for other in range(len(vectors)) if other != index]
    cosine = {o: vectors[o] @ vectors[index] / np.linalg.norm(vectors[o]) for o in others}
    return set(sorted(others, key=cosine.get, reverse=True)[:count])


def test_neighbours_are_the_ten_nearest_of_the_same_set():
    random = np.random.default_rng(0)
    ours, theirs = random.standard_normal((2, 30, 5)).astype(np.float32)
    shares = [len(nearest(ours, i) & nearest(theirs, i)) / 10 for i in range(30)]
    assert 0.1 < compare(ours, theirs).neighbours < 0.9
    assert compare(ours, theirs).neighbours == pytest.approx(np.mean(shares))


def test_length_does_not_count_and_nothing_has_no_direction():
    vectors = np.array([[3, 4], [0, 0], [1, 0]], np.float32)
    found = compare(vectors * 7, vectors)
    assert found.cosine.tolist() == pytest.approx([1, 0, 1])
    assert (found.worst, found.max_difference) == (1, pytest.approx(0, abs=1e-7))
    assert compare(vectors[:1], vectors[:1]).neighbours == 1


def test_two_that_write_one_target_do_not_meet(tmp_path):
    target = tmp_path / "out.npy"
    with target_file(str(target)) as first:
        first.write(b"first, " * 3)
        with target_file(str(target)) as second:
            second.write(b"second")
        assert target.read_bytes() == b"second"
    assert target.read_bytes() == b"first, " * 3
    assert [path.name for path in tmp_path.iterdir()] == ["out.npy"]


def test_a_target_that_is_not_completed_is_not_there(tmp_path):
    def fail():
        with target_file(str(tmp_path / "out.npy")) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []
