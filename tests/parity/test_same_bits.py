"""Vectors of the packed form: the same bits alone, among others, in any order, on one thread and on two."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ortembed
from ortembed import _native

WORDS = ["a", "of", "vectors", "tokens", "search", "engine", "🙂", "Ünïcode", "naïve", "x86", "123", "[SEP]", "don't"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=90).map(" ".join)
PACKED = ("int8", "bfloat16")


@pytest.fixture(scope="module", params=PACKED)
def pair(request, cache_dir):
    """The same model on one thread and on two."""
    return [
        ortembed.Embedder(
            cache_dir=cache_dir, local_files_only=True, dtype=request.param, form="packed", threads=count
        )
        for count in (1, 2)
    ]


@settings(max_examples=30)
@given(texts=st.lists(TEXTS, min_size=1, max_size=24), order=st.randoms(use_true_random=False))
def test_a_text_has_the_same_bits_wherever_it_runs(pair, texts, order):
    alone = {text: pair[0].encode(text).tobytes() for text in texts}
    shuffled = order.sample(texts, len(texts))
    for embedder in pair:
        assert {text: embedder.encode(text).tobytes() for text in texts} == alone
        for batch in (texts, shuffled):
            rows = embedder.encode(batch)
            assert [row.tobytes() for row in rows] == [alone[text] for text in batch]


@cache
def many_texts():
    random = np.random.default_rng(5)
    return [" ".join(random.choice(WORDS, random.integers(0, 150))) for _ in range(120)]


def test_a_corpus_has_the_same_bits_in_any_order(pair):
    texts = many_texts()
    expected = pair[0].encode(texts)
    turned = pair[1].encode(texts[::-1])[::-1]
    assert expected.tobytes() == turned.tobytes()
    assert np.isfinite(expected).all()


PROGRAM = """
import numpy as np, sys
import ortembed
texts = sys.stdin.read().split("\\n")
for dtype in ("int8", "bfloat16"):
    one, two = (ortembed.Embedder(cache_dir=sys.argv[1], local_files_only=True, dtype=dtype, form="packed",
                threads=count) for count in (1, 2))
    rows = one.encode(texts)
    assert rows.tobytes() == two.encode(texts[::-1])[::-1].tobytes(), dtype
    assert all(row.tobytes() == two.encode(text).tobytes() for row, text in zip(rows[:20], texts)), dtype
    reference = np.load(sys.argv[2])
    print(dtype, (rows * reference).sum(1).min())
"""


@pytest.mark.parametrize("isa", _native.available_isas())
def test_each_instruction_set_keeps_its_bits(isa, cache_dir, embedder, pair, tmp_path):
    texts = many_texts()[:60] if isa != "plain" else many_texts()[:12]
    np.save(tmp_path / "reference.npy", embedder.encode(texts))
    command = [sys.executable, "-c", PROGRAM, str(cache_dir), str(tmp_path / "reference.npy")]
    done = subprocess.run(
        command,
        input="\n".join(texts),
        env={**os.environ, "ORTEMBED_ISA": isa},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    least = dict(line.split() for line in done.stdout.splitlines())
    assert float(least["int8"]) > 0.99
    assert float(least["bfloat16"]) > 0.9998
