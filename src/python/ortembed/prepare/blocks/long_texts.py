"""Attention of long texts: operators whose memory grows with the length alone, chosen when the graph runs.

Scores of all pairs of tokens take heads * length^2 * 4 bytes a text. The runtime's MultiHeadAttention does without
them where it has no mask, which a batch of equal lengths does not need; and a token that sees only its neighbours is
attended to with them in blocks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto

from ortembed.prepare.blocks.padded import HIDDEN
from ortembed.prepare.graph import MICROSOFT

if TYPE_CHECKING:
    from collections.abc import Callable

    from ortembed.prepare.graph import GraphBuilder
    from ortembed.prepare.parts import Attention

# Measured on x86: from here on the memory differs by more than the choice costs, and the time does not suffer.
LONG_TEXT = 512  # tokens
LONG_MODEL = 1024  # tokens; a choice costs up to 0.1 ms a layer, which models with shorter texts are spared

_LEAST_BLOCK = 128  # tokens


class LongTexts:
    """Chooses how a layer attends by the lengths in the batch."""

    def __init__(self, graph: GraphBuilder, mask: str, lengths: str, sequence_length: str) -> None:
        """Decide, once for all layers.

        Args:
            graph: Gets the nodes.
            mask: Name of the mask, int32 [batch, sequence]: 1 for tokens, 0 for padding.
            lengths: Name of each text's length, int32 [batch].
            sequence_length: Name of the padded length, int64 [1].
        """
        self._graph = graph
        self._mask = mask
        self._sequence_length = sequence_length
        self._length = graph.node("Squeeze", [sequence_length], "long.length")
        self._is_long = graph.node("GreaterOrEqual", [self._length, self._integer(LONG_TEXT)], "is_long")
        shortest = graph.node("ReduceMin", [lengths], "shortest", keepdims=0)
        longest = graph.node("Cast", [self._length], "long.length_int32", to=TensorProto.INT32)
        has_no_padding = graph.node("Equal", [shortest, longest], "has_no_padding")
        self._needs_no_mask = graph.node("And", [self._is_long, has_no_padding], "needs_no_mask")
        self.pairs_length = graph.node("Where", [self._is_long, self._integer(0), self._length], "pairs_length")
        """Name of the length that a bias for pairs of tokens needs to have, int64 scalar: 0 where none is used."""

    def attend(
        self, name: str, heads: tuple[str, str, str], attention: Attention, otherwise: Callable[[], str]
    ) -> str:
        """Add attention of queries, keys and values, each [batch, sequence, heads * head_width]."""
        if attention.reach is None:
            return self._graph.choose(
                self._needs_no_mask, lambda: self._unmasked(name, heads, attention), otherwise, f"{name}context"
            )
        reach = attention.reach
        return self._graph.choose(
            self._is_long, lambda: self._in_blocks(name, heads, attention, reach), otherwise, f"{name}context"
        )

    def _unmasked(self, name: str, heads: tuple[str, str, str], attention: Attention) -> str:
        return self._graph.node(
            "MultiHeadAttention", heads, f"{name}unmasked", domain=MICROSOFT, num_heads=attention.heads
        )

    def _in_blocks(self, name: str, heads: tuple[str, str, str], attention: Attention, reach: int) -> str:
        """Attend from blocks of tokens, each a text of its own, to the block and what it reaches at both sides."""
        graph, block, width = self._graph, max(2 * reach, _LEAST_BLOCK), attention.heads * attention.head_width
        around = block + 2 * reach
        starts = self._starts(name, block)
        own, _ = self._places(f"{name}own", starts, 0, block)
        near, are_inside = self._places(f"{name}near", starts, -reach, block + reach)
        query, key, value = heads
        taken = [
            self._take(f"{name}query", query, own, block, width),
            self._take(f"{name}key", key, near, around, width),
            self._take(f"{name}value", value, near, around, width),
        ]
        tokens = graph.node("Gather", [self._mask, near], f"{name}tokens", axis=1)
        seen = graph.node("Mul", [tokens, are_inside], f"{name}seen")
        mask = graph.node("Reshape", [seen, graph.integers(-1, around)], f"{name}mask")
        inputs = [*taken, "", mask, self._window(block, reach)]
        context = graph.node(
            "MultiHeadAttention", inputs, f"{name}blocks", domain=MICROSOFT, num_heads=attention.heads
        )
        batch = graph.node("Shape", [heads[0]], f"{name}batch", start=0, end=1)
        shape = graph.node("Concat", [batch, graph.integers(-1, width)], f"{name}shape", axis=0)
        joined = graph.node("Reshape", [context, shape], f"{name}joined")
        ends = [graph.integers(0), self._sequence_length, graph.integers(1)]
        return graph.node("Slice", [joined, *ends], f"{name}unpadded")

    def _starts(self, name: str, block: int) -> str:
        """Give where each block begins, int64 [blocks, 1]."""
        graph = self._graph
        limits = [self._integer(0), self._length, self._integer(block)]
        starts = graph.node("Range", limits, f"{name}starts")
        return graph.node("Unsqueeze", [starts, graph.integers(1)], f"{name}rows")

    def _places(self, name: str, starts: str, first: int, end: int) -> tuple[str, str]:
        """Give the positions start + first ... start + end of each block, int64 [blocks, count], and which there are.

        In place of those outside of the text comes its first or last position.
        """
        graph = self._graph
        steps = graph.weight(f"steps_{first}_{end}", np.arange(first, end, dtype=np.int64))
        wanted = graph.node("Add", [starts, steps], f"{name}.wanted")
        last = graph.node("Sub", [self._length, self._integer(1)], f"{name}.last")
        places = graph.node("Clip", [wanted, self._integer(0), last], f"{name}.places")
        same = graph.node("Equal", [wanted, places], f"{name}.same")
        return places, graph.node("Cast", [same], f"{name}.inside", to=TensorProto.INT32)

    def _take(self, name: str, value: str, places: str, count: int, width: int) -> str:
        """Give [batch * blocks, count, width]: of each text and block the tokens at its places."""
        taken = self._graph.node("Gather", [value, places], f"{name}.taken", axis=1)
        return self._graph.node("Reshape", [taken, self._graph.integers(-1, count, width)], f"{name}.blocks")

    def _window(self, block: int, reach: int) -> str:
        distance = np.arange(-reach, block + reach)[None, :] - np.arange(block)[:, None]
        bias = np.where(np.abs(distance) <= reach, 0, HIDDEN).astype(np.float32)
        return self._graph.weight(f"window_{block}_{reach}", bias[None, None])

    def _integer(self, value: int) -> str:
        return self._graph.weight(f"int64_{value}", np.array(value, np.int64))
