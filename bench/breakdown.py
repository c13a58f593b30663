"""What one text costs beside tokenization and the run itself: each call taken apart by the embedder's own clocks.

Beside the model in each dtype runs an empty one, a lookup of a few numbers a token: a real run leaves caches that are
cold for all that follows, so what the code itself takes shows there. Run by ``python -m bench.breakdown``.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save_model

import ortembed
from bench.model import MODEL, model_folder
from ortembed.prepare.graph import IR_VERSION, OPSETS

TEXT = "How do I copy a whole directory tree to another place in Python?"
STAGES = ("tokenize", "plan", "run", "pool")  # as Embedder.stats() names them
ALLOWED_MICROSECONDS = 10.0
WARM_UP = 50
EMPTY_WIDTH = 8


@dataclass(frozen=True)
class Breakdown:
    """One call of encode with one text: medians over calls, in microseconds.

    Attributes:
        name: Of the model.
        tokens: Of the text.
        stages: By STAGES.
        rest: What is in no stage: checks and calls in Python, the array, locks.
        overhead: What is neither tokenization nor the run: plan and tensors, pooling, the rest.
        total: The whole call.
    """

    name: str
    tokens: int
    stages: dict[str, float]
    rest: float
    overhead: float
    total: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="bench.breakdown", description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    found = [measure(dtype, ortembed.Embedder(MODEL, dtype=dtype), options.calls) for dtype in ("float32", "int8")]
    with tempfile.TemporaryDirectory() as folder:
        found.append(measure("empty model", empty_model(Path(folder)), options.calls))
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=1), "utf-8")


def empty_model(folder: Path) -> ortembed.Embedder:
    """Make a model with the default model's tokenizer whose graph only looks tokens up."""
    for name in ("config.json", "tokenizer.json"):
        shutil.copyfile(model_folder() / name, folder / name)
    words = json.loads((folder / "config.json").read_text("utf-8"))["vocab_size"]
    table = numpy_helper.from_array(np.ones((words, EMPTY_WIDTH), np.float32), "table")
    shape = ["batch", "sequence"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name in ("input_ids", "attention_mask")
    ]
    output = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, [*shape, EMPTY_WIDTH])
    node = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    graph = helper.make_graph([node], "empty", inputs, [output], [table])
    save_model(helper.make_model(graph, opset_imports=OPSETS, ir_version=IR_VERSION), folder / "model.onnx")
    return ortembed.Embedder(folder, cache_dir=folder / "cache")


def measure(name: str, embedder: ortembed.Embedder, calls: int) -> Breakdown:
    """Embed one text so many times, reading the clocks between calls."""
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
    return Breakdown(name, tokens, dict(zip(STAGES, stages, strict=True)), rest, overhead, total)


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
    head = " | ".join(f"{one.name}, {one.tokens} tokens" for one in found)
    lines = [f"| µs a call | {head} |", "|---" * (len(found) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(f'{value:.1f}' for value in values)} |" for name, values in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
