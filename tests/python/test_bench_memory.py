"""The texts and the verdict of the memory curve; the curve itself is measured by the benchmark."""

from __future__ import annotations

import gc
import mmap
import os

import numpy as np
import pytest
from bench.memory import LONGEST_LIST, LONGEST_WORDS, MemoryCurve, Point, calls, describe, growth, resident_bytes


def test_calls_have_all_the_texts_in_lists_and_lengths_of_every_size():
    lists = list(calls(5000))
    assert sum(map(len, lists)) == 5000
    words = [len(text.split()) for part in lists for text in part]
    assert (min(words), min(map(len, lists))) == (1, 1)
    assert LONGEST_WORDS / 2 < max(words) <= LONGEST_WORDS
    assert LONGEST_LIST / 2 < max(map(len, lists)) <= LONGEST_LIST
    assert list(calls(5000)) == lists


def test_growth_is_counted_from_a_thousand_texts_on():
    points = [Point(500, 10), Point(1000, 100), Point(2000, 400), Point(4000, 108)]
    assert growth(points) == pytest.approx(0.08)
    assert "within" in describe(MemoryCurve("int8", points, 0.08, 400))
    assert "beyond" in describe(MemoryCurve("int8", points, 0.11, 400))


@pytest.mark.skipif(os.name == "nt", reason="neither /proc nor ps")
def test_resident_memory_counts_what_is_written():
    gc.collect()  # what goes while the array comes would be missing
    before = resident_bytes()
    array = np.frombuffer(mmap.mmap(-1, 50_000_000), np.uint8)  # malloc may have as much left of what was freed
    array[:] = 1
    assert 40e6 < resident_bytes() - before < 80e6
    del array
