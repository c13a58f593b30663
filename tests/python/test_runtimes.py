"""The core of the tests with each version of the runtime that is supported, in a process of its own."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ortembed.prepare import prepare
from tests.conftest import ROOT
from tests.other_runtimes import APART, PACKAGES

# What reaches the runtime: preparing for it, sessions, memory, threads, every kind of graph, and the golden vectors.
CORE = (
    "tests/parity/test_golden.py",
    "tests/parity/test_coreml_golden.py",
    "tests/parity/test_int8.py",
    "tests/python/test_buckets.py",
    "tests/python/test_embedder.py",
    "tests/python/test_embedding_table.py",
    "tests/python/test_encode_ids.py",
    "tests/python/test_engine.py",
    "tests/python/test_fuse.py::test_an_export_whose_attention_is_not_recognised_is_left_as_it_is",
    "tests/python/test_fuse.py::test_an_ordinary_export_is_fused_and_agrees",
    "tests/python/test_graph_signature.py",
    "tests/python/test_head.py",
    "tests/python/test_hidden_states.py",
    "tests/python/test_interrupt.py",
    "tests/python/test_layer_graphs.py",
    "tests/python/test_long_texts.py",
    "tests/python/test_operator_graphs.py",
    "tests/python/test_operator_names.py",
    "tests/python/test_operator_runs.py",
    "tests/python/test_operator_sessions.py",
    "tests/python/test_operators.py",
    "tests/python/test_packed_engine.py",
    "tests/python/test_packed_graph.py",
    "tests/python/test_quantize.py",
    "tests/python/test_runtime_library.py",
    "tests/python/test_second_session.py",
    "tests/python/test_sessions.py",
)


@pytest.fixture(params=PACKAGES)
def package(request):
    """The folder with another version's package, put there by ./dev test."""
    folder = APART / request.param
    assert folder.exists(), f"onnxruntime {request.param} is missing; ./dev test installs it"
    if not any(folder.iterdir()):
        pytest.skip(f"onnxruntime {request.param} has no wheel for this Python")
    return folder


def run_core(folder, work):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        f"--basetemp={work}",
        "-m",
        "not one_runtime",
    ]
    return subprocess.run(
        [*command, *CORE],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The runs of the core, two processes at a time."""
    work = tmp_path_factory.mktemp("core")
    folders = [APART / version for version in PACKAGES]
    with ThreadPoolExecutor(2) as pool:
        yield {folder: pool.submit(run_core, folder, work / folder.name) for folder in folders}
        pool.shutdown(cancel_futures=True)


def test_the_core_passes(runs, package):
    done = runs[package].result()
    assert done.returncode == 0, done.stdout
    assert f"\nonnxruntime: {package.name}\n" in done.stdout


ENCODE = """
import sys
import numpy as np
from pathlib import Path
from ortembed.pipeline import Pipeline
from ortembed.prepared_model import read_prepared
texts = np.load(sys.argv[1])
for folder in map(Path, sys.argv[3:]):
    pipeline = Pipeline(read_prepared(folder))
    np.save(Path(sys.argv[2]) / f"{folder.name}.npy", pipeline.encode(texts.tolist()))
print(pipeline.engine.runtime_version)
"""


def test_graphs_that_the_newest_runtime_made_run(package, run_python, cache_dir, golden, tmp_path):
    np.save(tmp_path / "texts.npy", golden[0]["texts"])
    plain, rounded = (
        prepare("all-minilm-l6-v2", cache_dir=cache_dir, local_files_only=True, dtype=dtype).folder
        for dtype in ("float32", "int8")
    )
    version = run_python(ENCODE, tmp_path / "texts.npy", tmp_path, plain, rounded, PYTHONPATH=package)
    assert version.strip() == package.name
    expected = golden[1]["normalized"]
    np.testing.assert_allclose(np.load(tmp_path / f"{plain.name}.npy"), expected, rtol=0, atol=1e-5)
    # Not the same vectors as with the newest; docs/platforms.md has how far they differ.
    cosines = (np.load(tmp_path / f"{rounded.name}.npy") * expected).sum(axis=1)
    assert cosines.mean() >= 0.997
    assert cosines.min() >= 0.99
