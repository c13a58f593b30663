"""Who runs next: literal lists, and properties for any requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortembed.server.waiting_line import Ticket, WaitingLine

REQUESTS = st.lists(
    st.tuples(st.sampled_from("ab"), st.lists(st.integers(1, 40), min_size=1, max_size=30)), max_size=12
)


def line_of(budget, *requests):
    line = WaitingLine(budget)
    tickets = [Ticket(kind, lengths) for kind, lengths in requests]
    for ticket in tickets:
        line.join(ticket)
    return line, tickets


def taken(line, tickets):
    """The next batch as {number of the request: its texts}."""
    return {tickets.index(ticket): rows for ticket, rows in line.next_batch()}


def test_nobody_waits():
    line, _ = line_of(10)
    assert line.next_batch() == []
    assert (len(line), line.tokens) == (0, 0)


def test_one_request_gets_all_of_the_batch_longest_texts_first():
    line, tickets = line_of(10, ("a", [2, 6, 3, 1]))
    assert line.tokens == 12
    assert taken(line, tickets) == {0: [1, 2]}  # 6 + 3; the next one, 2, does not fit
    assert line.tokens == 3
    assert taken(line, tickets) == {0: [0, 3]}
    assert (len(line), line.tokens) == (0, 0)


def test_small_requests_are_joined():
    line, tickets = line_of(10, ("a", [3]), ("a", [2]), ("a", [4]), ("a", [2]))
    assert taken(line, tickets) == {0: [0], 1: [0], 2: [0]}
    assert taken(line, tickets) == {3: [0]}


def test_kinds_do_not_mix():
    line, tickets = line_of(10, ("a", [3]), ("b", [2]), ("a", [4]))
    assert taken(line, tickets) == {0: [0], 2: [0]}
    assert taken(line, tickets) == {1: [0]}


def test_a_small_request_does_not_wait_for_large_ones():
    line, tickets = line_of(10, ("a", [2] * 50), ("a", [2] * 50), ("a", [1]))
    assert taken(line, tickets)[2] == [0]


def test_nor_for_a_large_one_of_another_kind():
    line, tickets = line_of(10, ("a", [2] * 50), ("b", [1]))
    batches = [taken(line, tickets) for _ in range(2)]
    assert {1: [0]} in batches


def test_large_requests_are_done_in_their_order():
    line, tickets = line_of(10, *[("a", [1] * 40)] * 4)
    done = []
    while len(line):
        line.next_batch()
        done += [number for number, ticket in enumerate(tickets) if ticket.is_served and number not in done]
    assert done == [0, 1, 2, 3]


def test_the_first_large_request_is_not_slowed_down_by_many():
    line, tickets = line_of(10, *[("a", [1] * 40)] * 8)
    count = 0
    while not tickets[0].is_served:
        line.next_batch()
        count += 1
    assert count <= 2 * 40 / 5  # half of every other batch at least


def test_a_text_of_more_tokens_than_a_batch_runs_alone():
    line, tickets = line_of(10, ("a", [25]), ("a", [1]))
    assert taken(line, tickets) == {0: [0]}
    assert taken(line, tickets) == {1: [0]}


def test_who_leaves_takes_the_rest_along():
    line, tickets = line_of(10, ("a", [6, 6, 6]), ("a", [1]))
    line.next_batch()
    line.leave(tickets[0])
    line.leave(tickets[0])
    assert (len(line), line.tokens) == (0, 0)
    line.leave(tickets[1])  # is served already


@given(REQUESTS, st.integers(1, 100))
def test_every_text_runs_once_within_the_batch(requests, budget):
    line, tickets = line_of(budget, *requests)
    seen = [[] for _ in tickets]
    for _ in range(1 + sum(len(lengths) for _, lengths in requests)):
        left = line.tokens
        batch = line.next_batch()
        tokens = [ticket.lengths[row] for ticket, rows in batch for row in rows]
        assert len({ticket.kind for ticket, _ in batch}) <= 1
        assert sum(tokens) <= budget or len(tokens) == 1
        assert line.tokens == left - sum(tokens)
        for ticket, rows in batch:
            seen[tickets.index(ticket)] += rows
    assert len(line) == line.tokens == 0
    assert [sorted(rows) for rows in seen] == [list(range(len(lengths))) for _, lengths in requests]


@given(REQUESTS.filter(lambda requests: len(requests) > 2), st.integers(50, 100), st.data())
def test_none_waits_for_ever_while_others_come(requests, budget, data):
    line, tickets = line_of(budget, *requests)
    victim = data.draw(st.sampled_from(tickets))
    before = sum(sum(lengths) for _, lengths in requests)
    for _ in range(4 * before):  # each second batch is led by who came first, with at least a text of it
        line.next_batch()
        if victim.is_served:
            return
        line.join(Ticket("b", [budget]))
    pytest.fail("still waiting")
