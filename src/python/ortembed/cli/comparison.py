"""How near two sets of vectors of the same texts are, whatever their lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_NEIGHBOURS = 10
_SMALLEST_NORM = 1e-12  # below it a vector has no direction, and its cosine to any other is 0


@dataclass(frozen=True)
class Comparison:
    """Of vectors scaled to norm 1.

    Attributes:
        cosine: Of each text's two vectors, float64 [n].
        max_difference: The largest of any value.
        neighbours: The mean share of each text's ten nearest others that are the same, from 0 to 1; 1 for one text.
    """

    cosine: npt.NDArray[np.float64]
    max_difference: float
    neighbours: float

    @property
    def worst(self) -> int:
        """The index of the text whose vectors are farthest apart."""
        return int(self.cosine.argmin())


def compare(candidate: Floats, reference: Floats) -> Comparison:
    """Compare [n, dimension] with [n, dimension]."""
    ours, theirs = _unit(candidate), _unit(reference)
    return Comparison(
        cosine=(ours * theirs).sum(axis=1),
        max_difference=float(np.abs(ours - theirs).max()),
        neighbours=_overlap(_nearest(ours), _nearest(theirs)),
    )


def _unit(vectors: Floats) -> npt.NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    unit: npt.NDArray[np.float64] = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), _SMALLEST_NORM)
    return unit


def _nearest(unit: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Give the indices of each row's nearest others: int64 [n, up to 10]."""
    scores = unit @ unit.T
    np.fill_diagonal(scores, -np.inf)
    nearest: npt.NDArray[np.int64] = np.argsort(-scores, axis=1, kind="stable")
    return nearest[:, : min(_NEIGHBOURS, len(unit) - 1)]


def _overlap(ours: npt.NDArray[np.int64], theirs: npt.NDArray[np.int64]) -> float:
    if not ours.size:
        return 1.0
    return float(np.mean([np.isin(row, other).mean() for row, other in zip(ours, theirs, strict=True)]))
