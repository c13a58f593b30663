"""A service whose models are not there yet, or never come."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request

import pytest
from bench.service_process import ServiceProcess


@pytest.fixture
def silent_hub(tmp_path):
    """The environment of a machine with an empty cache, whose hub takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield {
            "HF_ENDPOINT": f"http://127.0.0.1:{listener.getsockname()[1]}",
            "HF_HOME": str(tmp_path / "hub"),
            "HF_HUB_ETAG_TIMEOUT": "600",
            "ORTEMBED_CACHE_DIR": str(tmp_path / "cache"),
        }


def status(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own address
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_service_that_still_loads_lives_is_not_ready_and_ends_when_told(silent_hub):
    with ServiceProcess("some/model", environment=silent_hub, wait=False) as service:
        assert status(f"{service.url}/live") == 200
        assert status(f"{service.url}/ready") == status(f"{service.url}/health") == 503
        assert status(f"{service.url}/v1/models") == 200
        request = urllib.request.Request(  # noqa: S310 - the same
            f"{service.url}/embed", b'{"inputs": "a"}', {"Content-Type": "application/json"}
        )
        assert status(request) == 503
        assert service.stop(10) == 0


def test_a_model_that_cannot_be_loaded_ends_the_service_with_its_error(tmp_path):
    with ServiceProcess(str(tmp_path), wait=False) as service:
        assert service.process.wait(20) == 1
        service.stop()
        assert "ModelLoadError" in service.log[-1] or "ModelNotFoundError" in service.log[-1]
