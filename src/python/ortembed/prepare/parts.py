"""How an architecture describes its embeddings and layers: plain values, which a form makes operators of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Embeddings:
    """What turns ids into the first hidden states.

    Attributes:
        word: [vocabulary, width].
        position: [positions, width], the token type's embedding added where there is one; None for none.
        norm: Name of the LayerNorm that follows, None for none.
        norm_bias: Whether that LayerNorm has a bias.
        epsilon: Its epsilon.
        padding_id: RoBERTa's rule, None for the plain one: a token that is not this id has as its position the
            count of such tokens up to it, and this id has position 0.
    """

    word: Floats
    position: Floats | None = None
    norm: str | None = None
    norm_bias: bool = True
    epsilon: float = 1e-12
    padding_id: int | None = None


@dataclass(frozen=True)
class Projection:
    """A dense layer's weights as the graph multiplies them: weight [inputs, outputs], bias [outputs] or None."""

    weight: Floats
    bias: Floats | None = None


@dataclass(frozen=True)
class Dense:
    """A dense layer in the graph: its name begins those of its weights and values."""

    name: str
    projection: Projection


@dataclass(frozen=True)
class Norm:
    """LayerNorm (Ba et al. 2016, arXiv:1607.06450) over the last axis.

    Attributes:
        name: Of its weights.
        width: Length of that axis.
        epsilon: Added to the variance.
        bias: Whether it has one.
        is_rms: RMSNorm (Zhang and Sennrich 2019, arXiv:1910.07467) in its place, which has none.
    """

    name: str
    width: int
    epsilon: float
    bias: bool = True
    is_rms: bool = False


@dataclass(frozen=True)
class RelativeBias:
    """What is added to attention scores by the distance between two tokens.

    Attributes:
        name: Begins the names of its values.
        table: [buckets, heads].
        buckets: Row of the table for query i and key j, [positions, positions]; it depends on j - i alone.
    """

    name: str
    table: Floats
    buckets: npt.NDArray[np.int64]

    def by_distance(self) -> Floats:
        """Give the bias by key - query, from 1 - positions to positions - 1: [heads, 2 * positions - 1]."""
        behind, ahead = self.buckets[:0:-1, 0], self.buckets[0]
        return np.ascontiguousarray(self.table[np.concatenate([behind, ahead])].T)


@dataclass(frozen=True)
class Rotary:
    """Rotary position embedding (Su et al. 2021, arXiv:2104.09864), halves rotated as in GPT-NeoX.

    Attributes:
        theta: Base of the frequencies.
        positions: How many positions the tables hold.
    """

    theta: float
    positions: int

    def tables(self, head_width: int) -> tuple[Floats, Floats]:
        """Give cosines and sines, each [positions, head_width / 2]."""
        frequencies = 1.0 / self.theta ** (np.arange(0, head_width, 2, dtype=np.float32) / head_width)
        angles = np.outer(np.arange(self.positions, dtype=np.float32), frequencies.astype(np.float32))
        return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


@dataclass(frozen=True)
class Attention:
    """Self-attention of one layer.

    Attributes:
        name: Begins the names of its values.
        query, key, value: Projections from the hidden states.
        heads: Query heads.
        key_value_heads: Heads of keys and values, each shared by heads / key_value_heads query heads; fewer than
            heads only in causal attention.
        head_width: Width of one head.
        bias: What is added to the scores, None for nothing.
        reach: How many tokens to each side of itself a token sees, None for all.
        rotary: Rotary positions of queries and keys, None for none.
        head_norm: RMSNorm of each query head and key head before rotation: their scales [head_width] and epsilon.
        causal: A token sees only itself and those before it.
    """

    name: str
    query: Projection
    key: Projection
    value: Projection
    heads: int
    key_value_heads: int
    head_width: int
    bias: RelativeBias | None = None
    reach: int | None = None
    rotary: Rotary | None = None
    head_norm: tuple[Floats, Floats, float] | None = None
    causal: bool = False


@dataclass(frozen=True)
class FeedForward:
    """A layer's second half: outer(activation(inner)), gated (Shazeer 2020, arXiv:2002.05202) where there is a plain.

    Attributes:
        name: Begins the names of its values.
        activation: gelu, gelu_tanh, relu or silu.
        inner: The dense layer that is activated.
        outer: The one after it.
        plain: The one that what is activated is multiplied by, None for none.
    """

    name: str
    activation: str
    inner: Dense
    outer: Dense
    plain: Dense | None = None


@dataclass(frozen=True)
class Layer:
    """One layer of an encoder: attention and feed-forward, each with a residual and a norm.

    Attributes:
        attention: Up to the concatenated heads.
        attention_output: The dense layer after it.
        feed_forward: The second half.
        attention_norm: Of the first half, None for none.
        output_norm: Of the second.
        norms_first: Each half norms its input (ModernBERT), instead of its sum with the residual (BERT).
    """

    attention: Attention
    attention_output: Dense
    feed_forward: FeedForward
    attention_norm: Norm | None
    output_norm: Norm
    norms_first: bool = False
