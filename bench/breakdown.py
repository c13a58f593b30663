"""What one text costs beside tokenization and the run itself: each call taken apart by the embedder's own clocks.

Run by ``python -m bench.breakdown [--calls 2000] [--json FILE]``.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import ortembed
from bench.model import MODEL

TEXT = "How do I copy a whole directory tree to another place in Python?"
STAGES = ("tokenize", "plan", "run", "pool")  # as Embedder.stats() names them
ALLOWED_MICROSECONDS = 10.0
WARM_UP = 50


@dataclass(frozen=True)
class Breakdown:
    """One call of encode with one text: medians over calls, in microseconds.

    Attributes:
        tokens: Of the text.
        stages: By STAGES.
        rest: What is in no stage: checks and calls in Python, the array, locks.
        overhead: What is neither tokenization nor the run: plan and tensors, pooling, the rest.
        total: The whole call.
    """

    dtype: str
    tokens: int
    stages: dict[str, float]
    rest: float
    overhead: float
    total: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench.breakdown", description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", nargs="+", default=["float32", "int8"], choices=["float32", "int8"])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    found = [measure(dtype, options.calls) for dtype in options.dtype]
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=1), "utf-8")


def measure(dtype: str, calls: int) -> Breakdown:
    """Embed one text so many times, reading the clocks between calls."""
    embedder = ortembed.Embedder(MODEL, dtype=dtype)
    rows = []
    for _ in range(WARM_UP + calls):
        before = _clocks(embedder)
        start = time.perf_counter()
        embedder.encode(TEXT)
        total = time.perf_counter() - start
        stages = _clocks(embedder) - before
        rows.append([*stages, total - stages.sum(), total - stages[0] - stages[2], total])
    *stages, rest, overhead, total = np.median(np.array(rows[WARM_UP:]) * 1e6, axis=0).tolist()
    tokens = int(embedder.token_count(TEXT)[0])
    return Breakdown(dtype, tokens, dict(zip(STAGES, stages, strict=True)), rest, overhead, total)


def _clocks(embedder: ortembed.Embedder) -> np.ndarray:
    stats = embedder.stats()
    return np.array([getattr(stats, f"{stage}_seconds") for stage in STAGES])


def table(found: list[Breakdown]) -> str:
    """Format as a Markdown table, in microseconds."""
    names = {"tokenize": "tokenize", "plan": "plan, tensors", "run": "run", "pool": "pool, normalize"}
    rows = [(names[stage], [one.stages[stage] for one in found]) for stage in STAGES]
    rows += [
        ("the rest, in Python", [one.rest for one in found]),
        ("whole call", [one.total for one in found]),
        (
            f"beyond tokenization and run (at most {ALLOWED_MICROSECONDS:.0f} wanted)",
            [one.overhead for one in found],
        ),
    ]
    head = " | ".join(f"{one.dtype}, {one.tokens} tokens" for one in found)
    lines = [f"| µs a call | {head} |", "|---" * (len(found) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(f'{value:.1f}' for value in values)} |" for name, values in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
