"""Filling the folder of a prepared model: graph, copies of the model's own small files, facts, quality."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from ortembed.config import OPTIONAL_FILES
from ortembed.errors import InferenceError, ModelLoadError
from ortembed.json_files import read_json
from ortembed.model_files import CONFIG, WEIGHTS_INDEX
from ortembed.modules import MODULES, module_files
from ortembed.pipeline import Pipeline
from ortembed.prepare.fuse import fuse
from ortembed.prepare.int8.probes import calibration_texts, held_out_texts
from ortembed.prepare.self_check import check_agreement
from ortembed.prepared_model import GRAPH, QUALITY, SAFETENSORS, read_prepared, write_prepared
from ortembed.quality import FLOORS, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt

    from ortembed.prepared_model import Facts, PreparedModel

    Floats = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

# Part of every key: raise it when the same files give another graph.
EXPORTER_VERSION = 10

_COREML_SEQUENCE = 16  # tokens to check the graph at; what CoreML can hold does not depend on how many


def build_float(files: Mapping[str, Path], folder: Path, facts: Facts, report: Callable[[str], object]) -> None:
    """Make a float32 model from its own files, named as hub.find_model names them, and check its graph.

    Raises:
        ModelLoadError: The files do not make an encoder, or its graph does not give what it should.
    """
    small, weights = _split(files)
    config = read_json(files[CONFIG])
    if facts.origin != SAFETENSORS:
        report("fusing the graph and comparing it with the original")
        remark = _fuse(weights, config, folder, facts.origin)
        write_prepared(folder, small, replace(facts, remark=remark))
        return
    from ortembed.prepare.export import export  # noqa: PLC0415 - imports onnx, which a cached model need not

    report("making the graph from the weights")
    shards = _shards(files)
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
    from ortembed.prepare.coreml.check import check  # noqa: PLC0415 - imports onnx
    from ortembed.prepare.onnx_file import take_weights_in  # noqa: PLC0415

    report("checking that CoreML can hold it")
    check(folder / GRAPH, [(1, _COREML_SEQUENCE)])
    take_weights_in(folder)


def _fuse(weights: Mapping[str, Path], config: object, folder: Path, origin: str) -> str:
    """Make the graph from an ONNX file; tell why it is as it came, empty when it is fused."""
    beside = PurePosixPath(origin).parent
    external = {
        PurePosixPath(name).relative_to(beside).as_posix(): path for name, path in weights.items() if name != origin
    }
    return fuse(weights[origin], config if isinstance(config, dict) else {}, folder, external).reason


def build_int8(
    original: PreparedModel,
    folder: Path,
    facts: Facts,
    probe_texts: Sequence[str],
    report: Callable[[str], object],
) -> None:
    """Make an int8 model for padded batches from a float32 one, and check the one against the other.

    Raises:
        ModelLoadError: The vectors are too far from float32's, or nothing can be quantized.
    """
    from ortembed.prepare.int8.quantize import quantize  # noqa: PLC0415 - imports onnx, which a cached model need not

    report("embedding texts in float32")
    calibration, texts, expected = _in_float(original, probe_texts)
    report("calibrating and rounding")
    quantize(original.graph, folder, calibration)
    write_prepared(folder, original.files, facts)
    report("comparing with float32")
    _judge(original, folder, texts, expected)


def build_packed(
    original: PreparedModel,
    files: Mapping[str, Path],
    folder: Path,
    facts: Facts,
    probe_texts: Sequence[str],
    report: Callable[[str], object],
) -> None:
    """Make a model in the packed form from its own files, and check it against the float32 one.

    Raises:
        ModelLoadError: The vectors are too far from float32's, or ortembed's own operators cannot run it.
    """
    from ortembed.prepare.export import export_packed  # noqa: PLC0415 - imports onnx, as above
    from ortembed.prepare.packed import choose_rounding  # noqa: PLC0415

    report("embedding texts in float32")
    calibration, texts, expected = _in_float(original, probe_texts)
    report("rounding the weights")
    with tempfile.TemporaryDirectory(prefix="inputs-", dir=folder) as work:
        rounding = choose_rounding(facts.dtype, original.graph, calibration, Path(work))
        export_packed(read_json(files[CONFIG]), _shards(files), folder, rounding)
    write_prepared(folder, original.files, facts)
    report("comparing with float32")
    _judge(original, folder, texts, expected)


def _judge(original: PreparedModel, folder: Path, texts: Sequence[str], expected: Floats) -> None:
    """Compare a model with the float32 vectors of texts; keep the figures, or refuse it with them."""
    # Not the settings in the folder alone: a manifest may have completed them.
    candidate = replace(read_prepared(folder), settings=original.settings)
    dtype = candidate.facts.dtype
    try:
        quality, floor = measure(expected, Pipeline(candidate), texts), FLOORS[dtype]
    except InferenceError as error:
        raise ModelLoadError(
            f"{dtype} vectors cannot be compared with float32's: {error}; use dtype='float32'"
        ) from error
    if not quality.reaches(floor):
        raise ModelLoadError(
            f"{dtype} vectors are too far from float32's: {quality.shortfall(floor)}; use dtype='float32'"
        )
    (folder / QUALITY).write_text(quality.to_json(), "utf-8")


def _in_float(original: PreparedModel, probe_texts: Sequence[str]) -> tuple[list[Ids], list[str], Floats]:
    """Give the ids of the calibration texts, the texts to judge by and their vectors.

    The model is let go before it is quantized.
    """
    pipeline = Pipeline(original)
    calibration = [ids for _, ids in _known(pipeline, calibration_texts())]
    texts = [*(text for text, _ in _known(pipeline, held_out_texts())), *probe_texts]
    return calibration, texts, pipeline.encode(texts)


def _known(pipeline: Pipeline, texts: Sequence[str]) -> list[tuple[str, Ids]]:
    """Give texts with their ids, without those that have a token for which the weights have no row."""
    tokens = pipeline.tokenizer.encode(texts)
    ids = np.split(tokens.ids.astype(np.int64), tokens.offsets[1:-1])
    return [pair for pair in zip(texts, ids, strict=True) if pair[1].max() < pipeline.settings.vocab_size]


def _shards(files: Mapping[str, Path]) -> list[Path]:
    """Give the safetensors files of the encoder."""
    return [path for name, path in _split(files)[1].items() if name != WEIGHTS_INDEX]


def _split(files: Mapping[str, Path]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Tell the files that an entry keeps copies of, settings and the head's weights, from the encoder's weights."""
    kept = set(module_files(read_json(files[MODULES]))) if MODULES in files else set()
    kept |= {name for name in files if name.endswith(".json") and name != WEIGHTS_INDEX}
    kept |= files.keys() & set(OPTIONAL_FILES)
    small = {name: path for name, path in files.items() if name in kept}
    return small, {name: path for name, path in files.items() if name not in kept}
