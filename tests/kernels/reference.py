"""The kernels' mathematics in float64, plainly written down: activations, norms, attention, a whole layer."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tests.kernels.numbers import round_to_bfloat16

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def _sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


def gelu(x):
    # erfc keeps the digits far to the left, where 1 + erf has none.
    return 0.5 * x * _erfc(-x / math.sqrt(2))


def gelu_tanh(x):
    # 0.5 * (1 + tanh(u)) is the sigmoid of 2u, which keeps its digits far to the left.
    return x * _sigmoid(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))


def relu(x):
    return np.maximum(x, 0)


def silu(x):
    return x * _sigmoid(x)


ACTIVATIONS = {"none": lambda x: x, "gelu": gelu, "gelu_tanh": gelu_tanh, "relu": relu, "silu": silu}


def layer_norm(x, norm, epsilon):
    """`norm` is (weight, bias or None), or None for no norm."""
    if norm is None:
        return x
    weight, bias = norm
    centered = x - x.mean(-1, keepdims=True)
    normed = centered / np.sqrt((centered**2).mean(-1, keepdims=True) + epsilon) * weight
    return normed if bias is None else normed + bias


def rotate(x, cosines, sines):
    """Rotary positions of one head, [tokens, head_width]: the halves are the pairs."""
    half = x.shape[1] // 2
    first, second = x[:, :half], x[:, half:]
    cosines, sines = cosines[: len(x)].astype(np.float64), sines[: len(x)].astype(np.float64)
    return np.concatenate([first * cosines - second * sines, second * cosines + first * sines], axis=1)


def distances(tokens):
    """Key minus query, [query, key]."""
    places = np.arange(tokens)
    return places[None, :] - places[:, None]


def attention_scores(query, key, scale, reach=-1, relative_bias=None):
    """Scores of one head [query, key], -inf where a query does not see a key."""
    apart = distances(len(query))
    with np.errstate(over="ignore", invalid="ignore"):
        scores = query @ key.T * scale
    if relative_bias is not None:
        scores = scores + relative_bias.astype(np.float64)[apart + len(relative_bias) // 2]
    return scores if reach < 0 else np.where(np.abs(apart) <= reach, scores, -np.inf)


def softmax(scores):
    with np.errstate(invalid="ignore", under="ignore"):
        powers = np.exp(scores - scores.max(-1, keepdims=True))
        return powers / powers.sum(-1, keepdims=True)


@dataclass
class LayerReference:
    """One layer, its linears given as functions from rows to rows."""

    linears: list
    heads: int
    head_width: int
    activation: str = "gelu"
    is_gated: bool = False
    norms_first: bool = False
    reach: int = -1
    epsilon: float = 1e-12
    attention_norm: tuple | None = None
    output_norm: tuple | None = None
    relative_bias: np.ndarray | None = None
    rotary: tuple | None = None
    attention_is_bfloat16: bool = False
    starts: list = field(default_factory=list)

    def run(self, hidden, offsets):
        hidden = np.asarray(hidden, np.float64)
        self.starts = list(offsets)
        if self.norms_first:
            hidden = hidden + self.attention(self.norm(hidden, self.attention_norm))
            return hidden + self.feed_forward(self.norm(hidden, self.output_norm))
        hidden = self.norm(hidden + self.attention(hidden), self.attention_norm)
        return self.norm(hidden + self.feed_forward(hidden), self.output_norm)

    def norm(self, hidden, norm):
        return layer_norm(hidden, norm, self.epsilon)

    def feed_forward(self, hidden):
        inner = self.linears[2](hidden)
        if self.is_gated:
            columns = inner.shape[1] // 2
            return self.linears[3](ACTIVATIONS[self.activation](inner[:, :columns]) * inner[:, columns:])
        return self.linears[3](ACTIVATIONS[self.activation](inner))

    def attention(self, hidden):
        projected = self.linears[0](hidden)
        if self.attention_is_bfloat16:
            projected = round_to_bfloat16(projected).astype(np.float64)
        mixed = np.zeros((len(hidden), self.heads * self.head_width))
        for start, end in pairwise(self.starts):
            for head in range(self.heads):
                query, key, value = (self.part(projected[start:end], part, head) for part in range(3))
                mixed[start:end, head * self.head_width : (head + 1) * self.head_width] = self.one_head(
                    head, query, key, value
                )
        return self.linears[1](mixed)

    def part(self, projected, part, head):
        first = (part * self.heads + head) * self.head_width
        return projected[:, first : first + self.head_width]

    def one_head(self, head, query, key, value):
        if not len(query):
            return value
        if self.rotary is not None:
            query, key = rotate(query, *self.rotary), rotate(key, *self.rotary)
        bias = None if self.relative_bias is None else self.relative_bias[head]
        return softmax(attention_scores(query, key, self.head_width**-0.5, self.reach, bias)) @ value
