"""Fixtures of the bridge's tests: real processes with the real model."""

import contextlib
import os
import subprocess
import sys

import pytest

from ortembed.bridge import BridgeClient
from tests.bridge.processes import Running


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


@pytest.fixture(scope="module")
def shared_client(environment):
    """A client for calls that do not depend on what came before."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("ORTEMBED_CACHE_DIR", "HF_HUB_OFFLINE"):
            patch.setenv(name, environment[name])
        with BridgeClient(stderr=subprocess.DEVNULL) as client:
            client.ping()
            yield client
