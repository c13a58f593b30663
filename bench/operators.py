"""Where a run's time goes by operator, and at what rate: the padded graph under the runtime's own profiler.

A node's time is the mean over its fastest tenth of the runs, which a busy machine disturbs least.
Run by ``python -m bench.operators [--dtype float32 int8] [--json FILE]``.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ortembed.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Sequence

MODEL = "all-minilm-l6-v2"
WARM_UP = 5
NODE, RUN = "_kernel_time", "model_run"  # how the profiler names their events
CONTAINERS = {"If", "Loop", "Scan"}  # whose inner nodes have events of their own
ATTENTIONS = {"Attention", "QAttention"}
PRODUCTS = ATTENTIONS | {"MatMul", "FusedMatMul", "MatMulIntegerToFloat", "DynamicQuantizeMatMul"}


@dataclass(frozen=True)
class Shape:
    """What is run: texts of equal length, and how many threads run them."""

    name: str
    batch: int
    tokens: int
    threads: int


SHAPES = (Shape("one query", 1, 15, 2), Shape("a batch of 512 tokens", 8, 64, 1))


@dataclass(frozen=True)
class OperatorTime:
    """One kind of operator in one run.

    Attributes:
        operator: Its name as the runtime runs it, and of a product the widths of what goes in and comes out.
        nodes: How many of it the graph runs.
        microseconds: Of all of them together.
        share: Of the sum over all operators.
        gflops: Operations in products and attention, a multiplication and an addition being two; 1e9 a second.
        gigabytes: Values read and written, without weights; 1e9 bytes a second.
    """

    operator: str
    nodes: int
    microseconds: float
    share: float
    gflops: float
    gigabytes: float


@dataclass(frozen=True)
class Profile:
    """A run taken apart.

    Attributes:
        run_microseconds: Of the whole run.
        operators: The slowest first.
    """

    dtype: str
    shape: Shape
    run_microseconds: float
    operators: list[OperatorTime]

    @property
    def outside_microseconds(self) -> float:
        """What the run takes beyond its operators: the runtime's own work between them."""
        return self.run_microseconds - sum(row.microseconds for row in self.operators)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="bench.operators", description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", nargs="+", default=["float32", "int8"], choices=["float32", "int8"])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    profiles = [profile(dtype, shape, options.runs) for dtype in options.dtype for shape in SHAPES]
    for one in profiles:
        print(table(one), end="\n\n")
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in profiles], indent=1), "utf-8")


def profile(dtype: str, shape: Shape, runs: int, graph: Path | None = None) -> Profile:
    """Run a prepared graph under the profiler, its options those of the engine.

    Args:
        dtype: Of the default model.
        shape: What to run.
        runs: How often.
        graph: Another graph than the default model's.
    """
    graph = graph or prepare(MODEL, dtype=dtype, form="cpu").graph
    with tempfile.TemporaryDirectory() as folder:
        events = _run_profiled(graph, shape, runs, Path(folder) / "profile")
    return summarize(events, dtype, shape)


def _run_profiled(graph: Path, shape: Shape, runs: int, prefix: Path) -> list[dict[str, Any]]:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read once, when the module is imported
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = shape.threads
    options.log_severity_level = 3
    options.enable_mem_pattern = False
    options.enable_profiling = True
    options.profile_file_prefix = str(prefix)
    options.add_session_config_entry("optimization.disable_specified_optimizers", "SkipLayerNormFusion")
    session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    ids = np.random.default_rng(0).integers(1000, 20_000, (shape.batch, shape.tokens))
    values = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    feed = {value.name: values[value.name] for value in session.get_inputs()}
    for _ in range(WARM_UP + runs):
        session.run(None, feed)
    return json.loads(Path(session.end_profiling()).read_text("utf-8"))


@dataclass
class _Sum:
    """What the nodes of one kind do in a run."""

    nodes: int = 0
    microseconds: float = 0.0
    operations: float = 0.0
    bytes: float = 0.0


def summarize(events: Sequence[dict[str, Any]], dtype: str, shape: Shape) -> Profile:
    """Sum up the runs that the profiler's events tell of; the first few do not count."""
    times: dict[str, list[float]] = defaultdict(list)
    outside: list[float] = []
    in_run = 0.0
    for event in sorted(events, key=lambda event: event["ts"] + event["dur"]):  # in order of their ends
        if event["name"].endswith(NODE):
            if event["args"]["op_name"] in CONTAINERS:
                continue
            times[event["name"]].append(event["dur"])
            in_run += event["dur"]
        elif event["name"] == RUN:
            outside.append(event["dur"] - in_run)
            in_run = 0.0
    sums: dict[str, _Sum] = defaultdict(_Sum)
    for name, arguments in {event["name"]: event["args"] for event in events if event["name"] in times}.items():
        operator, operations = _work(arguments)
        kind = sums[operator]
        kind.nodes += 1
        kind.microseconds += _fastest(times[name])
        kind.operations += operations
        kind.bytes += int(arguments["activation_size"]) + int(arguments["output_size"])
    whole = sum(kind.microseconds for kind in sums.values())
    rows = [_row(name, kind, whole) for name, kind in sums.items()]
    rows.sort(key=lambda row: -row.microseconds)
    return Profile(dtype, shape, whole + _fastest(outside), rows)


def _fastest(times: Sequence[float]) -> float:
    kept = sorted(times[WARM_UP:])
    return float(np.mean(kept[: max(1, len(kept) // 10)]))


def _row(name: str, kind: _Sum, whole: float) -> OperatorTime:
    rate = 1e-3 / max(kind.microseconds, 1e-3)  # from operations or bytes to 1e9 of them a second
    share = kind.microseconds / whole
    return OperatorTime(name, kind.nodes, kind.microseconds, share, kind.operations * rate, kind.bytes * rate)


def _work(arguments: dict[str, Any]) -> tuple[str, float]:
    """Give the name that a node is counted under, and its operations in products; weights are packed out of sight."""
    operator = arguments["op_name"]
    ((*_, tokens, width),) = arguments["input_type_shape"][0].values() if operator in PRODUCTS else ((0, 0),)
    ((*batch, _, outputs),) = arguments["output_type_shape"][0].values() if operator in PRODUCTS else ((0, 0),)
    rows = math.prod(batch) * tokens
    if operator in ATTENTIONS:  # the projections, then scores and their product with the values
        return operator, 2 * rows * width * 3 * width + 4 * rows * tokens * width
    if operator in PRODUCTS:
        return f"{operator} {width}→{outputs}", 2 * rows * width * outputs
    return operator, 0


def table(one: Profile) -> str:
    """Format a profile as a Markdown table."""
    shape = one.shape
    lines = [
        (
            f"{one.dtype}, {shape.name} ({shape.batch} x {shape.tokens} tokens), threads: {shape.threads}: "
            f"{one.run_microseconds:.0f} µs a run, {one.outside_microseconds:.0f} µs of it outside operators"
        ),
        "",
        "| operator | nodes | µs | share | GFLOP/s | GB/s |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.operator} | {row.nodes} | {row.microseconds:.0f} | {row.share:.1%} | "
        f"{f'{row.gflops:.0f}' if row.gflops else ''} | {row.gigabytes:.1f} |"
        for row in one.operators
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
