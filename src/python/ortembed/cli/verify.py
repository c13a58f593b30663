"""``ortembed verify``: a model's vectors beside those of a file, or its own in float32."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from ortembed.cli.arguments import add_model, add_source, variant
from ortembed.cli.describe import lines
from ortembed.cli.formats.sources import read_texts
from ortembed.cli.formats.vectors import read_vectors
from ortembed.cli.help import add_command
from ortembed.cli.judge import encode_reference, is_reference, judge
from ortembed.cli.streams import report_step, standard_output
from ortembed.errors import InvalidInputError
from ortembed.prepare import COREML, FLOAT32, check_entry, prepare
from ortembed.prepare.int8.probes import held_out_texts
from ortembed.quality import FLOORS, Floor

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ortembed.cli.arguments import Commands

_FLOORS = "; ".join(f"{name} {floor.cosine_min}, mean {floor.cosine_mean}" for name, floor in FLOORS.items())


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "verify",
        help="compare a model's vectors with a file's, or with float32",
        description="Compare a model's vectors with those of a file, or with its own in float32: cosine, largest "
        "difference, whether the nearest texts are the same, and how far a text's vector depends on those beside it. "
        "Every byte of the prepared files is checked too. "
        "Exit status 1 when the cosine of a text, or of all on average, is below the floor.",
        examples=[
            "ortembed verify all-minilm-l6-v2 --dtype int8",
            "ortembed verify all-minilm-l6-v2 --against vectors.npy --texts texts.txt",
        ],
    )
    add_model(parser, dtype=None)
    parser.add_argument(
        "--against", metavar="VECTORS", type=Path, help=".npy, .jsonl or .parquet, as embed -o writes it"
    )
    parser.add_argument(
        "--texts", metavar="FILE", help="a file as embed reads it (default: those of VECTORS, or built-in)"
    )
    parser.add_argument(
        "--min-cosine",
        metavar="X",
        type=_cosine,
        help=f"floor (default: {_FLOORS})",
    )
    add_source(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare, print the figures, and tell by the status whether they are good enough."""
    stream = standard_output()
    _choose_dtype(options)
    texts, reference = _read_reference(options)
    prepared = prepare(options.model, **variant(options), local_files_only=options.offline, report=report_step)
    check_entry(prepared)
    if reference is None:
        reference = encode_reference(options, texts)
    asked_floor = options.min_cosine
    floor = FLOORS[options.dtype] if asked_floor is None else Floor(cosine_min=asked_floor, cosine_mean=asked_floor)
    figures, good = judge(prepared, texts, reference, floor)
    asked = {"model": options.model, "dtype": options.dtype, "form": prepared.facts.form}
    compared = {"compared with": str(options.against or "float32")}
    print("\n".join(lines({**asked, **compared, **figures})), file=stream)
    return 0 if good else 1


def _choose_dtype(options: argparse.Namespace) -> None:
    """Fill in the dtype that is not said: what there is to compare."""
    other = options.form == COREML or options.onnx or options.against
    options.dtype = options.dtype or (FLOAT32 if other else "int8")
    if is_reference(options) and not options.against:
        raise InvalidInputError(
            "float32 is what others are compared with; give --against VECTORS, another --dtype, --form coreml or "
            "--onnx"
        )


def _read_reference(options: argparse.Namespace) -> tuple[list[str], npt.NDArray[np.float32] | None]:
    """Give the texts, and their vectors where a file has them."""
    texts = read_texts(options.texts) if options.texts else None
    if options.against is None:
        texts, vectors = held_out_texts() if texts is None else texts, None
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


def _cosine(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not -1 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a cosine, from -1 to 1")
    return value
