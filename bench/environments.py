"""The engines' virtual environments and prepared files, each made once under ``.dev/bench``."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.engines.base import Environment

ROOT = Path(__file__).resolve().parents[1]
HOME = ROOT / ".dev/bench"
MADE = HOME / "models"
_STAMP = "stamp.json"
_TREE = ("pyproject.toml", "CMakeLists.txt", "src", "models")
_TOLD = 12  # last lines of a failed step's output


def python_of(environment: Environment) -> Path:
    """Give the interpreter of an environment, whether it is there or not."""
    return HOME / environment.name / ("Scripts" if os.name == "nt" else "bin") / "python"


def is_made(environment: Environment) -> bool:
    """Tell whether an environment is there as it is described."""
    wanted = describe(environment)
    return read_stamp(HOME / environment.name) == wanted


def make_environment(environment: Environment) -> None:
    """Make an environment where it is not there as it is described.

    Raises:
        EngineError: A package cannot be installed; the message has pip's last lines.
    """
    folder, wanted, found = HOME / environment.name, describe(environment), read_stamp(HOME / environment.name)
    if found == wanted:
        return
    python = python_of(environment)
    if found is None or {**found, "tree": None} != {**wanted, "tree": None}:
        print(f"making the environment {environment.name}", file=sys.stderr, flush=True)
        venv.create(folder, with_pip=True, clear=True)
        if environment.lends_packages:
            lend_packages(folder)
        for requirement in environment.requirements:
            pip(python, "install", *requirement.split(), variables=environment.variables)
    if environment.builds_tree:
        print("building the wheel of this tree", file=sys.stderr, flush=True)
        pip(python, "install", "--force-reinstall", "--no-deps", str(build_wheel()))
    write_stamp(folder, wanted)


def lend_packages(folder: Path) -> None:
    """Let an environment find the packages of the running Python's too, after its own, editable ones included."""
    (site,) = folder.glob("**/site-packages")
    line = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (site / "lent.pth").write_text(line, "utf-8")


def build_wheel() -> Path:
    """Build the wheel of this tree with the tools of the running Python's environment."""
    folder = ROOT / "build/bench/wheel"
    shutil.rmtree(folder, ignore_errors=True)
    pip(Path(sys.executable), "wheel", "--no-build-isolation", "--no-deps", f"--wheel-dir={folder}",
        f"--config-settings=build-dir={ROOT / 'build/bench/native'}", ".")  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    return wheel


def pip(python: Path, command: str, *arguments: str, variables: Mapping[str, str] | None = None) -> None:
    """Run pip of an environment; what it says is told only where it fails."""
    run_step(
        [str(python), "-m", "pip", command, "--quiet", "--disable-pip-version-check", *arguments], variables or {}
    )


def run_step(command: Sequence[str], variables: Mapping[str, str]) -> None:
    """Run a command to its end.

    Raises:
        EngineError: It fails; the message has the last lines of its output.
    """
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **variables}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        last = "\n".join(done.stdout.splitlines()[-_TOLD:])
        raise EngineError(f"{' '.join(command)} ended with {done.returncode}:\n{last}")


def tree_digest() -> str:
    """Hash what the wheel is built from."""
    paths = [path for name in _TREE for path in [ROOT / name, *sorted((ROOT / name).rglob("*"))]]
    files = [path for path in paths if path.is_file() and "__pycache__" not in path.parts]
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def read_stamp(folder: Path) -> dict[str, object] | None:
    """Give what a folder's stamp says; None where there is none."""
    try:
        return json.loads((folder / _STAMP).read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def write_stamp(folder: Path, description: object) -> None:
    """Mark a folder as made."""
    (folder / _STAMP).write_text(json.dumps(description), "utf-8")


def describe(environment: Environment) -> dict[str, object]:
    """Give all that an environment depends on."""
    description = {
        "python": sys.version,
        "requirements": list(environment.requirements),
        "variables": dict(environment.variables),
        "tree": tree_digest() if environment.builds_tree else None,
    }
    return description | ({"lends": sys.prefix} if environment.lends_packages else {})
