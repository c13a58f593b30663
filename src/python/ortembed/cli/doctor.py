"""``ortembed doctor``: what is on this machine, what runs a model here, and whether its vectors are right."""

from __future__ import annotations

import json
import warnings
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.cli.accelerator import table
from ortembed.cli.arguments import add_loading, providers, running
from ortembed.cli.describe import lines
from ortembed.cli.help import add_command
from ortembed.cli.machine import machine
from ortembed.cli.streams import report_step, standard_output
from ortembed.known_vectors import known_vectors
from ortembed.load_request import LoadRequest, choose_here
from ortembed.loading import Loaded, load
from ortembed.quality import FLOORS, cosines
from ortembed.responses import ProviderWarning

if TYPE_CHECKING:
    import argparse

    from ortembed.cli.arguments import Commands
    from ortembed.pipeline import Pipeline


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "doctor",
        help="tell what runs a model on this machine, and whether it is right",
        description="Show the runtime, its providers, threads and cache; load a model, and tell what runs it and "
        "why. With --self-test, compare its vectors with those of an independent implementation (the default model's "
        "alone), and an accelerator's with the CPU's, anew. Exit status 1 where something is wrong.",
        examples=[
            "ortembed doctor",
            "ortembed doctor --self-test --providers coreml,cpu",
        ],
    )
    add_loading(parser)
    parser.add_argument("--self-test", action="store_true", help="compare vectors, and time an accelerator, anew")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the findings; tell by the status whether all is well."""
    stream = standard_output()
    findings = machine(options.cache_dir, options.threads)
    if not options.json:
        print("\n".join(lines(findings)), file=stream, flush=True)
    report_step("loading the model")
    loaded = _load(options)
    known = _describe(options, loaded)
    problems = [loaded.remark] if loaded.remark and options.providers else []
    if options.self_test:
        known["self-test"], faults = _self_test(options, loaded)
        problems += [fault for fault in faults if fault not in problems]
    known["problems"] = problems
    if options.json:
        print(json.dumps({**findings, **known}, indent=1), file=stream)
    else:
        print("\n".join(lines({**known, "problems": problems or "none"})), file=stream)
    return 1 if problems else 0


def _load(options: argparse.Namespace) -> Loaded:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ProviderWarning)  # told as the remark
        choice = choose_here(providers(options))
        return load(LoadRequest(options.model, choice, test_again=options.self_test, **running(options)))


def _describe(options: argparse.Namespace, loaded: Loaded) -> dict[str, Any]:
    pipeline = loaded.pipeline
    start = perf_counter()
    pipeline.encode(["health check"])
    milliseconds = (perf_counter() - start) * 1000
    report = loaded.report()
    return {
        "model": options.model,
        "dtype": pipeline.prepared.facts.dtype,
        "form": report.form,
        "form reason": report.form_reason,
        "folder": str(pipeline.prepared.folder),
        "runs on": list(report.providers),
        "partition": {shape: str(partition) for shape, partition in report.partitions.items()},
        "remark": report.remark,
        "first embedding": f"{milliseconds:.1f} ms",
    }


def _self_test(options: argparse.Namespace, loaded: Loaded) -> tuple[dict[str, Any], list[str]]:
    """Give the figures, and what is wrong."""
    figures, problems = _against_known(options.model, loaded.pipeline)
    verdict = loaded.verdict
    if verdict:
        figures["accelerator"] = table(verdict)
    if verdict and not verdict.is_right:
        problems.append(verdict.reason)
    return figures, problems


def _against_known(name: str, pipeline: Pipeline) -> tuple[dict[str, Any], list[str]]:
    known = known_vectors(name)
    if known is None:
        return {"reference": "none for this model; the default model has one"}, []
    vectors = pipeline.encode(known.texts)
    least = float(cosines(vectors, known.vectors).min())
    figures = {
        "reference": known.origin,
        "texts": len(known.texts),
        "least cosine": least,
        "largest difference": float(np.abs(vectors - known.vectors).max()),
    }
    floor = FLOORS[pipeline.prepared.facts.dtype].cosine_min
    fault = f"the least cosine to the reference is {least:.6f}, below {floor}"
    return figures, [] if least >= floor else [fault]
