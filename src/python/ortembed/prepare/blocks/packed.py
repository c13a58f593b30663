"""The form of a graph that has ortembed's own operators: texts packed end to end, one operator a layer.

Inputs ids, int64 [tokens], and offsets, int64 [texts + 1]; text i has the tokens offsets[i] to offsets[i + 1]. Hidden
states are float32 [tokens, width].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from ortembed.errors import ModelLoadError
from ortembed.prepare.blocks.base import Blocks
from ortembed.prepare.graph import OWN, QKV
from ortembed.prepare.parts import Dense, Projection
from ortembed.prepare.rounded import Linears

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    from ortembed.prepare.graph import GraphBuilder
    from ortembed.prepare.parts import Attention, Embeddings, Layer, Norm
    from ortembed.prepare.rounded import RoundedLinear, Rounding
    from ortembed.weights import Weights

_EMPTY = ""  # the name of an optional input that is left out
_NO_LIMIT = -1  # reach of a token that sees all others
_PLAIN_POSITIONS = -1  # padding_id where positions count every token


class PackedBlocks(Blocks):
    """Own operators over weights that a Rounding has made small."""

    def __init__(self, graph: GraphBuilder, weights: Weights, rounding: Rounding) -> None:
        """Add to a graph, reading from a model's weights and rounding them."""
        super().__init__(graph, weights)
        self._rounding = rounding

    @property
    def inputs(self) -> dict[str, tuple[int, list[str | int]]]:
        """Ids and offsets."""
        return {"ids": (TensorProto.INT64, ["tokens"]), "offsets": (TensorProto.INT64, ["texts_and_one"])}

    def output_shape(self, width: int) -> list[str | int]:
        """Without padding."""
        return ["tokens", width]

    def embed(self, embeddings: Embeddings) -> str:
        """Look up, add positions, norm: one operator."""
        table = self._rounding.table(embeddings.word)
        names = ["embeddings.word", "embeddings.word_scale", "embeddings.position_and_type"]
        tables = self._optional(zip(names, (table.rows, table.scale, embeddings.position), strict=True))
        width, norm = embeddings.word.shape[1], [_EMPTY, _EMPTY]
        if embeddings.norm:
            norm = self._norm_weights(embeddings.norm, width, bias=embeddings.norm_bias)
        return self._operator(
            "Embed",
            ["ids", "offsets", *tables, *norm],
            "embeddings.output",
            epsilon=embeddings.epsilon,
            padding_id=_PLAIN_POSITIONS if embeddings.padding_id is None else embeddings.padding_id,
        )

    def layer(self, hidden: str, layer: Layer) -> str:
        """Add the whole of it as one operator.

        Raises:
            ModelLoadError: The layer has something that the operator does not do.
        """
        attention, part = layer.attention, layer.feed_forward
        _refuse(layer)
        linears = Linears(
            Dense(f"{attention.name}{QKV}", _side_by_side(attention.query, attention.key, attention.value)),
            layer.attention_output,
            part.inner if part.plain is None else _both(part.inner, part.plain),
            part.outer,
        )
        pairs = zip(linears, self._rounding.linears(linears), strict=True)
        inputs = [name for dense, rounded in pairs for name in self._linear(dense.name, rounded)]
        return self._operator(
            "Layer",
            [hidden, "offsets", *inputs, *self._norms(layer), *self._positions(attention)],
            f"{attention.name}layer",
            heads=attention.heads,
            head_width=attention.head_width,
            activation=part.activation,
            gated=int(part.plain is not None),
            norms_first=int(layer.norms_first),
            reach=_NO_LIMIT if attention.reach is None else attention.reach,
            epsilon=layer.output_norm.epsilon,
        )

    def norm(self, value: str, norm: Norm) -> str:
        """Add a norm of its own."""
        weights = self._norm_weights(norm.name, norm.width, bias=norm.bias)
        return self._operator("Norm", [value, *weights], f"{norm.name}.output", epsilon=norm.epsilon)

    def _linear(self, name: str, linear: RoundedLinear) -> list[str]:
        parts = {
            "weight": linear.weight,
            "scale": linear.scale,
            "bias": linear.bias,
            "input_scale": linear.input_scale,
            "float_channels": linear.float_channels,
            "float_weight": linear.float_weight,
        }
        return self._optional((f"{name}.{part}", array) for part, array in parts.items())

    def _norms(self, layer: Layer) -> list[str]:
        first, second = layer.attention_norm, layer.output_norm
        names = [_EMPTY, _EMPTY] if first is None else self._norm_weights(first.name, first.width, bias=first.bias)
        return [*names, *self._norm_weights(second.name, second.width, bias=second.bias)]

    def _norm_weights(self, name: str, width: int, *, bias: bool) -> list[str]:
        scale = self.graph.weight(f"{name}.weight", self.weights.get(f"{name}.weight", (width,)))
        return [scale, self.graph.weight(f"{name}.bias", self.weights.get(f"{name}.bias", (width,))) if bias else ""]

    def _positions(self, attention: Attention) -> list[str]:
        """Give the names of the relative bias by distance, and of the rotary tables."""
        bias, rotary = attention.bias, attention.rotary
        names = [self.graph.weight(f"{bias.name}.by_distance", bias.by_distance()) if bias else _EMPTY]
        if rotary is None:
            return [*names, _EMPTY, _EMPTY]
        tables = zip(("cosines", "sines"), rotary.tables(attention.head_width), strict=True)
        return [*names, *(self.graph.weight(f"rotary_{rotary.theta}.{part}", table) for part, table in tables)]

    def _optional(self, arrays: Iterable[tuple[str, npt.NDArray[np.generic] | None]]) -> list[str]:
        """Add those that there are; give a name for each."""
        return [_EMPTY if array is None else self._weight(name, array) for name, array in arrays]

    def _weight(self, name: str, array: npt.NDArray[np.generic]) -> str:
        return self.graph.weight(name, array, TensorProto.BFLOAT16 if array.dtype == np.uint16 else None)

    def _operator(self, operator: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        last = max(index for index, name in enumerate(inputs) if name)
        return self.graph.node(operator, inputs[: last + 1], output, domain=OWN, **attributes)


def _refuse(layer: Layer) -> None:
    attention, norms = layer.attention, (layer.attention_norm, layer.output_norm)
    reasons = {
        "causal attention": attention.causal,
        "heads that share keys and values": attention.heads != attention.key_value_heads,
        "norms of each head": attention.head_norm is not None,
        "RMSNorm": any(norm.is_rms for norm in norms if norm),
        "norms of different epsilon": len({norm.epsilon for norm in norms if norm}) > 1,
    }
    if found := [reason for reason, is_there in reasons.items() if is_there]:
        raise ModelLoadError(f"ortembed's own operators have no {', no '.join(found)}")


def _both(activated: Dense, plain: Dense) -> Dense:
    return Dense(activated.name, _side_by_side(activated.projection, plain.projection))


def _side_by_side(*parts: Projection) -> Projection:
    """Join projections of one input, which all have a bias or all have none."""
    biases = [part.bias for part in parts if part.bias is not None]
    weight = np.concatenate([part.weight for part in parts], axis=1)
    return Projection(weight, np.concatenate(biases) if biases else None)
