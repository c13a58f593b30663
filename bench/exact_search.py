"""Exact search by numpy, and how much of it a database finds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
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
        """The texts that are embedded."""
        return [docstring.passage for docstring in self.docstrings]

    @property
    def modules(self) -> list[str]:
        """The module of each, to filter by."""
        return [docstring.module for docstring in self.docstrings]

    @property
    def ids(self) -> list[str]:
        """Each one's place, as text."""
        return [str(place) for place in range(len(self.docstrings))]

    @cached_property
    def cosines(self) -> np.ndarray:
        """Each question's with each text: float32 [questions, texts]."""
        return self.question_vectors @ self.vectors.T

    def every(self, step: int) -> Corpus:
        """Give a smaller corpus, of each so many docstrings one."""
        return Corpus(self.docstrings[::step], self.vectors[::step], self.questions, self.question_vectors)

    def of_module(self, module: str) -> set[str]:
        """Give the ids of a module's docstrings."""
        return {place for place, other in zip(self.ids, self.modules, strict=True) if other == module}

    def recall(self, found: Sequence[Sequence[str]], among: set[str] | None = None) -> float:
        """Give the share of each question's nearest texts that was found; texts as near as the last one count too.

        Raises:
            ValueError: Some question's texts are too few or too many, or not different.
        """
        allowed = np.array([among is None or place in among for place in self.ids])
        cosines = np.where(allowed, self.cosines, -2)
        wanted = min(FOUND, int(allowed.sum()))
        if any(len(ids) != wanted or len(set(ids)) != wanted for ids in found):
            raise ValueError(f"not {wanted} different texts for each question: {found}")
        least = np.sort(cosines)[:, -wanted] - TIE
        hits = [np.count_nonzero(row[[int(i) for i in ids]] >= low)
                for row, low, ids in zip(cosines, least, found, strict=True)]  # fmt: skip
        return float(np.sum(hits) / (wanted * len(hits)))

    def cosines_of(self, found: Sequence[Sequence[str]]) -> np.ndarray:
        """Give the cosines of what was found for each question."""
        return np.array([row[[int(i) for i in ids]] for row, ids in zip(self.cosines, found, strict=True)])
