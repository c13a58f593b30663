"""Exact search by numpy, and how much of it a database finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.corpora.stdlib_docstrings import Docstring

FOUND = 10
TIE = 1e-6  # of cosines that differ in float32's last digits alone


@dataclass(frozen=True)
class Corpus:
    """Docstrings with their vectors, and questions with theirs; ids are the docstrings' places."""

    docstrings: Sequence[Docstring]
    vectors: np.ndarray
    questions: Sequence[str]
    question_vectors: np.ndarray

    @property
    def passages(self) -> list[str]:
        return [docstring.passage for docstring in self.docstrings]

    @property
    def modules(self) -> list[str]:
        return [docstring.module for docstring in self.docstrings]

    @property
    def ids(self) -> list[str]:
        return [str(place) for place in range(len(self.docstrings))]

    @property
    def cosines(self) -> np.ndarray:
        return self.question_vectors @ self.vectors.T

    def every(self, step: int) -> Corpus:
        """Give a smaller corpus, of each so many docstrings one."""
        return Corpus(self.docstrings[::step], self.vectors[::step], self.questions, self.question_vectors)

    def of_module(self, module: str) -> set[str]:
        return {place for place, other in zip(self.ids, self.modules, strict=True) if other == module}

    def recall(self, found: Sequence[Sequence[str]], among: set[str] | None = None) -> float:
        """Give the share of each question's nearest texts that was found; texts as near as the last one count too."""
        allowed = np.array([among is None or place in among for place in self.ids])
        cosines = np.where(allowed, self.cosines, -2)
        wanted = min(FOUND, int(allowed.sum()))
        assert {len(ids) for ids in found} == {wanted}
        assert all(len(set(ids)) == wanted for ids in found)
        least = np.sort(cosines)[:, -wanted] - TIE
        hits = [np.count_nonzero(row[[int(i) for i in ids]] >= low)
                for row, low, ids in zip(cosines, least, found, strict=True)]  # fmt: skip
        return float(np.sum(hits) / (wanted * len(hits)))

    def cosines_of(self, found: Sequence[Sequence[str]]) -> np.ndarray:
        """Give the cosines of what was found for each question."""
        return np.array([row[[int(i) for i in ids]] for row, ids in zip(self.cosines, found, strict=True)])
