"""Run in an environment that has nothing but the wheel, its dependencies and the model's package.

``--golden FOLDER`` compares with the golden vectors too; ``--dtype`` prepares that form alone, where time is short.
"""

import argparse
import importlib.util
import json
import os
import platform
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np

import ortembed

MAX_PREPARE_MB = 600
TOLERANCE = 1e-5
SHORT = 16  # tokens; of longer texts the ids are not tried again


def main():
    """Run all of it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", action="append", choices=("float32", "int8"))
    parser.add_argument("--golden", type=Path)
    options = parser.parse_args()
    for peer in ("optimum", "torch", "transformers"):
        assert importlib.util.find_spec(peer) is None, f"{peer} is installed, and must not be needed"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as cache_dir:  # Windows keeps mapped files
        for dtype in options.dtype or ("float32", "int8"):
            prepare(dtype, cache_dir)
        embedder = ortembed.Embedder("all-minilm-l6-v2", cache_dir=cache_dir, local_files_only=True)
        check_meaning(embedder)
        if options.golden:
            check_golden(embedder, options.golden)
    subprocess.run([sys.executable, "-m", "ortembed", "--version"], check=True)
    runtime = embedder.model_info().runtime_version
    python = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    print(f"smoke: {embedder!r} on {python}, ONNX Runtime {runtime}, {children_memory()}")


def prepare(dtype, cache_dir):
    """Prepare the model as a user does, in little memory."""
    command = [sys.executable, "-m", "ortembed", "prepare", "all-minilm-l6-v2", "--dtype", dtype, "--offline"]
    subprocess.run(command, check=True, env={**os.environ, "ORTEMBED_CACHE_DIR": cache_dir})


def children_memory():
    """Check how much memory the processes that prepared took, where the system tells."""
    if sys.platform == "win32":
        return "memory not measured"
    import resource  # noqa: PLC0415 - Windows has none

    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    assert peak < MAX_PREPARE_MB, f"preparing took {peak:.0f} MB"
    return f"prepared with at most {peak:.0f} MB"


def check_meaning(embedder):
    """Check that near texts are near."""
    vectors = embedder.encode(["a cat sat on the mat", "a kitten lay on the rug", "stocks fell sharply"])
    scores = embedder.similarity(vectors[0], vectors)[0]
    assert vectors.shape == (3, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert scores[1] > 0.5 > scores[2]


def check_golden(embedder, folder):
    """Compare texts, and ids that were made elsewhere, with the golden vectors."""
    golden = json.loads((folder / "texts.json").read_text("utf-8"))
    expected = np.load(folder / "vectors.npz")["normalized"]
    short = [i for i, row in enumerate(golden["input_ids"]) if len(row) <= SHORT]
    ids = [np.array(golden["input_ids"][i], np.int32) for i in short]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ortembed.TruncationWarning)
        texts_off = np.abs(embedder.encode(golden["texts"]) - expected).max()
    rows = embedder.encode_ids(np.concatenate(ids), np.cumsum([0, *map(len, ids)]))
    ids_off = np.abs(rows - expected[short]).max()
    print(f"golden: {len(expected)} texts within {texts_off:.1e}, the ids of {len(ids)} within {ids_off:.1e}")
    assert max(texts_off, ids_off) < TOLERANCE


if __name__ == "__main__":
    main()
