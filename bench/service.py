"""What the HTTP service costs beside the Embedder in this process, under load from a second process.

Run by ``python -m bench.service [--dtype float32 int8]``; answers are compared before anything is timed.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import subprocess
import sys
import time
import urllib.request
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

import ortembed
from bench.corpora.selection import select_texts
from bench.load_client import Figures, Job
from bench.machine import describe_machine
from bench.model import MODEL
from bench.service_process import ServiceProcess
from bench.service_report import tables
from ortembed.cores import choose_threads

ROOT = Path(__file__).resolve().parents[1]
MIB = 2**20
BATCH = 32  # texts of a request
TEXTS = {"short": 1024, "mixed": 640, "long": 64}
ROUNDS = 4
QUERIES = 1500
TOLERANCE = {"float32": 1e-5, "int8": 1e-3}


def main() -> None:
    """Measure each dtype, and write service.json."""
    parser = argparse.ArgumentParser(prog="bench.service", description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", nargs="+", default=["float32", "int8"], choices=["float32", "int8"])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="(default %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench/results", help="folder of the results")
    options = parser.parse_args()
    threads = choose_threads(None)
    results: dict[str, Any] = {"machine": describe_machine(threads)}
    for dtype in options.dtype:
        results[dtype] = measure(dtype, options.rounds)
    print(tables(results))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "service.json").write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def measure(dtype: str, rounds: int) -> dict[str, Any]:
    """Measure one dtype: in this process and over HTTP in turn."""
    texts = select_texts(100, TEXTS)
    warnings.simplefilter("ignore", ortembed.TruncationWarning)
    embedder = ortembed.Embedder(MODEL, dtype=dtype)
    with ServiceProcess(MODEL, "--dtype", dtype) as service:
        check_answers(service, embedder, texts["mixed"], TOLERANCE[dtype])
        return {
            "one client": one_client(service, embedder, texts["queries"], rounds),
            "saturation": {
                f"{name}, {size} a request": saturation(service, embedder, texts[name], size, rounds)
                for name, size in (("mixed", BATCH), ("short", BATCH), ("mixed", 1), ("short", 1))
            },
            "resident_mb": round(service.resident_bytes() / MIB),
            "overload": overload(dtype, texts["mixed"]),
        }


def check_answers(service: ServiceProcess, embedder: ortembed.Embedder, texts: list[str], tolerance: float) -> None:
    """Compare the service's vectors with this process's."""
    request = urllib.request.Request(  # noqa: S310 - our own address
        f"{service.url}/v1/embeddings", body(texts).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310 - the same
        data = json.load(response)["data"]
    rows = np.array([np.frombuffer(base64.b64decode(row["embedding"]), "<f4") for row in data])
    difference = float(np.abs(rows - embedder.encode(texts)).max())
    if difference > tolerance:
        sys.exit(f"the service's vectors differ by {difference} from the Embedder's")


def one_client(
    service: ServiceProcess, embedder: ortembed.Embedder, queries: list[str], rounds: int
) -> dict[str, float]:
    """Give the median milliseconds of a query in this process and over HTTP, by one client alone."""
    own: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        for query in queries * (QUERIES // len(queries) // rounds):
            start = time.perf_counter()
            embedder.encode(query)
            own.append(time.perf_counter() - start)
        theirs += load(service, 1, QUERIES // rounds, [body(query) for query in queries]).latencies
    return {
        "in process, p50 ms": ms(own, 50),
        "over HTTP, p50 ms": ms(theirs, 50),
        "over HTTP, p99 ms": ms(theirs, 99),
        "difference ms": round(ms(theirs, 50) - ms(own, 50), 3),
    }


def saturation(
    service: ServiceProcess, embedder: ortembed.Embedder, texts: list[str], size: int, rounds: int
) -> dict[str, Any]:
    """Give texts a second in this process, in one call, and over HTTP with 64 clients; the medians of rounds."""
    connections = 64
    bodies = [body(texts[i : i + size] if size > 1 else texts[i]) for i in range(0, len(texts), size)]
    own, theirs, latencies, statuses, cpu = [], [], [], {}, []
    for _ in range(rounds):
        start = time.perf_counter()
        embedder.encode(texts)
        own.append(len(texts) / (time.perf_counter() - start))
        count = len(bodies) * (4 if size > 1 else 2)
        figures = load(service, connections, count, bodies)
        theirs.append(figures.statuses.get("200", 0) * size / figures.seconds)
        latencies += figures.latencies
        cpu.append(figures.cpu_seconds / figures.seconds)
        for status, number in figures.statuses.items():
            statuses[status] = statuses.get(status, 0) + number
    ratios = [b / a for a, b in zip(own, theirs, strict=True)]
    return {
        "in process, texts/s": round(statistics.median(own)),
        "over HTTP, texts/s": round(statistics.median(theirs)),
        "ratio": round(statistics.median(ratios), 3),
        "clients": connections,
        "p50 ms": ms(latencies, 50),
        "p99 ms": ms(latencies, 99),
        "statuses": statuses,
        "client's cores": round(statistics.median(cpu), 2),
    }


def overload(dtype: str, texts: list[str]) -> dict[str, Any]:
    """Give what 256 clients get of a service that takes 32 requests, and how its memory grows from round to round."""
    bodies = [body(texts[i : i + BATCH]) for i in range(0, len(texts), BATCH)]
    with ServiceProcess(MODEL, "--dtype", dtype, "--max-concurrent-requests", "32") as service:
        resident, statuses = [], {}
        for _ in range(4):
            figures = load(service, 256, 1500, bodies)
            resident.append(round(service.resident_bytes() / MIB))
            for status, number in figures.statuses.items():
                statuses[status] = statuses.get(status, 0) + number
        return {"statuses": statuses, "resident_mb": resident}


def load(service: ServiceProcess, connections: int, requests: int, bodies: list[str]) -> Figures:
    """Load the service from a second process."""
    job = json.dumps(asdict(Job(service.port, connections, requests, bodies)))
    command = [sys.executable, "-m", "bench.load_client"]
    done = subprocess.run(command, input=job, capture_output=True, text=True, check=True, cwd=ROOT)
    return Figures(**json.loads(done.stdout))


def body(texts: str | list[str]) -> str:
    """Give a request's JSON, as OpenAI's client sends it."""
    return json.dumps({"input": texts, "model": MODEL, "encoding_format": "base64"})


def ms(seconds: list[float], percentile: float) -> float:
    """Give a percentile in milliseconds."""
    return round(float(np.percentile(seconds, percentile)) * 1000, 3) if seconds else float("nan")


if __name__ == "__main__":
    main()
