"""ortembed in int8, from a wheel of this tree."""

from __future__ import annotations

from bench.engines import ours_float32
from bench.engines.base import REDUCED_COSINE


class Competitor(ours_float32.Competitor):
    """The same with ``dtype="int8"``."""

    name = "ours-int8"
    label = "ortembed, int8"
    dtype = "int8"
    min_cosine = REDUCED_COSINE
