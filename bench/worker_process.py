"""The parent's hold on an engine's process: start it, ask it, pause it while others are measured, end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.environments import ROOT
from bench.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.engines.base import Setup

_TOLD = 15  # last lines of a dead process's stderr
_MIXING = {
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
}  # variables through which one Python would find another's packages
# Where libraries read their number of threads from their surroundings.
_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_SETTINGS = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "OPENVINO_TELEMETRY_OPT_OUT": "1",
    "DO_NOT_TRACK": "1",
    "TOKENIZERS_PARALLELISM": "true",
}


class WorkerProcess:
    """An engine in a process group of its own. Paused except while it answers, so that it takes no one's cores."""

    def __init__(
        self,
        python: Path,
        module: str,
        setup: Setup,
        variables: Mapping[str, str] | None = None,
        *,
        limit_seconds: float = 900,
    ) -> None:
        """Start the process, with some more variables; it answers once on its own, with its start."""
        self._module = module
        self._limit = limit_seconds
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        began = time.perf_counter()
        self._process = subprocess.Popen(
            worker_command(python, module, setup), cwd=ROOT, env=_environment(setup, variables or {}), text=True,
            encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
            start_new_session=True,
        )  # fmt: skip
        try:
            self.started = self._answer()
        except BaseException:
            self.end()
            raise
        self.started["process_seconds"] = time.perf_counter() - began
        self._pause()

    @property
    def process_id(self) -> int:
        """Id of the process, and of its group."""
        return self._process.pid

    def ask(self, job: str, texts: Sequence[str], **options: str) -> dict[str, Any]:
        """Give a job and wait for its answer.

        Raises:
            EngineError: The process died, or took longer than its limit; the message has its last words.
        """
        self._signal(signal.SIGCONT)
        try:
            self._process.stdin.write(json.dumps({"job": job, "texts": list(texts), **options}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._death() from None
        answer = self._answer()
        self._pause()
        return answer

    def end(self) -> None:
        """End the process and all that it started."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._errors.close()

    def _answer(self) -> dict[str, Any]:
        overdue = threading.Timer(self._limit, self._signal, [signal.SIGKILL])
        overdue.start()
        try:
            line = self._process.stdout.readline()
        finally:
            overdue.cancel()
        if not line:
            raise self._death()
        return json.loads(line)

    def _pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def _death(self) -> EngineError:
        status = self._process.wait()
        self._errors.seek(0)
        last = "\n".join(self._errors.read().splitlines()[-_TOLD:])
        killed = f" (killed, perhaps after its limit of {self._limit:.0f} s)" if status == -signal.SIGKILL else ""
        return EngineError(f"the process of {self._module} ended with {status}{killed}:\n{last}")


def worker_command(python: Path, module: str, setup: Setup, *arguments: str) -> list[str]:
    """Give the command of an engine's process."""
    given = json.dumps(
        {name: value if isinstance(value, int) else str(value) for name, value in asdict(setup).items()}
    )
    return [str(python), "-m", "bench.engines.worker", module, given, *arguments]


def worker_settings(setup: Setup) -> dict[str, str]:
    """Give the variables that every engine's process gets: one number of threads, and no networking."""
    return {name: str(setup.threads) for name in _THREADS} | _SETTINGS


def _environment(setup: Setup, variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _MIXING}
    return kept | worker_settings(setup) | dict(variables)
