"""The same bits come out of a layer for a text, whatever its neighbours, its place and the number of threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kernels.layers import FAMILIES, Example, offsets_of
from tests.kernels.numbers import EACH_ISA, EXAMPLES, RNGS, same_bytes

LENGTHS = st.lists(st.one_of(st.integers(0, 40), st.sampled_from([1, 16, 64, 100])), min_size=1, max_size=8)
WORKERS = st.sampled_from([{"threads": 2}, {"threads": 3}, {"late": 1}, {"threads": 2, "late": 2}, {"absent": 2}])
KINDS = st.tuples(st.sampled_from(list(FAMILIES)), st.sampled_from(["int8", "bfloat16"]))


def split(rows, lengths):
    return np.split(rows, np.cumsum(lengths)[:-1])


@EACH_ISA
@EXAMPLES
@given(RNGS, KINDS, LENGTHS, WORKERS)
def test_of_any_number_of_threads(isa, rng, kind, lengths, workers):
    example = Example(isa, *kind)
    offsets = offsets_of(lengths)
    hidden = example.hidden(rng, offsets[-1])
    expected = example.layer.run(hidden, offsets)
    for _ in range(3):
        assert same_bytes(example.layer.run(hidden, offsets, **workers), expected)


@EACH_ISA
@EXAMPLES
@given(RNGS, KINDS, LENGTHS, WORKERS)
def test_alone_in_any_order_and_with_any_neighbours(isa, rng, kind, lengths, workers):
    example = Example(isa, *kind)
    texts = [example.hidden(rng, length) for length in lengths]
    alone = [example.layer.run(text, offsets_of([len(text)])) for text in texts]
    neighbours = [example.hidden(rng, length) for length in rng.integers(0, 30, 4)]
    mixed = texts + neighbours
    order = rng.permutation(len(mixed))
    shuffled = [mixed[index] for index in order]
    sizes = [len(text) for text in shuffled]
    output = split(example.layer.run(np.concatenate(shuffled), offsets_of(sizes), **workers), sizes)
    for place, index in enumerate(order):
        if index < len(texts):
            assert same_bytes(output[place], alone[index])


@EACH_ISA
@pytest.mark.parametrize("type_", ["int8", "bfloat16"])
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("tokens", [1, 2, 3, 5, 7, 11, 12, 13, 23, 47, 96, 97])
def test_alone_and_as_the_last_of_many(isa, family, type_, tokens):
    example = Example(isa, family, type_)
    rng = np.random.default_rng(tokens)
    text, before = example.hidden(rng, tokens), example.hidden(rng, 37)
    together = example.layer.run(np.concatenate([before, text]), offsets_of([37, tokens]), threads=2)
    assert same_bytes(np.ascontiguousarray(together[37:]), example.layer.run(text, offsets_of([tokens])))


@EACH_ISA
def test_runs_at_the_same_time_keep_apart(isa):
    example = Example(isa, "bert", "int8")
    texts = [example.hidden(np.random.default_rng(seed), 20 + seed) for seed in range(8)]
    expected = [example.layer.run(text, offsets_of([len(text)])) for text in texts]
    with ThreadPoolExecutor(4) as pool:
        outputs = list(pool.map(lambda text: example.layer.run(text, offsets_of([len(text)]), threads=2), texts * 5))
    assert all(same_bytes(output, expected[index % 8]) for index, output in enumerate(outputs))
