"""``ortembed prepare``: a model made ready to load, ahead of its first use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from ortembed.cli.arguments import add_model, add_source, variant
from ortembed.cli.describe import describe, lines
from ortembed.cli.formats.sources import read_texts
from ortembed.cli.help import add_command
from ortembed.cli.judge import encode_reference, is_reference, judge
from ortembed.cli.streams import report_step, standard_output
from ortembed.errors import InvalidInputError
from ortembed.prepare import prepare
from ortembed.quality import FLOORS

if TYPE_CHECKING:
    import argparse

    from ortembed.cli.arguments import Commands
    from ortembed.prepared_model import PreparedModel

_SHOWN = ("model", "dtype", "form", "form_reason", "dimension", "max_seq_length", "folder", "quality")


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "prepare",
        help="download a model and make it ready to load",
        description="Download a model where that is needed, make its graph, check a bfloat16 or int8 graph against "
        "float32, and print where it lies. What is prepared already is only shown.",
        examples=[
            "ortembed prepare bge-small-en-v1.5",
            "ortembed prepare all-minilm-l6-v2 --dtype int8 --verify texts.txt",
            "ortembed prepare ./my-model --cache-dir /srv/models",
        ],
    )
    add_model(parser)
    parser.add_argument(
        "--verify", metavar="TEXTS", help="compare with float32 on the texts of this file too, as embed reads it"
    )
    add_source(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prepare, and print what came of it."""
    stream = standard_output()
    texts = _own_texts(options)
    start = time.perf_counter()
    prepared = prepare(
        options.model,
        **variant(options),
        local_files_only=options.offline,
        probe_texts=texts,
        report=report_step,
    )
    seconds = time.perf_counter() - start
    known = describe(options.model, prepared)
    shown = {key: known[key] for key in _SHOWN}
    size = {"size": f"{known['bytes'] / 1e6:.1f} MB", "time": f"{seconds:.1f} s"}
    figures, good = _judge(options, prepared, texts) if texts else ({}, True)
    print("\n".join(lines({**shown, **size, **figures})), file=stream)
    return 0 if good else 1


def _own_texts(options: argparse.Namespace) -> list[str]:
    """Read the caller's texts, where there are some to compare on."""
    if not options.verify:
        return []
    if is_reference(options):
        raise InvalidInputError("--verify compares with float32 for CPU; give --dtype, --form coreml or --onnx")
    texts = read_texts(options.verify)
    if not texts:
        raise InvalidInputError(f"{options.verify} has no texts")
    return texts


def _judge(options: argparse.Namespace, prepared: PreparedModel, texts: list[str]) -> tuple[dict[str, Any], bool]:
    """Compare on the caller's texts: a graph that was prepared before has not seen them."""
    return judge(prepared, texts, encode_reference(options, texts), FLOORS[options.dtype])
