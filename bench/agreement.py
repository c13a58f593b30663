"""Whether an engine's vectors are the model's: compared with the golden ones before anything is timed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.engines.base import FLOAT32_COSINE, FLOAT32_DIFFERENCE
from bench.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

_GOLDEN = Path(__file__).resolve().parents[1] / "tests/data/golden"
_NORM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Agreement:
    """How near vectors are to the reference's."""

    min_cosine: float
    mean_cosine: float
    max_difference: float
    left_out: dict[int, str]  # golden texts that were not compared, by their place, and why


def golden_texts() -> list[str]:
    """Give the texts whose vectors sentence-transformers on torch has computed, one at a time."""
    texts: list[str] = json.loads((_GOLDEN / "texts.json").read_text("utf-8"))["texts"]
    return texts


def check_vectors(
    vectors: npt.NDArray[np.float32], *, min_cosine: float, other_tokens: Mapping[int, str]
) -> Agreement:
    """Compare the vectors of the golden texts, followed by that of the first of them encoded alone.

    Raises:
        EngineError: They are not the model's, to within the floor; one held to float32's is held to its
            differences too.
    """
    golden = np.load(_GOLDEN / "vectors.npz")["normalized"].astype(np.float64)
    reference = np.concatenate([golden, golden[:1]])
    if vectors.shape != reference.shape:
        raise EngineError(f"wrong vectors: an array of {list(vectors.shape)} instead of {list(reference.shape)}")
    exact = vectors.astype(np.float64)
    norms = np.linalg.norm(exact, axis=1)
    if not np.all(np.abs(norms - 1) < _NORM_TOLERANCE):  # not finite ones fail here too
        raise EngineError(f"wrong vectors: norms from {norms.min():.4f} to {norms.max():.4f} instead of 1")
    compared = np.setdiff1d(np.arange(len(reference)), list(other_tokens))
    cosines = ((exact * reference).sum(axis=1) / norms)[compared]
    difference = float(np.abs(exact - reference)[compared].max())
    agreement = Agreement(float(cosines.min()), float(cosines.mean()), difference, dict(other_tokens))
    exact_needed = min_cosine >= FLOAT32_COSINE
    if agreement.min_cosine < min_cosine or (exact_needed and difference > FLOAT32_DIFFERENCE):
        floor = f" and no difference above {FLOAT32_DIFFERENCE:.0e}" if exact_needed else ""
        worst = compared[cosines.argmin()]
        raise EngineError(
            f"wrong vectors: cosine {agreement.min_cosine:.5f} to the reference for golden text {worst}, "
            f"largest difference {difference:.1e}; needed are a cosine of {min_cosine}{floor}"
        )
    return agreement
