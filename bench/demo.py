"""The demo: embeds the standard library's docstrings, answers questions over them, and tells how fast and how exact.

Run by ``./dev demo``.
"""

from __future__ import annotations

import json
import platform
import time
import warnings
from pathlib import Path

import numpy as np

import ortembed
from bench.corpora.stdlib_docstrings import docstrings

QUESTIONS = [
    "How do I copy a whole directory tree?",
    "run a function in a separate process and get its result",
    "find the most common elements of a list",
    "compare two files and show the differences",
    "wait until one of several sockets has data",
    "parse a date written as text",
]
MATCHES = 3
LATENCY_RUNS = 200
GOLDEN = Path(__file__).resolve().parents[1] / "tests/data/golden"


def main() -> None:
    """Run the demo."""
    warnings.simplefilter("ignore", ortembed.TruncationWarning)  # long docstrings are cut, as they should be
    start = time.perf_counter()
    embedder = ortembed.Embedder("all-minilm-l6-v2")
    info = embedder.model_info()
    print(f"{embedder!r}, ONNX Runtime {info.runtime_version}, ready in {time.perf_counter() - start:.2f} s")
    corpus = docstrings()
    texts = [docstring.passage for docstring in corpus]
    print(f"{len(texts):,} docstrings of Python {platform.python_version()}'s standard library")

    start = time.perf_counter()
    vectors = embedder.encode(texts)
    seconds = time.perf_counter() - start
    for question in QUESTIONS:
        answer(embedder, question, [docstring.name for docstring in corpus], vectors)

    print(f"\nthroughput  {len(texts) / seconds:.0f} texts/s ({len(texts):,} texts in {seconds:.1f} s)")
    p50, p95 = latency(embedder)
    print(f"one query   p50 {p50:.2f} ms, p95 {p95:.2f} ms ({LATENCY_RUNS} runs)")
    print(agreement(embedder))


def answer(embedder: ortembed.Embedder, question: str, names: list[str], vectors: np.ndarray) -> None:
    """Print the best matches for a question."""
    scores = embedder.similarity(embedder.encode_query(question), vectors)[0]
    print(f"\n{question}")
    for index in np.argsort(-scores)[:MATCHES]:
        print(f"  {scores[index]:.3f}  {names[index]}")


def latency(embedder: ortembed.Embedder) -> tuple[float, float]:
    """Time single questions; give p50 and p95 in milliseconds, tokenization included."""
    times = []
    for run in range(LATENCY_RUNS):
        question = QUESTIONS[run % len(QUESTIONS)]
        start = time.perf_counter()
        embedder.encode_query(question)
        times.append((time.perf_counter() - start) * 1000)
    return float(np.percentile(times, 50)), float(np.percentile(times, 95))


def agreement(embedder: ortembed.Embedder) -> str:
    """Compare with vectors made by sentence-transformers on torch."""
    texts = json.loads((GOLDEN / "texts.json").read_text("utf-8"))["texts"]
    reference = np.load(GOLDEN / "vectors.npz")["normalized"]
    vectors = embedder.encode(texts)
    difference = float(np.abs(vectors - reference).max())
    cosine = float((vectors * reference).sum(1).min())
    return (
        f"agreement   {len(texts)} reference vectors of sentence-transformers: "
        f"largest difference {difference:.1e}, smallest cosine {cosine:.7f}"
    )


if __name__ == "__main__":
    main()
