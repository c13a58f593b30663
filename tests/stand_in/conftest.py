"""Fixtures of the stand-in's own tests: it and a small graph, on the newest runtime and on the oldest."""

import pytest

from ortembed.runtime_library import find_runtime_library
from tests.python.test_runtime_library import runtime
from tests.python.tiny_graphs import save_lookup
from tests.stand_in.table import StandIn


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return save_lookup(tmp_path_factory.mktemp("graph") / "model.onnx")


@pytest.fixture(scope="module", params=["newest", "floor"])
def real(request):
    return find_runtime_library() if request.param == "newest" else runtime("1.21.0")


@pytest.fixture
def stand_in(monkeypatch, tmp_path, real):
    return StandIn(monkeypatch, tmp_path, real)


@pytest.fixture
def newest(monkeypatch, tmp_path):
    return StandIn(monkeypatch, tmp_path, find_runtime_library())


@pytest.fixture
def cache(tmp_path):
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"
