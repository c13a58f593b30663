"""``ortembed models``: the models that are known by a short name."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ortembed.cli.arguments import add_cache_dir
from ortembed.cli.help import add_command
from ortembed.cli.streams import standard_output
from ortembed.errors import OrtembedError
from ortembed.manifest import Manifest, manifests
from ortembed.prepare import DTYPES, PACKED, find_prepared

if TYPE_CHECKING:
    import argparse

    from ortembed.cli.arguments import Commands

_NUMBERS = ("DIM", "LENGTH", "MB")
_HEADER = ("NAME", "DIM", "LENGTH", "MB", "LICENCE", "LANGUAGES", "PREPARED", "FOR")


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "models",
        help="list the models known by a short name",
        description="List the models known by a short name: dimension, longest text in tokens, megabytes of the "
        "float32 weights, licence, and whether one has been prepared. Nothing is downloaded.",
        examples=[
            "ortembed models",
            "ortembed models --json",
        ],
    )
    parser.add_argument("--json", action="store_true", help="all that is known of each, as JSON")
    add_cache_dir(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the table, or the JSON."""
    stream = standard_output()
    prepared = {name: _prepared(name, options.cache_dir) for name in manifests()}
    if options.json:
        known = [_as_json(manifest, prepared[name]) for name, manifest in manifests().items()]
        print(json.dumps(known, indent=1), file=stream)
        return 0
    rows = [_HEADER, *(_row(manifest, prepared[name]) for name, manifest in manifests().items())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    alignments = [">" if name in _NUMBERS else "<" for name in _HEADER]
    for row in rows:
        cells = [f"{cell:{side}{width}}" for cell, side, width in zip(row, alignments, widths, strict=True)]
        print("  ".join(cells).rstrip(), file=stream)
    return 0


def _prepared(name: str, cache_dir: str | None) -> dict[str, str]:
    """Give the dtypes that a model has been prepared in, for CPU, and the form of each."""
    found = {}
    for dtype in DTYPES:
        try:
            if prepared := find_prepared(name, cache_dir=cache_dir, dtype=dtype):
                found[dtype] = prepared.facts.form
        except OrtembedError:  # of files that cannot be used, or a dtype that it cannot have: it is not prepared
            continue
    return found


def _row(manifest: Manifest, prepared: dict[str, str]) -> tuple[str, ...]:
    return (
        manifest.name,
        str(manifest.dimension),
        str(manifest.max_seq_length),
        str(manifest.size_mb),
        manifest.licence,
        manifest.languages,
        ", ".join(f"{dtype} ({form})" if form == PACKED else dtype for dtype, form in prepared.items()) or "no",
        manifest.description,
    )


def _as_json(manifest: Manifest, prepared: dict[str, str]) -> dict[str, Any]:
    known = {key: value for key, value in asdict(manifest).items() if key not in ("sha256", "package")}
    return {**known, "prepared": list(prepared), "forms": prepared}
