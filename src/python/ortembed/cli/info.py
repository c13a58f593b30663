"""``ortembed info``: what a prepared model is and does."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from ortembed.cli.accelerator import table
from ortembed.cli.arguments import add_model, add_source, variant
from ortembed.cli.describe import describe, lines
from ortembed.cli.help import add_command
from ortembed.cli.machine import machine
from ortembed.cli.streams import standard_output
from ortembed.errors import ModelNotFoundError
from ortembed.load_request import LoadRequest
from ortembed.prepare import FLOAT32, find_prepared
from ortembed.providers import choose_providers
from ortembed.runtime_library import available_providers

if TYPE_CHECKING:
    import argparse

    from ortembed.cli.arguments import Commands
    from ortembed.prepared_model import PreparedModel


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "info",
        help="describe a prepared model",
        description="Describe a model that has been prepared: settings, prompts, files, its form and why it has that "
        "one, and how its vectors compare with float32's; this machine's runtime, instructions and cache; and what "
        "an accelerator's test saw. Nothing is downloaded or made.",
        examples=[
            "ortembed info all-minilm-l6-v2",
            "ortembed info bge-small-en-v1.5 --dtype int8 --json",
        ],
    )
    add_model(parser)
    add_source(parser, may_fetch=False)
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the description."""
    stream = standard_output()
    known = {
        **describe(options.model, _find(options)),
        "machine": machine(options.cache_dir),
        "accelerator": _accelerator(options),
    }
    if options.json:
        print(json.dumps(known, indent=1), file=stream)
    else:
        quoted = {name: json.dumps(prompt, ensure_ascii=False) for name, prompt in known["prompts"].items() if prompt}
        print("\n".join(lines({**known, "prompts": quoted})), file=stream)
    return 0


def _accelerator(options: argparse.Namespace) -> dict[str, Any] | None:
    """Give what CoreML's self-test saw, where there is CoreML and it was tested with its default options."""
    choice = choose_providers(None, available_providers())
    where = {"revision": options.revision, "cache_dir": options.cache_dir}
    prepared = find_prepared(options.model, form="coreml", **where) if choice.accelerators else None
    if prepared is None:
        return None
    from ortembed.coreml_trial import CoreMLTrial  # noqa: PLC0415 - with much that the CPU does not need

    request = LoadRequest(options.model, choice, local_files_only=True, **where)
    verdict = CoreMLTrial(request, prepared).known_verdict()
    return table(verdict) if verdict else None


def _find(options: argparse.Namespace) -> PreparedModel:
    prepared = find_prepared(options.model, **variant(options))
    if prepared:
        return prepared
    usual = {"--dtype": FLOAT32}
    asked = {
        "--dtype": options.dtype,
        "--form": options.form,
        "--onnx": options.onnx,
        "--revision": options.revision,
        "--cache-dir": options.cache_dir,
    }
    flags = [word for flag, value in asked.items() if value not in (None, usual.get(flag)) for word in (flag, value)]
    raise ModelNotFoundError(
        f"{options.model!r} has not been prepared as {options.dtype}{' for ' if options.form else ''}"
        f"{options.form or ''}; run: {shlex.join(['ortembed', 'prepare', options.model, *flags])}"
    )
