"""Filling the folder of a prepared model: graph, copies of the model's own small files, facts, quality."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from ortembed.errors import ModelLoadError
from ortembed.json_files import read_json
from ortembed.model_files import WEIGHTS_INDEX
from ortembed.modules import MODULES, module_files
from ortembed.pipeline import Pipeline
from ortembed.prepare.fuse import fuse
from ortembed.prepare.int8.probes import calibration_texts, held_out_texts
from ortembed.prepare.self_check import check_agreement
from ortembed.prepared_model import GRAPH, QUALITY, SAFETENSORS, read_prepared, write_prepared
from ortembed.quality import FLOORS, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ortembed.prepared_model import Facts, PreparedModel

# Part of every key: raise it when the same files give another graph.
EXPORTER_VERSION = 6

_COREML_SEQUENCE = 16  # tokens to check the graph at; what CoreML can hold does not depend on how many


def build_float(files: Mapping[str, Path], folder: Path, facts: Facts, report: Callable[[str], object]) -> None:
    """Make a float32 model from its own files, named as hub.find_model names them, and check its graph."""
    small, weights = _split(files)
    config = read_json(files["config.json"])
    if facts.origin == SAFETENSORS:
        _build_from_safetensors(config, weights, small, folder, facts, report)
    else:
        _build_from_onnx(config, weights, small, folder, facts, report)


def _build_from_safetensors(
    config: object,
    weights: Mapping[str, Path],
    small: Mapping[str, Path],
    folder: Path,
    facts: Facts,
    report: Callable[[str], object],
) -> None:
    from ortembed.prepare.export import export  # noqa: PLC0415 - imports onnx, which a cached model need not

    report("making the graph from the weights")
    shards = [path for name, path in weights.items() if name != WEIGHTS_INDEX]
    export(config, shards, folder, facts.form)
    write_prepared(folder, small, facts)
    kind, other = ("plain", "coreml") if facts.form == "cpu" else ("fused", "cpu")
    report(f"comparing it with {kind} operators")
    with tempfile.TemporaryDirectory(prefix="other-", dir=folder) as name:
        export(config, shards, Path(name), other)
        write_prepared(Path(name), small, facts)
        check_agreement(read_prepared(folder), read_prepared(Path(name)))
    if facts.form == "coreml":
        _finish_coreml(folder, report)


def _finish_coreml(folder: Path, report: Callable[[str], object]) -> None:
    from ortembed.prepare.coreml.check import check  # noqa: PLC0415 - as above
    from ortembed.prepare.onnx_file import take_weights_in  # noqa: PLC0415

    report("checking that CoreML can hold it")
    check(folder / GRAPH, batch=1, sequence=_COREML_SEQUENCE)
    take_weights_in(folder)


def _build_from_onnx(
    config: object,
    weights: Mapping[str, Path],
    small: Mapping[str, Path],
    folder: Path,
    facts: Facts,
    report: Callable[[str], object],
) -> None:
    report("fusing the graph and comparing it with the original")
    beside = PurePosixPath(facts.origin).parent
    external = {
        PurePosixPath(name).relative_to(beside).as_posix(): path
        for name, path in weights.items()
        if name != facts.origin
    }
    done = fuse(weights[facts.origin], config if isinstance(config, dict) else {}, folder, external)
    write_prepared(folder, small, replace(facts, remark=done.reason))


def build_int8(
    original: PreparedModel,
    folder: Path,
    facts: Facts,
    probe_texts: Sequence[str],
    report: Callable[[str], object],
) -> None:
    """Make an int8 model from a float32 one, and check the one against the other.

    Raises:
        ModelLoadError: The vectors are too far from float32's, or nothing can be quantized.
    """
    from ortembed.prepare.int8.quantize import quantize  # noqa: PLC0415 - imports onnx, which a cached model need not

    float_pipeline = Pipeline(original)
    report("calibrating and rounding")
    tokens = float_pipeline.tokenizer.encode(calibration_texts())
    quantize(original.graph, folder, np.split(tokens.ids.astype(np.int64), tokens.offsets[1:-1]))
    write_prepared(folder, original.files, facts)
    report("comparing with float32")
    texts = [*held_out_texts(), *probe_texts]
    quality = measure(float_pipeline.encode(texts), Pipeline(read_prepared(folder)), texts)
    floor = FLOORS["int8"]
    if not quality.reaches(floor):
        raise ModelLoadError(f"int8 vectors are too far from float32's: {quality.shortfall(floor)}; use float32")
    (folder / QUALITY).write_text(quality.to_json(), "utf-8")


def _split(files: Mapping[str, Path]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Tell the files that an entry keeps copies of, settings and the head's weights, from the encoder's weights."""
    kept = set(module_files(read_json(files[MODULES]))) if MODULES in files else set()
    kept |= {name for name in files if name.endswith(".json") and name != WEIGHTS_INDEX}
    small = {name: path for name, path in files.items() if name in kept}
    return small, {name: path for name, path in files.items() if name not in kept}
