"""``ortembed bridge``: vectors for a host program that starts this one, a line of JSON for a line of JSON."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from ortembed.cli.arguments import add_running, add_source, positive, providers, running
from ortembed.cli.streams import say, standard_input, standard_output
from ortembed.embedder import Embedder
from ortembed.manifest import DEFAULT_MODEL

if TYPE_CHECKING:
    from pathlib import Path

    from ortembed.cli.arguments import Commands

_DESCRIPTION = """\
Answer each line of JSON on standard input with one on standard output, for as long as the input lasts.
Two forms of request, in any mixture; docs/bridge.md has every field:

  {"texts": ["a cat", "a dog"]}
    -> {"embeddings": [[...], [...]], "status": "success"}
  {"method": "load_model", "params": {"model": "all-minilm-l6-v2"}}
    -> {"status": "ok", "message": "Model loaded successfully", "dimension": 384, "providers": [...]}
  {"method": "embed_batch", "params": {"model": "all-minilm-l6-v2", "inputs": ["a cat"]}}
    -> {"status": "ok", "embeddings": [[...]], "count": 1}

Other methods: ping, model_info, health. Log lines go to standard error. SIGTERM ends the process after the request in
hand; so does the end of the input after the last one. From Python: ortembed.bridge.BridgeClient."""
_EPILOG = """\
examples:
  echo '{"texts": ["a cat sat on the mat"]}' | ortembed bridge
  echo '{"texts": ["kitten"], "input_type": "query", "usage": true, "id": 1}' | ortembed bridge bge-small-en-v1.5
  ortembed bridge all-minilm-l6-v2 --dtype int8 --threads 2"""


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "bridge",
        help="answer lines of JSON, for a program that starts this one",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        help="loaded at the start: short name, hub name or folder; else what load_model names, or "
        f'{DEFAULT_MODEL} at the first {{"texts": ...}}',
    )
    parser.add_argument(
        "--max-texts", type=positive, default=2048, metavar="N", help="a request (default: %(default)s)"
    )
    parser.add_argument(
        "--max-line", type=positive, default=1 << 24, metavar="BYTES", help="of a request (default: %(default)s)"
    )
    add_running(parser)
    add_source(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Answer until there is nothing more to answer."""
    from ortembed.bridge.models import Models  # noqa: PLC0415 - a room, for those who enter it
    from ortembed.bridge.service import Bridge, Limits, serve  # noqa: PLC0415

    standard_input(), standard_output()  # which tell of one that is closed
    models = Models(partial(_load, options), DEFAULT_MODEL)
    serve(Bridge(models, Limits(options.max_texts, options.max_line), say), options.model)
    return 0


def _load(options: argparse.Namespace, name: str, cache_dir: Path | None) -> Embedder:
    """Load a model; the folder on the command line wins, since a host may have one built in."""
    say(f"loading {name}")
    arguments = {**running(options), "cache_dir": options.cache_dir or cache_dir}
    embedder = Embedder(name, providers=providers(options), **arguments)
    say(f"loaded {embedder!r} on {', '.join(embedder.model_info().providers)}")
    return embedder
