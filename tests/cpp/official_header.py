"""Takes the official C header out of Debian's libonnxruntime-dev, where this machine has Debian's sources.

Run as ``python -m tests.cpp.official_header FOLDER``: the header goes to FOLDER/header, for the check of ort/abi.h.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from platforms.debian import NoDebianError, unpack
from platforms.paths import WORK


def download_header(base: Path) -> None:
    """Fill base/header, unless it is there."""
    folder = base / "header"
    if folder.exists():
        return
    try:
        unpacked = unpack(["libonnxruntime-dev"], "amd64", WORK / "onnxruntime-headers", dependencies=False)
        (header,) = unpacked.rglob("onnxruntime_c_api.h")
        header.parent.rename(folder)
    except (NoDebianError, subprocess.CalledProcessError, ValueError) as error:
        print(f"dev: the official header cannot be had here: {error}", file=sys.stderr)


if __name__ == "__main__":
    download_header(Path(sys.argv[1]))
