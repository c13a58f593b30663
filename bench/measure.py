"""The measurement: engines checked, then asked in turn, slice by slice, so that noise hits all alike."""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.agreement import check_vectors, golden_texts
from bench.corpora.selection import CORPORA
from bench.environments import python_of
from bench.errors import EngineError
from bench.worker_process import WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from bench.engines.base import Engine, Setup
    from bench.plan import Plan

    Record = dict[str, Any]
    Start = Callable[[str, Engine], WorkerProcess]

_SEED = 20_260_101  # of the order in which engines take turns


class Measurement:
    """One run over engines that are prepared; ``records`` has what each gave, or why it does not take part."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        start: Start,
        *,
        texts: Mapping[str, Sequence[str]],
        between: Callable[[], object] | None = None,
    ) -> None:
        """Name the engines by module, how their processes are started, and the texts by job.

        ``between`` is called before each round of a corpus, while all processes are paused.
        """
        self.records: dict[str, Record] = {module: new_record(module, engine) for module, engine in engines.items()}
        self._engines = engines
        self._start = start
        self._texts = texts
        self._between = between
        self._random = random.Random(_SEED)  # noqa: S311 - no secrets
        self._workers: dict[str, WorkerProcess] = {}

    def run(self, plan: Plan) -> None:
        """Check every engine, then measure those whose vectors are right."""
        with self:  # this first start reads from a disk that may be cold, and does not count
            self._open(record_start=False)
            self._in_turn("checking vectors", self._check)
        for number in range(plan.extra_starts):
            with self:
                self._open(note=f"starts, {number + 1} of {plan.extra_starts}")
        with self:
            self._open(note="starting processes")
            for number in range(plan.query_rounds):
                self._in_turn(f"single queries, round {number + 1} of {plan.query_rounds}", self._queries)
            if not plan.processes_apart:
                self._corpora(plan)
        if plan.processes_apart:
            with self:
                self._open(note="starting fresh processes for the corpora")
                self._corpora(plan)

    def __enter__(self) -> None:
        """Begin with no processes."""

    def __exit__(self, *_: object) -> None:
        """End all processes, whatever happened."""
        for worker in self._workers.values():
            worker.end()
        self._workers = {}

    def _open(self, *, note: str = "starting processes", record_start: bool = True) -> None:
        """Start a process for every engine that has not failed, one after another."""
        say(note)
        for module in self._shuffled(module for module, record in self.records.items() if not record["failure"]):
            try:
                self._workers[module] = self._start(module, self._engines[module])
            except EngineError as error:
                self._fail(module, error)
                continue
            started = self._workers[module].started
            self.records[module].update({name: started.pop(name) for name in ("versions", "python", "remark")})
            if record_start:
                self.records[module]["starts"].append(started)

    def _in_turn(self, note: str, job: Callable[[str], None]) -> None:
        """Give each engine a turn; one that fails is out."""
        say(note)
        for module in self._shuffled(self._workers):
            try:
                job(module)
            except EngineError as error:
                self._fail(module, error)

    def _check(self, module: str) -> None:
        engine = self._engines[module]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "vectors.npy"
            self._workers[module].ask("vectors", golden_texts(), file=str(file))
            vectors = np.load(file, allow_pickle=False)
        agreement = check_vectors(vectors, min_cosine=engine.min_cosine, other_tokens=engine.other_tokens)
        self.records[module]["agreement"] = asdict(agreement)

    def _queries(self, module: str) -> None:
        self.records[module]["queries"].append(self._workers[module].ask("queries", self._texts["queries"]))

    def _corpora(self, plan: Plan) -> None:
        """Measure mixed texts first, so that the peak of memory after them is theirs."""
        for name in sorted(CORPORA, key=lambda name: name != "mixed"):
            for number in range(plan.corpus_rounds):
                if self._between:
                    self._between()
                self._in_turn(f"{name} texts, round {number + 1} of {plan.corpus_rounds}", self._corpus_job(name))
        for number in range(plan.corpus_rounds):
            self._in_turn(f"tokenized texts, round {number + 1} of {plan.corpus_rounds}", self._tokenized)

    def _tokenized(self, module: str) -> None:
        answer = self._workers[module].ask("tokenized", self._texts["mixed"])
        self.records[module]["tokenized"].append(answer["seconds"])

    def _corpus_job(self, name: str) -> Callable[[str], None]:
        def job(module: str) -> None:
            answer = self._workers[module].ask("corpus", self._texts[name])
            self.records[module]["corpora"][name].append(answer)

        return job

    def _fail(self, module: str, error: EngineError) -> None:
        say(f"{self.records[module]['name']} is out: {error}")
        self.records[module]["failure"] = str(error)
        if module in self._workers:
            self._workers.pop(module).end()

    def _shuffled(self, modules: Iterable[str]) -> list[str]:
        names = list(modules)
        return self._random.sample(names, k=len(names))


def new_record(module: str, engine: Engine) -> Record:
    """Give the record of an engine of which nothing is known yet."""
    return {
        "module": module,
        "name": engine.name,
        "label": engine.label,
        "dtype": engine.dtype,
        "ours": engine.ours,
        "settings": engine.settings,
        "versions": {},
        "python": None,
        "remark": "",
        "agreement": None,
        "starts": [],
        "queries": [],
        "corpora": {name: [] for name in CORPORA},
        "tokenized": [],  # seconds of the mixed texts, from their tokens on
        "failure": None,
    }


def start_in_environment(setup: Setup) -> Start:
    """Give the function that starts an engine's process with its environment's Python."""
    return lambda module, engine: WorkerProcess(python_of(engine.environment), module, setup, engine.variables)


def say(text: str) -> None:
    """Tell what is going on."""
    print(f"bench: {text}", file=sys.stderr, flush=True)
