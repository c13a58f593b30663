"""How near vectors are to reference ones, against the definitions written out."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ortembed.errors import InvalidInputError, ModelLoadError
from ortembed.quality import Floor, QualityReport, measure

REPORT = QualityReport(0.98, 0.99, 0.1, 0.9, 0.0, 5, 3)


class Table:
    """Looks vectors up by text; those of texts that are encoded together may differ from those alone."""

    def __init__(self, vectors, alone=None):
        self.vectors = np.asarray(vectors, np.float32)
        self.alone = self.vectors if alone is None else np.asarray(alone, np.float32)

    def encode(self, texts):
        rows = [int(text) for text in texts]
        return self.vectors[rows] if len(rows) > 1 else self.alone[rows]


def texts(vectors):
    return [str(i) for i in range(len(vectors))]


def nearest(vectors, index, count=10):
    others = [other for other in range(len(vectors)) if other != index]
    cosine = {o: vectors[o] @ vectors[index] / np.linalg.norm(vectors[o]) for o in others}
    return set(sorted(others, key=cosine.get, reverse=True)[:count])


@given(count=st.integers(2, 40), seed=st.integers(0, 1000))
def test_figures_are_as_defined(count, seed):
    random = np.random.default_rng(seed)
    ours, theirs = random.standard_normal((2, count, 5)).astype(np.float32)
    report = measure(theirs, Table(ours), texts(ours))
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (ours, theirs)]
    cosines = (unit[0] * unit[1]).sum(axis=1)
    neighbours = min(10, count - 1)
    shares = [len(nearest(ours, i) & nearest(theirs, i)) / neighbours for i in range(count)]
    assert report.cosine_min == pytest.approx(cosines.min(), abs=1e-6)
    assert report.cosine_mean == pytest.approx(cosines.mean(), abs=1e-6)
    assert report.max_difference == pytest.approx(np.abs(unit[0] - unit[1]).max(), abs=1e-6)
    assert report.neighbour_overlap == pytest.approx(np.mean(shares))
    assert report.batch_effect == pytest.approx(0, abs=1e-12)
    assert (report.texts, report.worst_text) == (count, cosines.argmin())


def test_length_does_not_count_and_nothing_has_no_direction():
    vectors = np.array([[3, 4], [0, 0], [1, 0]], np.float32)
    report = measure(vectors, Table(vectors * 7), texts(vectors))
    assert (report.cosine_min, report.worst_text, report.max_difference) == (0, 1, pytest.approx(0, abs=1e-7))
    assert measure(vectors[:1], Table(vectors), ["0"]).neighbour_overlap == 1


def test_what_a_text_loses_to_its_batch_mates_is_told():
    vectors = np.array([[1, 0], [0, 1]], np.float32)
    tilted = np.array([[1, 0], [0.6, 0.8]], np.float32)
    report = measure(vectors, Table(vectors, alone=tilted), texts(vectors))
    assert report.batch_effect == pytest.approx(0.2, abs=1e-6)
    assert (report.cosine_min, report.worst_text) == (pytest.approx(0.8), 1)


def test_another_dimension_is_named():
    with pytest.raises(InvalidInputError, match=r"the vectors are \[2, 3\], those to compare with \[2, 2\]"):
        measure(np.ones((2, 2), np.float32), Table(np.ones((2, 3))), ["0", "1"])


@pytest.mark.parametrize(
    ("floor", "reached"),
    [((0.98, 0.99), True), ((0.981, 0.99), False), ((0.98, 0.991), False), ((-1, -1), True)],
)
def test_a_floor_holds_for_both_cosines(floor, reached):
    assert REPORT.reaches(Floor(*floor)) is reached


def test_a_cosine_that_is_no_number_reaches_no_floor():
    nan = QualityReport(math.nan, math.nan, 0, 0, 0, 1, 0)
    assert not nan.reaches(Floor(-1, -1))
    assert "cosine nan at least" in nan.shortfall(Floor(-1, -1))


def test_a_report_is_read_as_written():
    assert QualityReport.from_json(REPORT.to_json()) == REPORT


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", json.dumps({"texts": 1}), REPORT.to_json().replace("0.98", '"x"'), "{" * 5000],
)
def test_what_is_no_report_is_told(text):
    with pytest.raises(ModelLoadError, match="not a quality report"):
        QualityReport.from_json(text)
