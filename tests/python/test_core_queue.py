"""Who gets free cores, and when one who has a core gives way: a decision without threads or clocks."""

import pytest
from _ortembed_testing import CoreQueue, Standing
from hypothesis import given
from hypothesis import strategies as st

FRESH, BEGUN, HELPER = Standing.FRESH, Standing.BEGUN, Standing.HELPER


def queue(cores, *waiting):
    made = CoreQueue(cores)
    for name, standing in waiting:
        made.join(name, standing)
    return made


def serve_all(line, *, hand_over=0):
    """Who is served, in order; after the first ones each gives its core to the next."""
    served = []
    while True:
        while (one := line.serve()) is not None:
            served.append(one[0])
        if not hand_over:
            return served
        hand_over -= 1
        line.give_back()


def test_nobody_is_served_when_nobody_waits_or_no_core_is_free():
    assert queue(1).serve() is None
    assert serve_all(queue(1, ("a", FRESH), ("b", FRESH))) == ["a"]


def test_first_come_first_served_within_a_standing():
    assert serve_all(queue(1, ("a", FRESH), ("b", FRESH), ("c", FRESH)), hand_over=2) == ["a", "b", "c"]


def test_calls_that_have_not_begun_go_first_and_helpers_last():
    line = queue(1, ("helper", HELPER), ("begun", BEGUN), ("fresh", FRESH))
    assert serve_all(line, hand_over=2) == ["fresh", "begun", "helper"]


def test_one_that_has_begun_waits_for_no_more_than_one_that_has_not():
    line = queue(1, ("f1", FRESH), ("f2", FRESH), ("f3", FRESH), ("b1", BEGUN), ("b2", BEGUN))
    assert serve_all(line, hand_over=4) == ["f1", "b1", "f2", "b2", "f3"]


@pytest.mark.parametrize(
    ("cores", "free", "alone", "gets_all"),
    [(2, 2, True, True), (2, 1, True, False), (2, 2, False, False), (1, 1, True, True)],
)
def test_all_cores_go_to_one_only_when_all_are_free_and_nobody_else_waits(cores, free, alone, gets_all):
    line = CoreQueue(cores)
    for other in range(cores - free):
        line.join(f"other{other}", FRESH)
    serve_all(line)
    line.join("a", FRESH, wants_all=True)
    if not alone:
        line.join("b", HELPER)
    assert line.serve() == ("a", gets_all)


def test_all_cores_come_back_together():
    line = CoreQueue(3)
    line.join("a", FRESH, wants_all=True)
    assert line.serve() == ("a", True)
    line.join("b", BEGUN, wants_all=True)
    assert line.serve() is None
    line.give_back(all=True)
    assert line.serve() == ("b", True)


def test_after_a_call_found_no_core_some_calls_get_one_each_before_all_cores_are_tried_again():
    line = CoreQueue(2)
    line.join("a", FRESH, wants_all=True)
    line.serve()
    line.join("0", FRESH, wants_all=True)  # finds no core free
    line.give_back(all=True)
    got = []
    for number in range(20):
        name, gets_all = line.serve()
        assert name == str(number)
        got.append(gets_all)
        line.give_back(gets_all)
        line.join(str(number + 1), FRESH, wants_all=True)
    assert got == [False] * 16 + [True] * 4


def test_a_call_that_has_begun_gets_all_cores_again_too():
    line = queue(1, ("a", FRESH), ("b", FRESH))
    assert serve_all(line, hand_over=1) == ["a", "b"]
    line.join("c", FRESH)  # finds no core free
    line.leave("c")
    line.give_back()
    got = []
    for number in range(18):
        line.join(str(number), BEGUN, wants_all=True)
        _, gets_all = line.serve()
        got.append(gets_all)
        line.give_back(gets_all)
    assert got == [False] * 16 + [True] * 2


def test_who_leaves_the_line_is_not_served():
    line = queue(1, ("a", HELPER), ("b", HELPER))
    assert line.leave("a")
    assert not line.leave("a")
    assert serve_all(line, hand_over=1) == ["b"]


@pytest.mark.parametrize(
    ("waiting", "gives_way"),
    [
        # of one that has begun, and of a helper; each after a short time and after a long one
        (None, (False, False, False, False)),
        (HELPER, (False, False, False, True)),
        (BEGUN, (False, True, True, True)),
        (FRESH, (True, True, True, True)),
    ],
)
def test_a_core_is_kept_unless_others_should_have_it(waiting, gives_way):
    line = queue(1, *([("other", waiting)] if waiting is not None else []))
    found = [line.must_give_way(who, held_long=long) for who in (BEGUN, HELPER) for long in (False, True)]
    assert tuple(found) == gives_way


@given(st.integers(1, 4), st.lists(st.sampled_from([FRESH, BEGUN, HELPER]), max_size=12))
def test_everybody_is_served_once_and_no_core_twice(cores, standings):
    waiting = [(str(index), standing) for index, standing in enumerate(standings)]
    assert len(serve_all(queue(cores, *waiting))) == min(cores, len(standings))
    served = serve_all(queue(cores, *waiting), hand_over=len(standings))
    assert sorted(served) == sorted(name for name, _ in waiting)
