"""A model's vectors beside reference ones: the figures, and whether they are near enough."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.cli.streams import report_step, say
from ortembed.pipeline import Pipeline
from ortembed.prepare import FLOAT32, PADDED, prepare
from ortembed.quality import measure

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    import numpy.typing as npt

    from ortembed.prepared_model import PreparedModel
    from ortembed.quality import Floor, QualityReport

    Floats = npt.NDArray[np.float32]

_SHOWN_CHARACTERS = 60


def is_reference(options: argparse.Namespace) -> bool:
    """Tell whether what is asked for is the very thing that others are compared with: float32 for CPU."""
    return options.dtype == FLOAT32 and options.form in (None, PADDED) and not options.onnx


class _WithDefaultPrompt:
    """Encodes as Embedder.encode does: with the default prompt, where the model has one."""

    def __init__(self, prepared: PreparedModel) -> None:
        self._pipeline = Pipeline(prepared)

    def encode(self, texts: Sequence[str]) -> Floats:
        pipeline = self._pipeline
        rows = np.empty((len(texts), pipeline.dimension), np.float32)
        pipeline.encode_into(rows, texts, pipeline.recipe(truncate_dim=pipeline.dimension))
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
    return _WithDefaultPrompt(prepared).encode(texts)


def judge(
    prepared: PreparedModel, texts: Sequence[str], reference: Floats, floor: Floor
) -> tuple[dict[str, Any], bool]:
    """Give the figures to show, and whether they reach the floor; tell where they do not.

    Raises:
        InvalidInputError: The vectors are not of one shape.
    """
    report_step("comparing the vectors")
    report = measure(reference, _WithDefaultPrompt(prepared), texts)
    good = report.reaches(floor)
    if not good:
        say(f"{report.shortfall(floor)}; worst is text {report.worst_text + 1}: {_short(texts[report.worst_text])}")
    return quality_lines(report), good


def quality_lines(report: QualityReport) -> dict[str, Any]:
    """Give a report's figures by the names that are shown."""
    figures = asdict(report)
    del figures["worst_text"]
    return {name.replace("_", " "): value for name, value in figures.items()}


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
