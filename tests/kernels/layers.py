"""Layers of each family's shape for the kernels' tests, with random weights, and their references."""

import numpy as np
from _ortembed_testing import Layer, layouts, quantize_rows

from tests.kernels.linears import bfloat16_weights, codes_of, int8_weights, rounded_rows
from tests.kernels.numbers import make
from tests.kernels.reference import LayerReference

# What sets the families apart. `norms` tells which of the two norms there are, and whether they have biases.
FAMILIES = {
    "bert": {"heads": 3, "head_width": 32, "activation": "gelu", "norms": "biased"},
    "mpnet": {"heads": 2, "head_width": 20, "activation": "gelu", "norms": "biased", "relative_bias": True},
    "modernbert": {
        "heads": 2,
        "head_width": 64,
        "activation": "gelu",
        "is_gated": True,
        "norms_first": True,
        "rotary": True,
        "reach": 5,
        "norms": "plain",
    },
    "modernbert_first": {
        "heads": 1,
        "head_width": 80,
        "activation": "gelu_tanh",
        "is_gated": True,
        "norms_first": True,
        "rotary": True,
        "norms": "second",
    },
    "nomic": {
        "heads": 4,
        "head_width": 16,
        "activation": "silu",
        "is_gated": True,
        "rotary": True,
        "norms": "biased",
    },
    "relu": {"heads": 1, "head_width": 128, "activation": "relu", "norms": "none"},
}
LONGEST = 130


class Example:
    """One layer: native, and in float64 with the same roundings of what its linears take.

    `is_tied`: the last linear is the second one again, whose shape it has to have.
    """

    def __init__(self, isa, family, type_, *, width=None, inner=100, seed=0, is_tied=False):
        rng = np.random.default_rng(seed)
        options = dict(FAMILIES[family])
        self.isa, self.heads, self.head_width = isa, options["heads"], options["head_width"]
        self.mixed = self.heads * self.head_width
        self.width = width or self.mixed
        self._add_tables(rng, options)
        self.weights = self._weights(rng, type_, inner * (2 if options.get("is_gated") else 1), inner)
        options["epsilon"] = 1e-5
        linears = [weights.packed(isa) for weights in self.weights]
        if is_tied:
            self.weights[3], linears[3] = self.weights[1], linears[1]
        self.layer = Layer(linears, self.width, **options)
        self.reference = LayerReference(
            [self._rounded(weights) for weights in self.weights],
            attention_is_bfloat16=layouts(isa)["attention_value_bytes"] == 2,
            **options,
        )

    def _add_tables(self, rng, options):
        norms = options.pop("norms")
        bias = make(rng, (self.width,)) if norms == "biased" else None
        norm = make(rng, (self.width,)) * np.float32(0.2) + 1, bias
        options["attention_norm"] = norm if norms in {"biased", "plain"} else None
        options["output_norm"] = (norm[0][::-1].copy(), bias) if norms != "none" else None
        if options.pop("relative_bias", False):
            options["relative_bias"] = make(rng, (self.heads, 2 * LONGEST - 1))
        if options.pop("rotary", False):
            frequencies = 10000.0 ** (-np.arange(self.head_width // 2) * 2 / self.head_width)
            angles = np.arange(LONGEST)[:, None] * frequencies
            options["rotary"] = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)

    def _weights(self, rng, type_, inner, outer_inputs):
        sizes = [
            (self.width, 3 * self.mixed),
            (self.mixed, self.width),
            (self.width, inner),
            (outer_inputs, self.width),
        ]
        result = []
        for inputs, outputs in sizes:
            if type_ == "int8":
                weights = int8_weights(rng, inputs, outputs, input_scale=bool(rng.integers(2)))
                if rng.integers(2):
                    weights.keep_as_floats(rng, 2)
                    weights.float_weight /= np.float32(np.sqrt(inputs))
                weights.scale = (np.exp(rng.normal(0, 0.3, outputs)) / 73 / np.sqrt(inputs)).astype(np.float32)
            else:
                weights = bfloat16_weights(rng, inputs, outputs)
            result.append(weights)
        return result

    def _rounded(self, weights):
        """The linear in float64, of rows rounded as the kernels round them, which has tests of its own."""
        matrix = weights.matrix()
        bias = 0 if weights.bias is None else weights.bias.astype(np.float64)

        def apply(x):
            if weights.scale is None:
                return rounded_rows(self.isa, x).astype(np.float64) @ matrix + bias
            rows, scales = quantize_rows(self.isa, np.ascontiguousarray(x, np.float32), weights.input_scale)
            codes = codes_of(self.isa, rows, x.shape[1])
            added, _ = weights.float_part(x)
            return (codes * scales[:, :1].astype(np.float64) + scales[:, 1:]) @ matrix + bias + added

        return apply

    def hidden(self, rng, tokens):
        return make(rng, (tokens, self.width))


def offsets_of(lengths):
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
