"""ortembed in int8 on the runtime's operators, from a wheel of this tree: what its own ones are measured against."""

from __future__ import annotations

from typing import ClassVar

from bench.engines import ours_int8


class Competitor(ours_int8.Competitor):
    """The same over padded batches."""

    name = "ours-int8-runtime"
    label = "ortembed, int8 on the runtime's operators"
    settings = f'{ours_int8.Competitor.settings}; form="cpu"'
    form: ClassVar[str | None] = "cpu"
