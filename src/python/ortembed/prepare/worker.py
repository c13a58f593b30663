"""A Python process of its own for what needs the onnxruntime package: its copy of the runtime stays out of this one.

The caller asks with run_worker; a module that answers calls serve as its main program. Request and reply are JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_REQUEST = "request.json"
_REPLY = "reply.json"
# Neither the module's folder nor the working one may come before installed packages.
_START = "import sys; sys.path[:] = [p for p in sys.path if p]; from {module} import main; main()"
_LAST_CHARACTERS = 4000  # of what a failed process wrote


def run_worker(module: str, request: Mapping[str, Any], folder: Path, limit: float) -> dict[str, Any]:
    """Run a module as a process and give its reply.

    Args:
        module: Its full name.
        request: What it is asked; JSON values.
        folder: An existing folder of the caller's own, in which the process runs.
        limit: Seconds until it is ended.

    Raises:
        ModelLoadError: It failed, with what it wrote to stderr, or took longer than the limit.
    """
    folder = folder.absolute()  # the process has another current folder
    (folder / _REQUEST).write_text(json.dumps(request), "utf-8")
    # The child ends itself when its stdin does, which is when this process closes the other end, or dies.
    reading, writing = os.pipe()
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", _START.format(module=module), str(folder)],
            cwd=folder,
            env=_environment(),
            stdin=reading,
            capture_output=True,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ModelLoadError(f"{module} took longer than {limit:.0f} s and was ended") from error
    except OSError as error:
        raise ModelLoadError(f"cannot start {sys.executable} for {module}: {error}") from error
    finally:
        os.close(reading)
        os.close(writing)
    if done.returncode != 0:
        written = done.stderr.decode(errors="replace")[-_LAST_CHARACTERS:].strip()
        raise ModelLoadError(f"{module} failed with exit status {done.returncode}: {written}")
    reply: dict[str, Any] = json.loads((folder / _REPLY).read_text("utf-8"))
    return reply


def serve(answer: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Read the request, answer it, write the reply; what every worker's main program does."""
    threading.Thread(target=_end_with_caller, daemon=True).start()
    folder = Path(sys.argv[1])
    reply = answer(json.loads((folder / _REQUEST).read_text("utf-8")))
    (folder / _REPLY).write_text(json.dumps(reply), "utf-8")


def _end_with_caller() -> None:
    os.read(0, 1)  # not sys.stdin, whose lock would be held when the interpreter ends
    os._exit(1)


def _environment() -> dict[str, str]:
    # Imports find what they find here; the runtime's telemetry is off before it looks.
    paths = os.pathsep.join(str(Path(path).absolute()) for path in sys.path if path)
    return {**os.environ, "PYTHONPATH": paths, "ORT_DISABLE_TELEMETRY": "1"}
