"""The weights of the packed form as a graph holds them: rounded to fewer bits, and who decides how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ortembed.prepare.parts import Dense

    Floats = npt.NDArray[np.float32]
    # int8 codes, or the bits of bfloat16, which numpy does not have
    Codes = npt.NDArray[np.int8] | npt.NDArray[np.uint16]


@dataclass(frozen=True)
class RoundedLinear:
    """A dense layer.

    Attributes:
        weight: [inputs, outputs].
        bias: float32 [outputs], None for none.
        scale: What a code of each column is worth, float32 [outputs]; None for bfloat16.
        input_scale: What each channel of the input is multiplied by before it is rounded, float32 [inputs]; it is
            divided out of the weight already. None for nothing.
        float_channels: Channels of the input, int64 [channels], that are multiplied in float as they come; their
            input_scale and their rows of the weight are 0. None for none.
        float_weight: Their rows, float32 [channels, outputs].
    """

    weight: Codes
    bias: Floats | None
    scale: Floats | None = None
    input_scale: Floats | None = None
    float_channels: npt.NDArray[np.int64] | None = None
    float_weight: Floats | None = None


@dataclass(frozen=True)
class RoundedTable:
    """An embedding table: rows [vocabulary, width], and what a code of each row is worth, None for bfloat16."""

    rows: Codes
    scale: Floats | None = None


class Linears(NamedTuple):
    """The dense layers of one layer of an encoder, float; as the operator takes them.

    Attributes:
        query_key_value: All queries, then keys, then values, side by side.
        attention_output: After attention.
        inner: Where it is gated, what is activated and then what is not, side by side.
        outer: The feed-forward's last.
    """

    query_key_value: Dense
    attention_output: Dense
    inner: Dense
    outer: Dense


class Rounding(Protocol):
    """A way to round a model's weights."""

    def table(self, table: Floats) -> RoundedTable:
        """Round an embedding table [vocabulary, width]."""
        ...

    def linears(self, linears: Linears) -> tuple[RoundedLinear, ...]:
        """Round the dense layers of one layer; as many, in the same order."""
        ...
