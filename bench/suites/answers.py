"""Whether an engine's answers are right, before anything is timed: a sample against the other path, text by text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.suites.engines import OURS, ours, pure

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

SAMPLE = 4
FLOAT32_DIFFERENCE = 1e-5  # of any value of unit vectors
INT8_COSINE = 0.97


def check_answers(name: str, texts: Sequence[str], vectors: npt.NDArray[np.float32], threads: int) -> None:
    """Compare some rows with vectors that the other path makes of each text alone.

    Raises:
        AssertionError: They are not the same texts' vectors.
    """
    if vectors.shape != (len(texts), vectors.shape[-1]):
        raise AssertionError(f"{name} gives vectors {vectors.shape} for {len(texts)} texts")
    other = pure("tokenizers", threads) if name in OURS else ours("ortembed", threads)
    for row in range(0, len(texts), -(-len(texts) // SAMPLE)):
        expected = other.encode([texts[row]])[0]
        difference, cosine = float(np.abs(vectors[row] - expected).max()), float(vectors[row] @ expected)
        if OURS.get(name) == "int8":
            if not cosine >= INT8_COSINE:
                raise AssertionError(f"{name}'s vector {row} has cosine {cosine:.4f} to float32's")
        elif not difference <= FLOAT32_DIFFERENCE:
            raise AssertionError(f"{name}'s vector {row} differs from the other path's by {difference:.1e}")
