"""Brings other versions of the runtime than the installed one, for the tests of old ones.

Run as ``python -m tests.other_runtimes FOLDER`` in the virtual environment: C libraries go to
FOLDER/runtimes/VERSION, whole packages to the environment's onnxruntime/VERSION.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from platforms.paths import say

# The newest runtime that is too old, and the floor: their C libraries.
LIBRARIES = ("1.20.1", "1.21.0")
# The packages that tests/python/test_runtimes.py runs the core of the tests with, each in a process of its own.
PACKAGES = ("1.21.1", "1.22.1", "1.23.2", "1.24.4")
# A build with another provider that runs on any x86 machine, for tests/python/test_openvino.py.
OPENVINO = "onnxruntime-openvino==1.24.1"
_LIBRARY = re.compile(r"/capi/(libonnxruntime\.|onnxruntime\.dll)")
APART = Path(sys.prefix) / "onnxruntime"  # goes with the environment, whose Python decides which wheels fit


def main(base: Path) -> None:
    """Bring all that is not there."""
    for version in LIBRARIES:
        download_library(version, base / "runtimes" / version, base / "downloads")
    for version in PACKAGES:
        install_package(f"onnxruntime=={version}", APART / version)
    install_package(OPENVINO, APART / "openvino")


def download_library(version: str, folder: Path, downloads: Path) -> None:
    """Unpack the C library of a wheel, of any Python's."""
    if folder.exists():
        return
    say(f"downloading onnxruntime {version}")
    done = pip("download", "--python-version", "3.12", "--dest", downloads, f"onnxruntime=={version}")
    if done.returncode:
        sys.exit(done.stderr)
    (archive,) = downloads.glob(f"onnxruntime-{version}-*.whl")
    partial = folder.with_suffix(".partial")
    with zipfile.ZipFile(archive) as wheel:
        libraries = [name for name in wheel.namelist() if _LIBRARY.search(name)]
        if not libraries:
            sys.exit(f"{archive.name} has no C library")
        wheel.extractall(partial, libraries)
    partial.rename(folder)


def install_package(requirement: str, folder: Path) -> None:
    """Install a package apart; an empty folder where it has no wheel for this Python and system."""
    if folder.exists():
        return
    partial = folder.with_name(f"{folder.name}.partial")
    say(f"installing {requirement} apart")
    done = pip("install", "--upgrade", "--target", partial, requirement)
    if "No matching distribution" in done.stderr and "Retrying" not in done.stderr:  # of a network that is down
        say(f"{requirement} has no wheel for this Python; the tests with it will be skipped")
        partial.mkdir(parents=True, exist_ok=True)
    elif done.returncode:
        sys.exit(done.stderr)
    partial.rename(folder)


def pip(command: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command of pip's that takes wheels, without what they depend on."""
    options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:")
    parts = [sys.executable, "-m", "pip", command, *options, *map(str, arguments)]
    return subprocess.run(parts, stderr=subprocess.PIPE, text=True, check=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
