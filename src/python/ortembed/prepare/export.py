"""From a model's config and safetensors to a graph in one of its forms, without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortembed.prepare.architectures import read_architecture
from ortembed.prepare.blocks import CoreMlBlocks, CpuBlocks, PackedBlocks
from ortembed.prepare.graph import GraphBuilder
from ortembed.weights import open_weights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ortembed.prepare.blocks import Blocks
    from ortembed.prepare.rounded import Rounding
    from ortembed.weights import Weights

_FORMS = {"cpu": CpuBlocks, "coreml": CoreMlBlocks}


def export(config: object, weights: Sequence[Path], folder: Path, form: str = "cpu") -> None:
    """Write an encoder's graph for padded batches, in float32, into an existing folder.

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
    _export(config, weights, folder, _FORMS[form])


def export_packed(config: object, weights: Sequence[Path], folder: Path, rounding: Rounding) -> None:
    """Write an encoder's graph for packed texts in the same way, its weights rounded.

    Its inputs are ids, int64 [tokens], and offsets, int64 [texts + 1]; the output is last_hidden_state, float32
    [tokens, width].

    Raises:
        ModelLoadError: No exporter fits, the weights do not, or ortembed's own operators do not do what they ask for.
    """
    _export(config, weights, folder, lambda graph, opened: PackedBlocks(graph, opened, rounding))


def _export(
    config: object, weights: Sequence[Path], folder: Path, form: Callable[[GraphBuilder, Weights], Blocks]
) -> None:
    architecture, shape = read_architecture(config)
    with open_weights(weights, architecture.PREFIXES) as opened, GraphBuilder(folder) as graph:
        architecture.build(shape, form(graph, opened))
