"""Measures ortembed's int8 beside the runtime's, both without VNNI, on a machine that may have it.

Run by ``python -m bench.without_vnni [--rounds N] [--query-rounds N] [--threads N] [--json FILE]``, on Linux x86-64,
after ``./dev build``; some three minutes once everything is made. Every row's vectors are compared with the golden
ones before anything is timed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from bench.corpora.selection import CORPORA, select_texts
from bench.engines.base import Setup
from bench.environments import HOME, MADE, python_of
from bench.errors import EngineError
from bench.machine import describe_machine
from bench.measure import Measurement
from bench.model import model_folder
from bench.plan import FULL, Plan
from bench.without_vnni.comparison import figures_table, ratios_table
from bench.without_vnni.hiding import check_system
from bench.without_vnni.rows import OURS, prepare_rows, rows_of_machine
from bench.worker_process import WorkerProcess

if TYPE_CHECKING:
    from bench.engines.base import Engine


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="bench.without_vnni", description=__doc__.splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=5, help="turns of each row with the corpora (default %(default)s)"
    )
    parser.add_argument("--query-rounds", type=int, default=20, help="with single queries (default %(default)s)")
    parser.add_argument("--threads", type=int, default=2, help="for each row (default %(default)s)")
    parser.add_argument("--json", type=Path, help="write all that was measured to this file too")
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    try:
        check_system()
        with FileLock(HOME / "lock", timeout=0):
            result = measure(options.rounds, options.query_rounds, options.threads)
    except EngineError as error:
        sys.exit(str(error))
    except Timeout:
        sys.exit("another run of the benchmark is going on in this tree; wait until it has ended")
    print(report(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")


def measure(rounds: int, query_rounds: int, threads: int) -> dict[str, Any]:
    """Measure every row in turn, so many times the corpora and the queries.

    Raises:
        EngineError: A row cannot be measured, or gives wrong vectors.
    """
    plan = Plan(FULL.queries, query_rounds, FULL.texts, rounds, extra_starts=0, processes_apart=False)
    setup = Setup(model_folder(), MADE, threads)
    machine = describe_machine(threads)
    rows = rows_of_machine(machine["instructions"])
    engines = {str(place): engine for place, engine in enumerate(prepare_rows(rows, setup, machine["instructions"]))}
    texts = select_texts(plan.queries, plan.texts)

    def start(place: str, engine: Engine) -> WorkerProcess:
        return WorkerProcess(python_of(engine.environment), rows[int(place)].module, setup, engine.variables)

    measurement = Measurement(engines, start, texts=texts)
    measurement.run(plan)
    records = list(measurement.records.values())
    for row, record in zip(rows, records, strict=True):
        if record["failure"]:
            raise EngineError(f"{row.label}, {row.instructions}: {record['failure']}")
        record["instructions"] = row.instructions
    return {
        "date": dt.datetime.now(tz=dt.timezone.utc).date().isoformat(),
        "machine": machine,
        "counts": {name: len(texts[name]) for name in CORPORA},
        "rows": records,
    }


def report(result: dict[str, Any]) -> str:
    """Say on what machine, and give the tables."""
    machine, rows, counts = result["machine"], result["rows"], result["counts"]
    own = [row for row in rows if row["label"] == OURS.label]
    others = [row for row in rows if row not in own]
    versions = ", ".join(f"{name} {version}" for name, version in rows[0]["versions"].items())
    corpora = ", ".join(f"{count} {name}" for name, count in counts.items())
    rounds, query_rounds = len(rows[0]["corpora"]["mixed"]), len(rows[0]["queries"])
    heading = (
        f"{machine['processor']} ({', '.join(machine['instructions'])}), {machine['threads_used']} of "
        f"{machine['cores']} cores, {machine['system']}, {result['date']}; {versions}; "
        f"{corpora} texts, rounds: {rounds}; {FULL.queries} queries, rounds: {query_rounds}. "
        f"ortembed's operators: {'; '.join(row['remark'] for row in own)}."
    )
    return "\n\n".join((heading, figures_table(rows, counts), *(ratios_table(row, others) for row in own)))


if __name__ == "__main__":
    main()
