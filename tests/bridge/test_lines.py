"""Lines of bytes, whatever pieces they come in."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortembed.bridge.lines import read_lines


def lines_of(pieces, most=10):
    rest = iter([*pieces, b""])
    return list(read_lines(lambda: next(rest), most))


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        ([b"one\ntwo\n"], [b"one", b"two"]),
        ([b"o", b"n", b"e\nt", b"wo"], [b"one", b"two"]),
        ([b"\n\n"], [b"", b""]),
        ([], []),
        ([b"0123456789\n"], [b"0123456789"]),
        ([b"0123456789x\nnext\n"], [None, b"next"]),
        ([b"01234", b"56789", b"x", b"yz\nnext"], [None, b"next"]),
        ([b"0123456789x"], [None]),
        ([b"0123456789", b"\n"], [b"0123456789"]),
    ],
)
def test_lines_are_whole_or_too_long(pieces, lines):
    assert lines_of(pieces) == lines


@given(st.lists(st.text("ab\n", min_size=1).map(str.encode)), st.integers(1, 6))
def test_pieces_do_not_matter(pieces, most):
    text = b"".join(pieces)
    expected = [line if len(line) <= most else None for line in text.split(b"\n")]
    if expected[-1] == b"":
        expected.pop()
    assert lines_of(pieces, most) == expected


def test_a_line_that_is_too_long_is_not_held():
    pieces = iter([b"x" * 1000] * 1000 + [b""])
    tracemalloc.start()
    assert list(read_lines(lambda: next(pieces), 5000)) == [None]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100_000
