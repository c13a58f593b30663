"""Fixtures of several files: a hub on the loopback interface, who asks it; a Mac, by the stand-in; the command."""

import os
import shutil
import subprocess
import sys

import pytest

import ortembed
from ortembed.cli import main
from tests.python.hub_loading import COMMIT, REPO, Machine, tiny_bert
from tests.python.hub_server import HubServer
from tests.python.mac import ACCELERATED, TEXTS, Mac, new_mac
from tests.python.tiny_models import MEAN_POOLING, save_bert


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return tiny_bert(tmp_path_factory.mktemp("model"))


@pytest.fixture
def hub(files):
    with HubServer(REPO, COMMIT, dict(files)) as server:
        yield server


@pytest.fixture
def machine(tmp_path, hub):
    return Machine(tmp_path, hub.endpoint)


@pytest.fixture(scope="session")
def mac_model(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("model"), **MEAN_POOLING)


@pytest.fixture(scope="session")
def mac_caches(tmp_path_factory, mac_model):
    """Two caches: with the model prepared, and with CoreML tested and found good besides."""
    prepared, tested = tmp_path_factory.mktemp("prepared"), tmp_path_factory.mktemp("tested") / "cache"
    ortembed.Embedder(mac_model, cache_dir=prepared)
    with pytest.MonkeyPatch.context() as patch:
        shutil.copytree(prepared, tested)
        mac = Mac(patch, mac_model, tested, tested.parent / "log")
        assert mac.load()[0].model_info().providers == ACCELERATED
        shutil.copytree(tested / "prepared", prepared / "prepared", dirs_exist_ok=True)
    return prepared, tested


@pytest.fixture(scope="session")
def mac_expected(mac_model, mac_caches):
    return ortembed.Embedder(mac_model, cache_dir=mac_caches[0], providers="cpu").encode(TEXTS)


@pytest.fixture
def mac(monkeypatch, mac_model, mac_caches, tmp_path):
    """A Mac that has never run the model on CoreML."""
    return new_mac(monkeypatch, mac_model, mac_caches[0], tmp_path)


@pytest.fixture
def tested_mac(monkeypatch, mac_model, mac_caches, tmp_path):
    """A Mac that has, and found it right and faster."""
    return new_mac(monkeypatch, mac_model, mac_caches[1], tmp_path)


@pytest.fixture
def environment(embedder, cache_dir):
    """Variables with which the command finds the default model prepared."""
    return {**os.environ, "ORTEMBED_CACHE_DIR": str(cache_dir), "HF_HUB_OFFLINE": "1", "PYTHONUTF8": "1"}


@pytest.fixture(name="ortembed")
def command(environment):
    """Run the command as users do, in a process of its own."""

    def run(*arguments, stdin="", **more):
        return subprocess.run(
            [sys.executable, "-m", "ortembed", *map(str, arguments)],
            env={**environment, **more},
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            check=False,
        )

    return run


@pytest.fixture
def embed(cache_dir, embedder, monkeypatch, capsys):
    """Run embed in this process; give what it wrote to standard error, its status being 0 unless told."""
    monkeypatch.setenv("ORTEMBED_CACHE_DIR", str(cache_dir))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(*arguments, status=0):
        assert main(["embed", *map(str, arguments)]) == status, capsys.readouterr().err
        return capsys.readouterr().err

    return run
