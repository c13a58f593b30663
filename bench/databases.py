"""How fast and how exactly vector databases find the demo's docstrings, embedded by ortembed.

Run in the environment of the databases, which ``./dev test`` makes: ``.dev/databases/bin/python -m bench.databases``.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import chromadb
import lancedb
import numpy as np
from lancedb.index import IvfFlat
from lancedb.pydantic import LanceModel, Vector
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, VectorParams

from bench.corpora.questions import QUESTIONS
from bench.corpora.selection import evenly
from bench.corpora.stdlib_docstrings import docstrings
from bench.exact_search import FOUND, Corpus
from bench.machine import describe_machine
from ortembed import Embedder, TruncationWarning
from ortembed.cores import choose_threads
from ortembed.integrations.chroma import OrtembedEmbeddingFunction
from ortembed.integrations.lancedb import OrtembedEmbeddings

if TYPE_CHECKING:
    from collections.abc import Callable

    Search = Callable[[str], list[str]]  # a question to the ids of the nearest texts

PARTITIONS, PROBED = 64, 16  # of LanceDB's IVF index
ROUNDS = 4  # of all questions
CHROMA_BATCH = 5000  # Chroma takes 5,461 texts at once


def main() -> None:
    """Measure each database in turn; print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=10_000, help="docstrings at most")
    texts = evenly(docstrings(), parser.parse_args().texts)
    warnings.simplefilter("ignore", TruncationWarning)  # long docstrings are cut, as they should be
    embedder = Embedder()
    corpus = Corpus(texts, embedder.encode_document([docstring.passage for docstring in texts]), QUESTIONS,
                    embedder.encode_query(QUESTIONS))  # fmt: skip
    print(describe_machine(choose_threads(None)))
    print("| engine | index (texts/s) | query p50 / p95 (ms) | recall@10 |\n| --- | --- | --- | --- |")
    for name, index in ENGINES.items():
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {name} | {measure(index, Path(folder), corpus, embedder)} |", flush=True)


def measure(
    index: Callable[[Path, Corpus, Embedder], Search], folder: Path, corpus: Corpus, embedder: Embedder
) -> str:
    """Give the cells of a row: embedding counts, both of texts and of questions."""
    start = time.perf_counter()
    search = index(folder, corpus, embedder)
    speed = len(corpus.docstrings) / (time.perf_counter() - start)
    times, found = [], []
    for question in corpus.questions * ROUNDS:
        start = time.perf_counter()
        found.append(search(question))
        times.append((time.perf_counter() - start) * 1000)
    p50, p95 = np.percentile(times, [50, 95])
    recall = corpus.recall(found[: len(corpus.questions)])
    return f"{speed:.0f} | {p50:.1f} / {p95:.1f} | {recall:.3f}"


def brute_force(_folder: Path, corpus: Corpus, embedder: Embedder) -> Search:
    """One matrix in memory: what a database has to be better than."""
    vectors = embedder.encode_document(corpus.passages)
    return lambda question: [str(i) for i in np.argsort(-(vectors @ embedder.encode_query(question)))[:FOUND]]


def chroma(folder: Path, corpus: Corpus, embedder: Embedder) -> Search:
    """HNSW, as Chroma sets it up."""
    client = chromadb.PersistentClient(str(folder), chromadb.Settings(anonymized_telemetry=False))
    collection = client.create_collection("corpus", embedding_function=OrtembedEmbeddingFunction(embedder))
    for start in range(0, len(corpus.ids), CHROMA_BATCH):
        part = slice(start, start + CHROMA_BATCH)
        collection.add(ids=corpus.ids[part], documents=corpus.passages[part])
    return lambda question: collection.query(query_texts=[question], n_results=FOUND, include=[])["ids"][0]


def lance_table(folder: Path, corpus: Corpus, embedder: Embedder) -> lancedb.table.Table:
    """Make a table of the corpus, which embeds it."""
    function = OrtembedEmbeddings.create(embedder)

    class Text(LanceModel):
        id: str
        text: str = function.SourceField()
        vector: Vector(function.ndims()) = function.VectorField()

    table = lancedb.connect(folder).create_table("corpus", schema=Text)
    table.add([{"id": place, "text": text} for place, text in zip(corpus.ids, corpus.passages, strict=True)])
    return table


def lance_exact(folder: Path, corpus: Corpus, embedder: Embedder) -> Search:
    """Without an index LanceDB reads every vector."""
    table = lance_table(folder, corpus, embedder)

    def search(question: str) -> list[str]:
        found = table.search(question).distance_type("cosine").select(["id", "_distance"]).limit(FOUND)
        return [row["id"] for row in found.to_list()]

    return search


def lance_ivf(folder: Path, corpus: Corpus, embedder: Embedder) -> Search:
    """A quarter of an index's partitions."""
    table = lance_table(folder, corpus, embedder)
    table.create_index("vector", config=IvfFlat(distance_type="cosine", num_partitions=PARTITIONS))

    def search(question: str) -> list[str]:
        found = table.search(question, query_type="vector").nprobes(PROBED).select(["id", "_distance"]).limit(FOUND)
        return [row["id"] for row in found.to_list()]

    return search


def qdrant(_folder: Path, corpus: Corpus, embedder: Embedder) -> Search:
    """Qdrant's local mode, in memory: it computes all distances with numpy."""
    client = QdrantClient(":memory:")
    client.create_collection("corpus", VectorParams(size=embedder.dimension, distance=Distance.COSINE))
    client.upload_collection("corpus", embedder.encode_document(corpus.passages), ids=range(len(corpus.ids)))

    def search(question: str) -> list[str]:
        found = client.query_points("corpus", query=embedder.encode_query(question), limit=FOUND)
        return [str(point.id) for point in found.points]

    return search


ENGINES = {
    "numpy, exact": brute_force,
    "Chroma, HNSW": chroma,
    "LanceDB, exact": lance_exact,
    f"LanceDB, IVF ({PROBED} of {PARTITIONS} partitions)": lance_ivf,
    "Qdrant, local mode in memory": qdrant,
}

if __name__ == "__main__":
    main()
