"""The benchmark's measurement, with small engines in real processes: refusals, deaths, pauses, no process left."""

import os
import sys
import time
from pathlib import Path

import pytest
from bench.engines import load_engine
from bench.engines.base import Setup
from bench.errors import EngineError
from bench.measure import Measurement
from bench.plan import Plan
from bench.worker_process import WorkerProcess

ENGINES = "tests.python.bench_engines"
PLAN = Plan(2, 2, {"short": 1, "mixed": 2, "long": 1}, corpus_rounds=2, extra_starts=0, processes_apart=True)
TEXTS = {"queries": ["who?", "where?"], "short": ["s"], "mixed": ["m", "n"], "long": ["l"]}

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what processes do is read from /proc")


@pytest.fixture(scope="module")
def setup(tmp_path_factory):
    folder = tmp_path_factory.mktemp("setup")
    return Setup(folder, folder, threads=1)


@pytest.fixture(scope="module")
def run(setup):
    """One measurement with all kinds of engines: their records by name, and the ids of their processes."""
    processes = []

    def start(module, engine):
        worker = WorkerProcess(Path(sys.executable), module, setup, engine.variables)
        processes.append(worker.process_id)
        return worker

    modules = [
        f"{ENGINES}:{name}"
        for name in ("Right", "Swapped", "Rounded", "RoundedFloat32", "Dying", "Unlucky", "Right@avx2")
    ]
    rounds = []

    def between():
        rounds.append(all(becomes(process, "T", "Z", None) for process in processes))  # paused, or no more

    engines = {module: load_engine(module) for module in modules}
    measurement = Measurement(engines, start, texts=TEXTS, between=between)
    measurement.run(PLAN)
    assert rounds == [True] * 6  # two rounds of three corpora
    return {record["name"]: record for record in measurement.records.values()}, processes


@pytest.fixture
def worker(setup):
    process = WorkerProcess(Path(sys.executable), f"{ENGINES}:Right", setup)
    yield process
    process.end()


def state(process):
    """The state's letter in /proc; None when the process is no more."""
    try:
        return Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return None


def becomes(process, *states):
    """Wait until the process is in one of these states: signals take a moment."""
    for _ in range(500):
        if state(process) in states:
            return True
        time.sleep(0.01)
    return False


def test_every_repeat_is_recorded(run):
    record = run[0]["right"]
    assert record["failure"] is None
    assert record["agreement"]["max_difference"] == 0
    assert len(record["starts"]) == 2  # the first of all, from a cold disk, does not count
    assert [len(turn["seconds"]) for turn in record["queries"]] == [2, 2]
    assert {name: len(turns) for name, turns in record["corpora"].items()} == {"short": 2, "mixed": 2, "long": 2}
    assert all(turn["peak_rss_mb"] > 5 for turn in record["corpora"]["mixed"])
    assert record["versions"].keys() == {"numpy"}
    assert len(record["tokenized"]) == 2
    assert all(seconds >= 0.002 for seconds in record["tokenized"])
    assert run[0]["right-avx2"]["tokenized"] == [None, None]


def test_an_engines_own_variables_reach_its_processes_alone(run):
    assert run[0]["right-avx2"]["remark"] == "avx2"
    assert run[0]["right"]["remark"] == ""


def test_an_engine_with_wrong_vectors_is_never_timed(run):
    swapped = run[0]["swapped"]
    assert "wrong vectors: cosine" in swapped["failure"]
    assert swapped["starts"] == swapped["queries"] == []
    assert swapped["corpora"] == {"short": [], "mixed": [], "long": []}


def test_few_bits_are_allowed_their_loss_and_float32_is_not(run):
    rounded = run[0]["rounded"]
    assert rounded["failure"] is None
    assert 0.95 < rounded["agreement"]["min_cosine"] < 0.9999
    refusal = run[0]["rounded-float32"]["failure"]
    assert "needed are a cosine of 0.9999 and no difference above 1e-04" in refusal


def test_an_engine_that_dies_is_told_with_its_last_words(run):
    assert "ended with 3:\nthe kernel is missing" in run[0]["dying"]["failure"]
    assert len(run[0]["dying"]["queries"]) == 2
    assert run[0]["unlucky"]["failure"].endswith("RuntimeError: cannot load for 1 threads")


def test_no_process_is_left(run):
    processes = run[1]
    assert len(processes) == 14  # 6 at first, then 4 that are right, in each of two jobs
    assert {state(process) for process in processes} == {None}


def test_an_engine_that_hangs_is_ended(setup):
    worker = WorkerProcess(Path(sys.executable), f"{ENGINES}:Hanging", setup, limit_seconds=3)
    with pytest.raises(EngineError, match="killed, perhaps after its limit of 3 s"):
        worker.ask("corpus", ["never seen"])
    worker.end()


def test_a_process_is_stopped_while_others_are_measured(worker):
    assert becomes(worker.process_id, "T")
    assert len(worker.ask("queries", ["who?"])["seconds"]) == 1
    assert becomes(worker.process_id, "T")


def test_a_process_keeps_to_its_cores(worker):
    assert len(os.sched_getaffinity(worker.process_id)) == 1


def test_a_stopped_process_ends_with_the_benchmark(run_python, tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from bench.engines.base import Setup;"
        "from bench.worker_process import WorkerProcess; path = Path(sys.argv[1]);"
        f"worker = WorkerProcess(Path(sys.executable), '{ENGINES}:Right', Setup(path, path, 1));"
        "print(worker.process_id, flush=True); os._exit(0)"
    )
    process = int(run_python(code, str(tmp_path), PYTHONPATH=str(Path(__file__).resolve().parents[2])))
    assert becomes(process, "Z", None)
