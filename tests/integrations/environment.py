"""The environment of the databases: their packages apart, over the packages of the main environment.

Run as ``python -m tests.integrations.environment`` in the main environment; makes ``.dev/databases`` once.
"""

from __future__ import annotations

import os
import re
import sys
import venv
from importlib.metadata import requires, version
from pathlib import Path

from bench.environments import lend_packages, pip, read_stamp, write_stamp
from platforms.paths import say

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".dev/databases"
PYTHON = FOLDER / ("Scripts" if os.name == "nt" else "bin") / "python"
PACKAGES = (
    "chromadb==1.5.9",
    "lancedb==0.40.0",
    "langchain-core==1.8.3",
    "llama-index-core==0.14.25",
    "qdrant-client==1.20.0",
)


def main() -> None:
    """Make the environment where it is not there as it is described."""
    needed = sorted({re.split(r"[^\w-]", requirement)[0] for requirement in requires("ortembed")} - {"tomli"})
    kept = [f"{name}=={version(name)}" for name in needed]
    wanted = {"python": sys.version, "packages": list(PACKAGES), "kept": kept}
    if read_stamp(FOLDER) == wanted:
        return
    say("making the environment of the databases")
    venv.create(FOLDER, with_pip=True, clear=True)
    lend_packages(FOLDER)
    # What ortembed needs stays as it is: a database that wants another numpy fails here, and is not tested with it.
    constraints = FOLDER / "constraints.txt"
    constraints.write_text("\n".join(kept), "utf-8")
    pip(PYTHON, "install", f"--constraint={constraints}", *PACKAGES)
    write_stamp(FOLDER, wanted)


if __name__ == "__main__":
    main()
