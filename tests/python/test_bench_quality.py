"""The comparison of vectors with float32's, with encoders whose faults are known."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from bench.quality import quality, reasons, table

TEXTS = [f"text {i}" for i in range(30)]


class Encoder:
    """Has a random vector for each text, moved by a share of another where it is among others."""

    def __init__(self, dtype="int8", form="packed", noise=0.0, neighbours=0.0):
        self.info = SimpleNamespace(dtype=dtype, form=form, form_reason=f"{form}: so it is")
        self.noise, self.neighbours = noise, neighbours

    def model_info(self):
        return self.info

    def encode(self, texts):
        if isinstance(texts, str):
            return self.encode([texts])[0]
        found = np.stack([np.random.default_rng(TEXTS.index(text)).normal(size=64) for text in texts])
        found += self.noise * np.random.default_rng(99).normal(size=64)
        found[1:] += self.neighbours * found[:-1]
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


REFERENCE = Encoder().encode(TEXTS)


def found_of(**faults):
    return quality(Encoder(**faults), "texts", TEXTS, REFERENCE)


def test_equal_vectors_are_perfect():
    found = found_of()
    assert (found.cosine_mean, found.cosine_min) == pytest.approx((1, 1))
    assert (found.neighbour_overlap, found.identical, found.goal_met) == (1, 30, True)
    assert found.spread < 1e-12


def test_noise_lowers_cosines_and_not_what_is_told_of_neighbours():
    found = found_of(noise=0.1)
    expected = (REFERENCE * Encoder(noise=0.1).encode(TEXTS)).sum(axis=1)
    assert found.cosine_mean == pytest.approx(expected.mean(), abs=1e-6)
    assert found.cosine_min == pytest.approx(expected.min(), abs=1e-6)
    assert found.neighbour_overlap < 1
    assert (found.identical, found.goal_met) == (30, False)


def test_vectors_that_depend_on_their_neighbours_are_seen():
    found = found_of(neighbours=1e-4)
    assert 1e-10 < found.spread < 1e-6
    assert found.identical == 1  # the first has none before it
    assert found.cosine_mean > 0.9999
    assert found.goal_met is False


def test_only_our_own_operators_have_goals():
    assert found_of(form="cpu", noise=1.0).goal_met is None
    assert found_of(dtype="float32", form="cpu").goal_met is None
    assert found_of(dtype="bfloat16", noise=0.01).goal_met is True
    assert found_of(dtype="bfloat16", noise=0.1).goal_met is False


def test_the_table_has_a_row_a_model_and_list_of_texts():
    rows = [found_of(), found_of(form="cpu", neighbours=0.1)]
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in table(rows).splitlines()]
    assert lines[2] == ["int8, packed", "30 texts", "1.00000", "1.00000", "1.000", "0", "30 of 30", "met"]
    assert lines[3][0] == "int8, cpu"
    assert lines[3][5].startswith("at most ")
    assert lines[3][6:] == ["1 of 30", ""]
    assert reasons(rows) == "- int8, packed: packed: so it is\n- int8, cpu: cpu: so it is"
