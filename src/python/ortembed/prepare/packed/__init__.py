"""How the weights of the packed form are made small: bfloat16, and int8."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortembed.prepare.packed.bfloat16 import Bfloat16Rounding
from ortembed.prepare.packed.int8 import Int8Rounding

if TYPE_CHECKING:
    from ortembed.prepare.rounded import Rounding


def choose_rounding(dtype: str) -> Rounding:
    """Give the rounding of a dtype."""
    return Bfloat16Rounding() if dtype == "bfloat16" else Int8Rounding()
