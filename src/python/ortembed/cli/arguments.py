"""Options that several commands share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ortembed.embedder import Embedder
from ortembed.manifest import DEFAULT_MODEL
from ortembed.prepare import DTYPES, FORMS, PACKED, PADDED
from ortembed.providers import split_names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - it has no public name


def positive(text: str) -> int:
    """Read a positive integer."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def add_loading(parser: argparse.ArgumentParser) -> None:
    """Add what an Embedder is made with."""
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="M", help="short name, hub name or folder (default: %(default)s)"
    )
    add_running(parser)
    add_source(parser)


def add_running(parser: argparse.ArgumentParser) -> None:
    """Add which variant of a model is run, and what runs it."""
    parser.add_argument("--dtype", choices=DTYPES, default="float32", help="default: %(default)s")
    _add_form(parser, (PACKED, PADDED))
    parser.add_argument(
        "--providers",
        metavar="P[,P]",
        help="what runs the model, best first: cpu, coreml, … (default: ORTEMBED_PROVIDERS, else coreml where it is "
        "right and faster, else cpu)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads a run (default: cores allowed)")


def add_source(parser: argparse.ArgumentParser, *, may_fetch: bool = True) -> None:
    """Add where a model's files come from and where it is kept."""
    parser.add_argument("--revision", metavar="R", help="branch, tag or commit on the hub")
    add_cache_dir(parser)
    if may_fetch:
        parser.add_argument("--offline", action="store_true", help="never touch the network")


def add_cache_dir(parser: argparse.ArgumentParser) -> None:
    """Add where prepared models are kept."""
    parser.add_argument("--cache-dir", metavar="DIR", help="where prepared models are kept")


def providers(options: argparse.Namespace) -> list[str] | None:
    """Give the providers that were named, None for none."""
    return split_names(options.providers) if options.providers else None


def load(options: argparse.Namespace) -> Embedder:
    """Make the Embedder that the options describe."""
    return Embedder(options.model, providers=providers(options), **running(options))


def running(options: argparse.Namespace) -> dict[str, Any]:
    """Give the arguments of an Embedder that add_running and add_source read, but for providers."""
    return {
        "dtype": options.dtype,
        "form": options.form,
        "threads": options.threads,
        "revision": options.revision,
        "cache_dir": options.cache_dir,
        "local_files_only": options.offline,
    }


def _add_form(parser: argparse.ArgumentParser, forms: Sequence[str]) -> None:
    others = "".join(f"; {form}" for form in forms if form not in (PACKED, PADDED))
    parser.add_argument(
        "--form",
        choices=forms,
        help=f"packed: ortembed's own operators, for bfloat16 and int8; cpu: the runtime's{others} (default: packed "
        "where it can be, else cpu)",
    )


def add_model(parser: argparse.ArgumentParser, *, dtype: str | None = "float32") -> None:
    """Add a model's name and the variant of it that is meant."""
    parser.add_argument("model", metavar="MODEL", help="short name, hub name or folder")
    default = dtype or "int8, or float32 where there is something else to compare"
    parser.add_argument("--dtype", choices=DTYPES, default=dtype, help=f"default: {default}")
    _add_form(parser, FORMS)
    parser.add_argument("--onnx", metavar="PATH", help="use this ONNX file of the model's, by its path in it")


def variant(options: argparse.Namespace) -> dict[str, Any]:
    """Give the arguments of prepare and find_prepared that add_model and add_source read."""
    return {
        "revision": options.revision,
        "cache_dir": options.cache_dir,
        "dtype": options.dtype,
        "form": options.form,
        "onnx_file": options.onnx,
    }
