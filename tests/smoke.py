"""Run by ./dev wheel in an environment that has nothing but the wheel, its dependencies and the model's package."""

import importlib.util
import os
import resource
import subprocess
import sys
import tempfile

import numpy as np

import ortembed

MAX_PREPARE_MB = 600
for peer in ("optimum", "torch", "transformers"):
    assert importlib.util.find_spec(peer) is None, f"{peer} is installed, and must not be needed"
with tempfile.TemporaryDirectory() as cache_dir:
    for dtype in ("float32", "int8"):
        command = [sys.executable, "-m", "ortembed", "prepare", "all-minilm-l6-v2", "--dtype", dtype, "--offline"]
        subprocess.run(command, check=True, env={**os.environ, "ORTEMBED_CACHE_DIR": cache_dir})
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    assert peak < MAX_PREPARE_MB, f"preparing took {peak:.0f} MB"
    embedder = ortembed.Embedder("all-minilm-l6-v2", cache_dir=cache_dir, local_files_only=True)
    vectors = embedder.encode(["a cat sat on the mat", "a kitten lay on the rug", "stocks fell sharply"])
    scores = embedder.similarity(vectors[0], vectors)[0]
    assert vectors.shape == (3, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert scores[1] > 0.5 > scores[2]
subprocess.run([sys.executable, "-m", "ortembed", "--version"], check=True)
runtime = embedder.model_info().runtime_version
print(f"smoke: {embedder!r} on {sys.version.split()[0]}, ONNX Runtime {runtime}, prepared with at most {peak:.0f} MB")
