"""Writes vectors with the codes that sentence-transformers' quantize_embeddings gives for them.

Usage: quantized.py FILE. FILE gets float32 [n, d] for `vectors`, `wide` (values outside of the ranges) and
`calibration`, [2, d] for `ranges`, and codes as HOW/PRECISION, where HOW says which of them were given.
"""

from __future__ import annotations

import sys

import numpy as np
from sentence_transformers.util import quantize_embeddings

PRECISIONS = ("float32", "int8", "uint8", "binary", "ubinary")


def main() -> None:
    """Write the file."""
    rng = np.random.default_rng(20)
    vectors, calibration = (rng.standard_normal((150, 30)).astype(np.float32) for _ in range(2))
    for values in (vectors, calibration):
        values[:, 3] = 0.25  # a dimension of one value
        values[:, 4] *= 1e-30
        values[:, 5] *= 1e30
    vectors[::7, 6] = 0
    vectors[::5, 7] = -0.0
    wide = vectors * np.float32(3)
    ranges = np.vstack((calibration.min(axis=0), calibration.max(axis=0)))
    arrays = {"vectors": vectors, "wide": wide, "calibration": calibration, "ranges": ranges}
    for name in PRECISIONS:
        arrays |= {
            f"own/{name}": quantize_embeddings(vectors, name),
            f"ranges/{name}": quantize_embeddings(wide, name, ranges=ranges),
            f"calibration/{name}": quantize_embeddings(vectors, name, calibration_embeddings=calibration),
            f"one/{name}": quantize_embeddings(vectors[0], name, ranges=ranges),
            f"none/{name}": quantize_embeddings(vectors[:0], name),
        }
    np.savez(sys.argv[1], **arrays)


if __name__ == "__main__":
    main()
