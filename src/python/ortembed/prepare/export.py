"""From a model's config and safetensors to a graph in one of its forms, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortembed.prepare.architectures import read_architecture
from ortembed.prepare.blocks import CoreMlBlocks, CpuBlocks
from ortembed.prepare.graph import GraphBuilder
from ortembed.weights import open_weights

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_FORMS = {"cpu": CpuBlocks, "coreml": CoreMlBlocks}


def export(config: object, weights: Sequence[Path], folder: Path, form: str = "cpu") -> None:
    """Write an encoder's graph into an existing folder.

    Args:
        config: The parsed config.json.
        weights: The safetensors file, or all its shards.
        folder: Gets model.onnx and model.onnx.data, and for the CoreML form the tables of the embeddings.
        form: "cpu": input_ids and attention_mask, int64 [batch, sequence]. "coreml": hidden, float32 [batch,
            sequence, width], and mask, float32 [batch, 1, 1, sequence]. The output is last_hidden_state, float32
            [batch, sequence, width].

    Raises:
        ModelLoadError: No exporter fits, or the weights do not.
    """
    architecture, shape = read_architecture(config)
    with open_weights(weights, architecture.PREFIXES) as opened, GraphBuilder(folder) as graph:
        architecture.build(shape, _FORMS[form](graph, opened))
