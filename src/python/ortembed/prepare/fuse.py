"""A user's ONNX encoder as the runtime's own transformer optimizer fuses it, where that is possible and exact."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError
from ortembed.prepare.worker import run_worker

if TYPE_CHECKING:
    from collections.abc import Mapping

_WORKER = "ortembed.prepare.fuse_worker"
_LIMIT_SECONDS = 900.0
_HEADS = ("num_attention_heads", "n_heads")
_WIDTH = ("hidden_size", "dim")


@dataclass(frozen=True)
class FuseReport:
    """What became of a graph.

    Attributes:
        fused: Whether the fused graph was written; otherwise the original one.
        reason: Why the original one, empty when fused.
        operators: How many of each fused operator the written graph has.
        difference: The largest difference between fused and original, over the largest value; None if not compared.
    """

    fused: bool
    reason: str
    operators: dict[str, int]
    difference: float | None


def fuse(
    graph: Path, config: Mapping[str, Any], folder: Path, external: Mapping[str, Path] | None = None
) -> FuseReport:
    """Write an encoder as model.onnx, its large weights as model.onnx.data, fused where both graphs agree.

    A graph that is fused or quantized already, has weights that are not float32, or in which the optimizer finds no
    attention, is written as it is; float16 outputs get a cast to float32.

    Args:
        graph: An ONNX encoder: input_ids, attention_mask and perhaps token_type_ids, int64 [batch, sequence].
        config: The parsed config.json; {} when there is none.
        folder: An existing folder, gets the files.
        external: Where the files of weights lie that the graph names; beside the graph, where nothing is given.

    Raises:
        ModelLoadError: The graph or its weights cannot be read, or its batch or sequence is fixed.
    """
    request = {
        "graph": str(graph.absolute()),
        "external": {name: str(path.absolute()) for name, path in (external or {}).items()},
        "folder": str(folder.absolute()),
        "heads": _number(config, _HEADS),
        "width": _number(config, _WIDTH),
        "vocab_size": _number(config, ("vocab_size",)),
        "positions": _number(config, ("max_position_embeddings",)),
        "fuse": True,
    }
    try:
        reply = _ask(request, folder)
    except ModelLoadError as error:  # the optimizer may take its process down: the graph is used without it
        reply = _ask({**request, "fuse": False}, folder)
        reply["reason"] = str(error)
    if refused := reply.pop("refused", None):
        raise ModelLoadError(f"{graph}: {refused}")
    return FuseReport(**reply)


def _ask(request: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="fuse-", dir=folder) as work:
        return run_worker(_WORKER, request, Path(work), _LIMIT_SECONDS)


def _number(config: Mapping[str, Any], keys: tuple[str, ...]) -> int:
    """Give the first of these entries that is a positive integer, 0 for none: the optimizer then looks itself."""
    values = (config.get(key) for key in keys)
    return next((v for v in values if isinstance(v, int) and not isinstance(v, bool) and v > 0), 0)
