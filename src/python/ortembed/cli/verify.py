"""``ortembed verify``: a model's vectors beside others of the same texts."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ortembed.cli.arguments import add_model, add_source, variant
from ortembed.cli.comparison import compare
from ortembed.cli.describe import lines
from ortembed.cli.streams import report_step, say, standard_output
from ortembed.cli.texts import read_lines, read_vectors
from ortembed.errors import InvalidInputError
from ortembed.options import choose_prompt
from ortembed.pipeline import Pipeline
from ortembed.prepare import prepare
from ortembed.prepare.probes import held_out_texts

if TYPE_CHECKING:
    import numpy.typing as npt

    from ortembed.cli.arguments import Commands

    Floats = npt.NDArray[np.float32]

# The cosine that the worst text has to reach: what int8 is held to, and what float32 differs by among machines.
_FLOORS = {"int8": 0.98, "float32": 0.9999}
_SHOWN_CHARACTERS = 60


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "verify",
        help="compare a model's vectors with a file's, or with float32",
        description="Compare a model's vectors with those of a file, or with its own in float32: cosine, largest "
        "difference, whether the nearest texts are the same, and how far a text's vector depends on those beside it. "
        "Exit status 1 when a text's cosine is below the floor.",
    )
    add_model(parser, dtype=None)
    parser.add_argument("--against", metavar="VECTORS", type=Path, help=".npy or .jsonl file, as embed -o writes it")
    parser.add_argument("--texts", metavar="FILE", help="one text a line (default: those of the .jsonl, or built-in)")
    parser.add_argument("--min-cosine", metavar="X", type=_cosine, help="floor (default: 0.98 for int8, else 0.9999)")
    add_source(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare, print the figures, and tell by the status whether they are good enough."""
    stream = standard_output()
    _choose_dtype(options)
    texts, reference = _read_reference(options)
    pipeline = _load(options, **variant(options))
    together = _encode(pipeline, texts)
    if reference is None:
        float32 = {"revision": options.revision, "cache_dir": options.cache_dir}
        reference = _encode(_load(options, **float32), texts)
    if together.shape != reference.shape:
        raise InvalidInputError(
            f"the model gives {list(together.shape)}, {options.against} has {list(reference.shape)}"
        )
    found = compare(together, reference)
    report_step("embedding each text alone")
    alone = np.concatenate([_encode(pipeline, [text]) for text in texts])
    floor = options.min_cosine if options.min_cosine is not None else _FLOORS[options.dtype]
    worst = float(found.cosine[found.worst])
    shown = {
        "model": options.model,
        "dtype": options.dtype,
        "form": options.form,
        "compared with": str(options.against or "float32"),
        "texts": len(texts),
        "cosine min": worst,
        "cosine mean": float(found.cosine.mean()),
        "max difference": found.max_difference,
        "same neighbours": found.neighbours,
        "batch effect": compare(alone, together).max_difference,
    }
    print("\n".join(lines(shown)), file=stream)
    if worst < floor:
        say(f"cosine {worst:.6f} is below {floor:g} for text {found.worst + 1}: {_short(texts[found.worst])}")
        return 1
    return 0


def _choose_dtype(options: argparse.Namespace) -> None:
    """Fill in the dtype that is not said: what there is to compare."""
    plain = options.form == "cpu" and not options.onnx and options.against is None
    options.dtype = options.dtype or ("int8" if plain else "float32")
    if plain and options.dtype == "float32":
        raise InvalidInputError(
            "float32 is what others are compared with; give --against VECTORS, --dtype int8, --form coreml or --onnx"
        )


def _read_reference(options: argparse.Namespace) -> tuple[list[str], Floats | None]:
    """Give the texts, and their vectors where a file has them."""
    texts = read_lines(options.texts) if options.texts else None
    if options.against is None:
        texts = held_out_texts() if texts is None else texts
        vectors = None
    else:
        own, vectors = read_vectors(options.against)
        texts = own if texts is None else texts
        if texts is None:
            raise InvalidInputError(f"{options.against} has no texts; name their file with --texts")
        if len(texts) != len(vectors):
            raise InvalidInputError(f"{options.against} has {len(vectors)} vectors for {len(texts)} texts")
    if not texts:
        raise InvalidInputError(f"{options.texts} has no texts")
    return texts, vectors


def _load(options: argparse.Namespace, **asked: str | None) -> Pipeline:
    prepared = prepare(options.model, **asked, local_files_only=options.offline, report=report_step)  # type: ignore[arg-type]
    return Pipeline(prepared)


def _encode(pipeline: Pipeline, texts: list[str]) -> Floats:
    """Encode as Embedder.encode does: with the default prompt, where the model has one."""
    rows = np.empty((len(texts), pipeline.dimension), np.float32)
    words = choose_prompt(pipeline.settings, prompt=None, prompt_name=None)
    pipeline.encode_into(rows, texts, pipeline.prompt(words), normalize=pipeline.settings.normalize)
    return rows


def _cosine(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -1 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a cosine, from -1 to 1")
    return value


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
