"""The benchmark: competitors side by side, each in its own process and environment, with the same texts and threads.

Run by ``./dev bench``, on Linux or macOS. What it makes stays in .dev/bench; results go to build/bench/results.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from bench.corpora.selection import select_texts
from bench.engines import MODULES, load_engine, with_isas
from bench.engines.base import Setup
from bench.environments import HOME, MADE, ROOT
from bench.errors import EngineError
from bench.machine import describe_machine
from bench.measure import Measurement, new_record, say, start_in_environment
from bench.model import model_folder
from bench.parts import COMPETITORS, PARTS, USUAL, run_part
from bench.picture import draw
from bench.plan import FULL, QUICK, SMOKE
from bench.preparation import is_prepared, prepare_engine
from bench.report import markdown
from bench.roofline import NoCompilerError, measure, middle
from bench.workload import workloads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.roofline import Peaks


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the parts; write benchmark.json, .md, .svg and .png, and what the other parts write."""
    options = read_options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # as an exception, so that no process is left behind
    for folder in (HOME, options.output):
        folder.mkdir(parents=True, exist_ok=True)
    command = " ".join(["./dev bench", *(sys.argv[1:] if arguments is None else arguments)])
    try:
        with FileLock(HOME / "lock", timeout=0):  # two at once would disturb each other, and what they make
            run_parts(options, command)
    except Timeout:
        sys.exit("another run of the benchmark is going on in this tree; wait until it has ended")
    say(f"results are in {options.output}")


def run_parts(options: argparse.Namespace, command: str) -> None:
    """Run one part after another; one that fails is told, and the others go on."""
    if COMPETITORS in options.parts:
        write_results(run_competitors(options, command), options.output)
    for part in options.parts:
        try:
            if part != COMPETITORS:
                run_part(part, options.output)
        except EngineError as error:
            say(f"{part}: {error}")


def run_competitors(options: argparse.Namespace, command: str) -> dict[str, Any]:
    """Measure the engines side by side; give all that was measured, and where."""
    plan = options.plan.with_texts(options.texts) if options.texts else options.plan
    setup = Setup(model_folder(), MADE, options.threads)
    machine = describe_machine(options.threads)
    engines, unprepared = prepare_engines(options.engines, setup, only_made=options.quick and not options.named)
    texts = select_texts(plan.queries, plan.texts)
    roofline = Roofline(options.threads)
    measurement = Measurement(engines, start_in_environment(setup), texts=texts, between=roofline.measure)
    measurement.run(plan)
    return {
        "command": command,
        "date": dt.datetime.now(tz=dt.timezone.utc).date().isoformat(),
        "machine": machine,
        "max_tokens": setup.max_tokens,
        "plan": asdict(plan),
        "texts": {name: asdict(load) for name, load in workloads(setup.model, texts, setup.max_tokens).items()},
        "roofline": roofline.result(),
        "engines": [*measurement.records.values(), *unprepared],
    }


def read_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="dev bench", description="Measure ortembed beside its competitors.")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="under five minutes: fewer texts and repeats, one process "
                      "for both jobs, and only engines whose environment is made already")  # fmt: skip
    size.add_argument("--smoke", action="store_true", help="a few texts each, to see that everything works")
    parser.add_argument("--engines", help=f"comma-separated, of {', '.join(MODULES)}; made where they are missing")
    parser.add_argument("--isa", help="comma-separated, as ORTEMBED_ISA spells instruction sets: a row more for each "
                        "engine that runs ortembed's own operators, which then uses these")  # fmt: skip
    parser.add_argument("--threads", type=int, default=min(2, cores), help="for each engine (default %(default)s)")
    parser.add_argument("--texts", type=int, help="mixed texts a turn; short and long ones in proportion")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench/results", help="folder of the results")
    parser.add_argument("--parts", help=f"comma-separated, of {', '.join(PARTS)} (default: {', '.join(USUAL)}; "
                        f"{COMPETITORS} alone with --quick, --smoke or --engines)")  # fmt: skip
    options = parser.parse_args(arguments)
    if not 1 <= options.threads <= cores:
        parser.error(f"--threads is {options.threads}; this process may use 1 to {cores}")
    if options.texts is not None and options.texts < 1:
        parser.error(f"--texts is {options.texts}, not a number of texts")
    options.named = options.engines is not None
    options.engines = options.engines.split(",") if options.named else MODULES
    if unknown := set(options.engines) - set(MODULES):
        parser.error(f"unknown engines: {', '.join(sorted(unknown))}; there are {', '.join(MODULES)}")
    options.engines = with_isas(options.engines, options.isa.split(",") if options.isa else [])
    small = options.quick or options.smoke or options.named
    options.parts = options.parts.split(",") if options.parts else [COMPETITORS] if small else list(USUAL)
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown parts: {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    options.plan = QUICK if options.quick else SMOKE if options.smoke else FULL
    return options


def prepare_engines(
    modules: Sequence[str], setup: Setup, *, only_made: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give the engines that are ready, and records of those that are not, with the reason."""
    ready, failed = {}, []
    for module in modules:
        try:
            if only_made:
                check_made(module, setup)
            ready[module] = prepare_engine(module, setup)
        except EngineError as error:
            say(f"{module} is out: {error}")
            failed.append({**new_record(module, load_engine(module)), "failure": str(error)})
    return ready, failed


def check_made(module: str, setup: Setup) -> None:
    """Refuse a competitor that would have to be made first; ours is made again with each change of the tree."""
    if not load_engine(module).ours and not is_prepared(module, setup):
        raise EngineError("its environment is not made yet; ./dev bench without --quick makes it")


class Roofline:
    """The machine's limits for the cores that are used, measured again and again while the engines are."""

    def __init__(self, threads: int) -> None:
        """Have nothing measured."""
        self._threads = threads
        self._found: list[Peaks] = []
        self._is_known = True

    def measure(self) -> None:
        """Measure once, where that can be done."""
        if not self._is_known:
            return
        try:
            say("measuring the machine's limits")
            self._found.append(measure(self._threads))
        except EngineError as error:
            say(f"the machine's limits are not known: {error}")
            self._is_known = not isinstance(error, NoCompilerError)  # which the next time would not mend

    def result(self) -> dict[str, Any] | None:
        """Give the medians; None where there are none."""
        return asdict(middle(self._found)) if self._found else None


def write_results(result: dict[str, Any], folder: Path) -> None:
    """Write the result in each form, and print the table."""
    (folder / "benchmark.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    text = markdown(result)
    (folder / "benchmark.md").write_text(text, "utf-8")
    print(text)
    try:
        draw(folder)
    except EngineError as error:
        say(f"no picture: {error}")


if __name__ == "__main__":
    main()
