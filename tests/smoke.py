"""Run by ./dev wheel in an environment that has nothing but the wheel, its dependencies and the model's package."""

import subprocess
import sys
import tempfile

import numpy as np

import ortembed

with tempfile.TemporaryDirectory() as cache_dir:
    embedder = ortembed.Embedder("all-minilm-l6-v2", cache_dir=cache_dir, local_files_only=True)
    vectors = embedder.encode(["a cat sat on the mat", "a kitten lay on the rug", "stocks fell sharply"])
    scores = embedder.similarity(vectors[0], vectors)[0]
    assert vectors.shape == (3, 384)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert scores[1] > 0.5 > scores[2]
subprocess.run([sys.executable, "-m", "ortembed", "--version"], check=True)
print(f"smoke: {embedder!r} on {sys.version.split()[0]}, ONNX Runtime {embedder.model_info().runtime_version}")
