"""The process of one engine: imports, loads, and answers the jobs that it reads from its standard input, one a line.

Run by ``python -m bench.engines.worker MODULE SETUP [prepare]`` in the engine's environment; SETUP and the jobs are
JSON. Answers go to the standard output that the process was started with; what libraries print goes to stderr.
"""

from __future__ import annotations

import ctypes
import importlib.metadata
import itertools
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.engines import load_engine
from bench.engines.base import Setup
from bench.engines.usage import cpu_seconds, peak_megabytes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.engines.base import Engine

_FIRST = "How do I copy a whole directory tree?"
_WARM_UP = 5  # queries before those that are timed
_IDLE_SECONDS = 0.5


def main() -> None:
    """Prepare the engine's files, or start it and answer jobs until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    die_with_parent()
    engine = load_engine(sys.argv[1])
    given = json.loads(sys.argv[2])
    setup = Setup(Path(given["model"]), Path(given["made"]), given["threads"], given["max_tokens"])
    keep_to_cores(setup.threads)

    def answer(value: dict[str, Any]) -> None:
        answers.write(json.dumps(value) + "\n")
        answers.flush()

    if sys.argv[3:] == ["prepare"]:
        engine.prepare(setup)
        answer({})
        return
    try:
        answer(start(engine, setup))
        for line in sys.stdin:
            job = json.loads(line)
            answer(JOBS[job["job"]](engine, job["texts"], job))
    finally:
        engine.close()


def start(engine: Engine, setup: Setup) -> dict[str, Any]:
    """Import, load and embed a first text; give the seconds of each, and versions."""
    times = [time.perf_counter()]
    for step in (engine.import_library, lambda: engine.load(setup), lambda: engine.encode_one(_FIRST)):
        step()
        times.append(time.perf_counter())
    seconds = [after - before for before, after in itertools.pairwise(times)]
    return {
        **dict(zip(("import_seconds", "load_seconds", "first_seconds"), seconds, strict=True)),
        "python": sys.version.split()[0],
        "remark": engine.remark(),
        "versions": {name: importlib.metadata.version(name) for name in engine.packages},
    }


def vectors(engine: Engine, texts: Sequence[str], job: dict[str, Any]) -> dict[str, Any]:
    """Embed the texts together, and the first of them alone as well; write both as one array."""
    import numpy as np  # noqa: PLC0415 - the engine's import may be what is timed

    alone = engine.encode_one(texts[0])
    np.save(job["file"], np.concatenate([np.asarray(engine.encode(texts)), np.asarray(alone)[None]]))
    return {}


def queries(engine: Engine, texts: Sequence[str], _job: dict[str, Any]) -> dict[str, Any]:
    """Embed the texts one after another; give the seconds of each, and the CPU time of the pause after them."""
    for text in texts[:_WARM_UP]:
        engine.encode_one(text)
    before = cpu_seconds(engine.process_ids())
    seconds = []
    for text in texts:
        start_time = time.perf_counter()
        engine.encode_one(text)
        seconds.append(time.perf_counter() - start_time)
    after = cpu_seconds(engine.process_ids())
    time.sleep(_IDLE_SECONDS)
    idle = cpu_seconds(engine.process_ids()) - after
    return {"seconds": seconds, "cpu_seconds": after - before, "idle_cores": idle / _IDLE_SECONDS}


def corpus(engine: Engine, texts: Sequence[str], _job: dict[str, Any]) -> dict[str, Any]:
    """Embed the texts in one call; give its seconds, CPU seconds and the peak of memory until now."""
    before = cpu_seconds(engine.process_ids())
    start_time = time.perf_counter()
    engine.encode(texts)
    seconds = time.perf_counter() - start_time
    processes = engine.process_ids()
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds(processes) - before,
        "peak_rss_mb": peak_megabytes(processes),
    }


def tokenized(engine: Engine, texts: Sequence[str], _job: dict[str, Any]) -> dict[str, Any]:
    """Embed the texts from their tokens on, in one call; give its seconds, null where the engine takes no tokens."""
    run = engine.on_tokens(texts)
    if run is None:
        return {"seconds": None}
    start_time = time.perf_counter()
    run()
    return {"seconds": time.perf_counter() - start_time}


JOBS = {"vectors": vectors, "queries": queries, "corpus": corpus, "tokenized": tokenized}


def keep_to_cores(count: int) -> None:
    """Let this process, and what it starts, run on that many of its cores, where the system can tell."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])


def die_with_parent() -> None:
    """Have the system end this process with its parent, however that ends, where the system can."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


if __name__ == "__main__":
    main()
