"""A real service in a process of its own, on a free port of the loopback interface."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_MOST_SECONDS = 60.0  # until it is ready
_KEPT_LINES = 10_000


class ServiceProcess:
    """``ortembed serve`` with some arguments; ready when the block begins, ended when it ends."""

    def __init__(self, *arguments: str, environment: dict[str, str] | None = None, wait: bool = True) -> None:
        """Take the command's arguments; ``wait`` for it to be ready."""
        self._arguments = arguments
        self._environment = {**os.environ, **(environment or {})}
        self._wait = wait
        self.log: deque[str] = deque(maxlen=_KEPT_LINES)
        self.url = ""

    def __enter__(self) -> Self:
        """Start it."""
        command = [sys.executable, "-m", "ortembed", "serve", "--port", "0", *self._arguments]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=self._environment)
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        if not self._listening.wait(_MOST_SECONDS) or not self.url:
            self.stop()
            raise RuntimeError("the service does not listen:\n" + "".join(self.log))
        if self._wait:
            self._wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.stop()

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return urlsplit(self.url).port or 0

    def events(self) -> list[dict[str, Any]]:
        """Give what it has logged."""
        return [json.loads(line) for line in list(self.log)]

    def resident_bytes(self) -> int:
        """Give its resident memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text("ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self, seconds: float = 30.0) -> int:
        """Ask it to end, and make it end where it does not; give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self._reader.join(5)
        return status

    def _read_log(self) -> None:
        with self.process.stderr as stream:  # type: ignore[union-attr] # a pipe
            for line in stream:
                self.log.append(line)
                if not self.url and '"listening"' in line:
                    self.url = json.loads(line)["url"]
                    self._listening.set()
        self._listening.set()

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + _MOST_SECONDS
        while time.monotonic() < end and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/ready", timeout=10):  # noqa: S310 - our own address
                    return
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        self.stop()
        raise RuntimeError("the service does not become ready:\n" + "".join(self.log))
