"""Fixtures of the bridge's tests: real processes with the real model."""

import contextlib
import json
import os
import subprocess
import sys
import threading

import pytest

from ortembed.bridge import BridgeClient

GIVE_UP_SECONDS = 120


class Running:
    """A process that speaks lines, ended if a test hangs."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            list(map(str, command)),
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.errors = []
        self._drain = threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True)
        self._drain.start()
        self._give_up = threading.Timer(GIVE_UP_SECONDS, self.process.kill)
        self._give_up.start()

    def send(self, line):
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, request):
        self.send((request if isinstance(request, bytes) else json.dumps(request).encode()) + b"\n")
        return self.read()

    def end(self):
        """Close the input; give what is left of the output and the exit status."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        rest = self.process.stdout.read()
        return rest, self.process.wait()

    def stderr(self):
        self._drain.join()
        return b"".join(self.errors).decode()

    def close(self):
        self._give_up.cancel()
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._drain.join()
        self.process.stderr.close()


@pytest.fixture(scope="session")
def environment(embedder, cache_dir):
    """Variables with which the default model loads at once."""
    return {**os.environ, "ORTEMBED_CACHE_DIR": str(cache_dir), "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="session")
def new_bridge(environment):
    """Start bridges; they are ended when the block is."""

    @contextlib.contextmanager
    def start(*arguments, command=(sys.executable, "-m", "ortembed", "bridge"), **more):
        running = Running([*command, *arguments], {**environment, **more})
        try:
            yield running
        finally:
            running.close()

    return start


@pytest.fixture(scope="module")
def bridge(new_bridge):
    """A bridge for requests that do not depend on what came before."""
    with new_bridge("all-minilm-l6-v2") as running:
        yield running


@pytest.fixture
def new_client(environment, monkeypatch):
    """Make clients; they are closed when the test ends."""
    for name in ("ORTEMBED_CACHE_DIR", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, environment[name])
    with contextlib.ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(
            BridgeClient(*arguments, **{"stderr": subprocess.DEVNULL, **options})
        )
