"""A model's vectors beside reference ones: the figures, and whether they are near enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.cli.comparison import compare
from ortembed.cli.streams import report_step, say
from ortembed.errors import InvalidInputError
from ortembed.options import choose_prompt
from ortembed.pipeline import Pipeline
from ortembed.prepare import prepare

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

# The cosine that the worst text has to reach: what int8 is held to, and what float32 differs by among machines.
FLOORS = {"int8": 0.98, "float32": 0.9999}
_SHOWN_CHARACTERS = 60


def is_reference(options: argparse.Namespace) -> bool:
    """Tell whether what is asked for is the very thing that others are compared with: float32 for CPU."""
    return options.dtype == "float32" and options.form == "cpu" and not options.onnx


def encode(pipeline: Pipeline, texts: Sequence[str]) -> Floats:
    """Encode as Embedder.encode does: with the default prompt, where the model has one."""
    rows = np.empty((len(texts), pipeline.dimension), np.float32)
    words = choose_prompt(pipeline.settings, prompt=None, prompt_name=None)
    pipeline.encode_into(rows, texts, pipeline.prompt(words), normalize=pipeline.settings.normalize)
    return rows


def encode_reference(options: argparse.Namespace, texts: Sequence[str]) -> Floats:
    """Encode with the same model in float32, preparing it first where that has not been done."""
    prepared = prepare(
        options.model,
        revision=options.revision,
        cache_dir=options.cache_dir,
        local_files_only=options.offline,
        report=report_step,
    )
    return encode(Pipeline(prepared), texts)


def judge(pipeline: Pipeline, texts: Sequence[str], reference: Floats, floor: float) -> tuple[dict[str, Any], bool]:
    """Give the figures to show, and whether the worst text's cosine reaches the floor; tell where it does not.

    Raises:
        InvalidInputError: The vectors are not of one shape.
    """
    together = encode(pipeline, texts)
    if together.shape != reference.shape:
        raise InvalidInputError(f"the model gives {list(together.shape)}, the reference is {list(reference.shape)}")
    report_step("embedding each text alone")
    alone = np.concatenate([encode(pipeline, [text]) for text in texts])
    found = compare(together, reference)
    worst = float(found.cosine[found.worst])
    figures = {
        "texts": len(texts),
        "cosine min": worst,
        "cosine mean": float(found.cosine.mean()),
        "max difference": found.max_difference,
        "same neighbours": found.neighbours,
        "batch effect": compare(alone, together).max_difference,
    }
    if worst < floor:
        say(f"cosine {worst:.6f} is below {floor:g} for text {found.worst + 1}: {_short(texts[found.worst])}")
    return figures, worst >= floor


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
