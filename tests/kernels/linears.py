"""Linears for the kernels' tests: random weights, the packed form, and what it has to give in float64."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from _ortembed_testing import Linear, layouts, quantize_rows

from tests.kernels.numbers import TINY, U, flush, from_bfloat16, round_to_bfloat16, to_bfloat16


def levels(isa):
    """The largest code. Without VNNI pairs of products are added in 16 bits, which 8 by 8 bits would overflow."""
    return 128 if isa in {"avx2", "avx512"} else 255


@cache
def code_dtype(isa):
    """Unsigned or signed integers, as the codes of a row from 0 to 255 show."""
    size = layouts(isa)["int8"]["row_value_bytes"]
    rows, _ = quantize_rows(isa, np.arange(256, dtype=np.float32)[None])
    first, last = rows.view(f"i{size}")[0, [0, 255]]
    return np.dtype(f"i{size}" if first < last else f"u{size}")


def codes_of(isa, rows, columns):
    """The codes in rows of bytes, as integers."""
    return np.ascontiguousarray(rows).view(code_dtype(isa))[:, :columns].astype(np.int64)


@dataclass
class Weights:
    """A dense layer as a model's file has it; `scale` is None for bfloat16."""

    weight: np.ndarray  # int8 codes, or the bits of bfloat16
    scale: np.ndarray | None
    bias: np.ndarray | None
    input_scale: np.ndarray | None
    float_channels: np.ndarray | None = None
    float_weight: np.ndarray | None = None

    def packed(self, isa):
        return Linear(
            isa, self.weight, self.scale, self.bias, self.input_scale, self.float_channels, self.float_weight
        )

    def matrix(self):
        """In float64, without the input's scale and the float channels."""
        if self.scale is None:
            return from_bfloat16(self.weight).astype(np.float64)
        return self.weight.astype(np.float64) * self.scale

    def float_part(self, x):
        """What the float channels add, and how large its terms are together."""
        if self.float_channels is None:
            return 0, 0
        values, weight = x[:, self.float_channels].astype(np.float64), self.float_weight.astype(np.float64)
        return values @ weight, np.abs(values) @ np.abs(weight)

    def keep_as_floats(self, rng, count):
        """Take so many inputs, whichever, out of the codes and into the float channels."""
        inputs, outputs = self.weight.shape
        self.float_channels = rng.permutation(inputs)[:count].astype(np.int64)
        self.float_weight = rng.standard_normal((len(self.float_channels), outputs)).astype(np.float32)
        if self.input_scale is None:
            self.input_scale = np.ones(inputs, np.float32)
        self.input_scale[self.float_channels] = 0
        self.weight[self.float_channels] = 0


def int8_weights(rng, inputs, outputs, *, bias=True, input_scale=False, saturated=False):
    codes = rng.choice([-128, 127], (inputs, outputs)) if saturated else rng.integers(-127, 128, (inputs, outputs))
    return Weights(
        codes.astype(np.int8),
        np.exp(rng.normal(-5, 1, outputs)).astype(np.float32),
        rng.standard_normal(outputs).astype(np.float32) if bias else None,
        np.exp(rng.normal(0, 1, inputs)).astype(np.float32) if input_scale else None,
    )


def bfloat16_weights(rng, inputs, outputs, *, bias=True):
    weight = rng.standard_normal((inputs, outputs)) / np.sqrt(inputs)
    bias = rng.standard_normal(outputs).astype(np.float32) if bias else None
    return Weights(to_bfloat16(weight), None, bias, None)


def multiply(linear, x, activation="none", *, for_attention=False, gap=0, panels=None):
    """The whole linear, in one call of the kernel unless `panels` divides it; float32 [count, outputs + gap]."""
    x = np.ascontiguousarray(x, np.float32)
    output = linear.multiply(x, activation, for_attention, gap, panels or [(0, linear.panels)])
    return output.view(np.float32)


def int8_result(isa, weights, x):
    """What an int8 linear has to give for the codes that the rows have, and how far it may be from that."""
    rows, scales = quantize_rows(isa, x, weights.input_scale)
    codes = codes_of(isa, rows, x.shape[1])
    total = codes @ weights.weight.astype(np.int64)
    assert np.abs(total).max(initial=0) < 2**31
    scale, offset = scales[:, :1].astype(np.float64), scales[:, 1:].astype(np.float64)
    product = total * scale * weights.scale
    shift = offset * weights.weight.astype(np.int64).sum(0) * weights.scale
    bias = 0 if weights.bias is None else weights.bias.astype(np.float64)
    added, added_magnitude = weights.float_part(x)
    channels = 0 if weights.float_channels is None else len(weights.float_channels)
    # The sum is exact. Its conversion, two scales and two additions are rounded, and the addition of each float
    # channel; no term more often. And products of a scale may be too small to be normal.
    magnitude = np.abs(product) + np.abs(shift) + np.abs(bias) + added_magnitude
    bound = (6 + channels) * U * magnitude + (np.abs(total) + 4 + channels) * TINY
    return product + shift + bias + added, bound


def rounded_rows(isa, x):
    """What a bfloat16 linear makes of rows: bfloat16, or float32 where the products take that."""
    is_short = layouts(isa)["bfloat16"]["row_value_bytes"] == 2
    return round_to_bfloat16(x) if is_short else np.asarray(x, np.float32)


def bfloat16_result(isa, weights, x):
    """The same of a bfloat16 linear."""
    rounded, matrix = rounded_rows(isa, x).astype(np.float64), weights.matrix()
    bias = 0 if weights.bias is None else weights.bias.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        magnitude = np.abs(rounded) @ np.abs(matrix) + np.abs(bias)
        # Products may be rounded, their sums are, in whatever order, and with the bias.
        bound = (x.shape[1] + 2) * U * magnitude
        # What is too small to be normal may be taken for zero: in x, in the weights, in products and sums.
        small = np.abs(rounded - flush(rounded)) @ np.abs(matrix) + np.abs(rounded) @ np.abs(matrix - flush(matrix))
        return rounded @ matrix + bias, bound + small + 2 * (x.shape[1] + 1) * TINY
