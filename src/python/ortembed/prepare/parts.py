"""How an architecture describes its embeddings and attention: plain values, which a form makes operators of."""

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
        query, key, value: Projections from the hidden states.
        heads: Query heads.
        key_value_heads: Heads of keys and values, each shared by heads / key_value_heads query heads; fewer than
            heads only in causal attention.
        head_width: Width of one head.
        bias: Name of a value [1 or batch, 1 or heads, sequence, sequence] added to the scores, None for none.
        reach: How many tokens to each side of itself a token sees, None for all.
        rotary: Rotary positions of queries and keys, None for none.
        head_norm: RMSNorm of each query head and key head before rotation: their scales [head_width] and epsilon.
        causal: A token sees only itself and those before it.
    """

    query: Projection
    key: Projection
    value: Projection
    heads: int
    key_value_heads: int
    head_width: int
    bias: str | None = None
    reach: int | None = None
    rotary: Rotary | None = None
    head_norm: tuple[Floats, Floats, float] | None = None
    causal: bool = False
