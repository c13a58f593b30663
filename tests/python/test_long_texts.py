"""Long texts: their memory grows with their length, not with its square."""

import subprocess
import sys

import pytest

from tests.python.test_quantize import BERT_CONFIG, MODERNBERT, SIZES, export, to_int8

LENGTH, HEADS = 4096, 8
SCORES = HEADS * LENGTH**2 * 4  # bytes of all pairs' scores in one layer
MORE = {**SIZES, "num_attention_heads": HEADS, "num_hidden_layers": 2, "max_position_embeddings": LENGTH}
CONFIGS = {"bert": {**BERT_CONFIG, **MORE}, "modernbert": {**MODERNBERT, **MORE}}

# In a process of its own, since a peak is never forgotten.
SCRIPT = """
import resource, sys
import numpy as np
from pathlib import Path
from ortembed import _native
from ortembed.runtime_library import find_runtime_library

def run(length):
    ids, out = np.full(length, 5, np.int32), np.empty((1, engine.dimension), np.float32)
    engine.encode_ids(ids, np.array([0, length]), out=out, normalize=False)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

engine = _native.Engine(library=find_runtime_library(), model=Path(sys.argv[1]), pooling="mean", vocab_size=1100,
                        max_tokens=4096, max_batch_tokens=4096, threads=1)
before = run(8)
print(run(4096) - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows tells no peak")
@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize("family", CONFIGS)
def test_peak_memory_is_far_below_that_of_all_pairs(tmp_path, family, dtype):
    graph = export(CONFIGS[family], tmp_path / family)
    if dtype == "int8":
        graph = to_int8(graph)
    done = subprocess.run([sys.executable, "-c", SCRIPT, graph], capture_output=True, text=True, check=True)
    assert int(done.stdout) < SCORES / 5
