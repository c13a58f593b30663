"""How long `ortembed prepare` takes and how much memory, for the default model, in a process and a cache of its own.

Run by ``python -m bench.prepare [DTYPE...]``; children of the process count too.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time

MODEL = "all-minilm-l6-v2"


def main() -> None:
    """Prepare the default model in each dtype."""
    for dtype in sys.argv[1:] or ("float32", "int8"):
        with tempfile.TemporaryDirectory() as cache:
            command = [sys.executable, "-m", "ortembed", "prepare", MODEL, "--dtype", dtype, "--offline"]
            start = time.perf_counter()
            subprocess.run(command, check=True, env={**os.environ, "ORTEMBED_CACHE_DIR": cache})
            seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        print(f"prepare {MODEL} {dtype}: {seconds:.2f} s, largest process so far {peak:.0f} MB")


if __name__ == "__main__":
    main()
