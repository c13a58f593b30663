"""An ordinary ONNX export of a BERT: plain operators, as torch's exporter writes them, for the pure-Python path.

It is made from the model's own files without torch, so that the comparison runs wherever ortembed does.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from onnx import TensorProto

from ortembed.prepare.architectures import read_architecture
from ortembed.prepare.blocks import CoreMlBlocks
from ortembed.prepare.blocks.padded import HIDDEN
from ortembed.prepare.graph import GRAPH_NAME, GraphBuilder
from ortembed.weights import open_weights

if TYPE_CHECKING:
    from pathlib import Path

    from ortembed.prepare.parts import Embeddings


class _PlainBlocks(CoreMlBlocks):
    """Plain operators over ids and mask, the embedding lookup in the graph."""

    @property
    def inputs(self) -> dict[str, tuple[int, list[str | int]]]:
        """input_ids and attention_mask, int64 [batch, sequence]."""
        return {name: (TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")}

    def embed(self, embeddings: Embeddings) -> str:
        """Look up, add positions, LayerNorm; make of the mask what is added to the scores."""
        if embeddings.position is None or embeddings.norm is None or embeddings.padding_id is not None:
            raise ValueError("only BERT's embeddings are exported here")
        graph = self.graph
        mask = graph.node("Cast", ["attention_mask"], "mask_float", to=TensorProto.FLOAT)
        hidden_from = graph.node("Sub", [graph.number(1.0), mask], "mask_inverted")
        scaled = graph.node("Mul", [hidden_from, graph.number(HIDDEN)], "mask_scaled")
        graph.node("Unsqueeze", [scaled, graph.integers(1, 2)], "mask")
        word = graph.node("Gather", [graph.weight("word", embeddings.word), "input_ids"], "word.looked_up")
        table = graph.weight("position", embeddings.position)
        ends = self._sequence_length()
        position = graph.node("Slice", [table, graph.integers(0), ends, graph.integers(0)], "position.part")
        total = graph.node("Add", [word, position], "embeddings.sum")
        return self.layer_norm(embeddings.norm, total, embeddings.word.shape[1], embeddings.epsilon)


def plain_export(model: Path, folder: Path) -> Path:
    """Write the export of a model's own files (config.json, model.safetensors) into a folder; give the ONNX file.

    Inputs input_ids and attention_mask, int64 [batch, sequence]; output last_hidden_state, float32
    [batch, sequence, width]. An export that is there already is taken.

    Raises:
        ModelLoadError: The files are not those of a BERT that ortembed knows.
    """
    target = folder / GRAPH_NAME
    if target.exists():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    architecture, shape = read_architecture(json.loads((model / "config.json").read_text("utf-8")))
    with open_weights([model / "model.safetensors"], architecture.PREFIXES) as weights, GraphBuilder(folder) as graph:
        architecture.build(shape, _PlainBlocks(graph, weights))  # its last step writes the graph itself
    return target
