"""Services that several files ask: real processes on the loopback interface, and the Embedders that they run."""

from __future__ import annotations

import pytest
from bench.service_process import ServiceProcess

import ortembed
from tests.python.tiny_models import MEAN_POOLING, save_bert, save_onnx
from tests.server.asking import KEY, http_client

PROMPTS = {"query": "hello ", "document": "fish dog "}


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A model of eight dimensions, ten words and at most 32 tokens, whose files do not ask for norm 1."""
    settings = {"prompts": PROMPTS, "default_prompt_name": None}
    return save_bert(tmp_path_factory.mktemp("tiny"), **MEAN_POOLING, config_sentence_transformers=settings)


@pytest.fixture(scope="session")
def tiny(tiny_folder, cache_dir):
    return ortembed.Embedder(tiny_folder, cache_dir=cache_dir)


@pytest.fixture(scope="session")
def service(embedder, cache_dir):
    """The default model, as ``ortembed serve`` has it."""
    with ServiceProcess("--cache-dir", str(cache_dir), "--offline") as process:
        yield process


@pytest.fixture(scope="session")
def several(embedder, tiny, tiny_folder, cache_dir):
    """Two models by name, which cut texts only when they are asked to."""
    models = [f"tiny={tiny_folder}", "org/mini=all-minilm-l6-v2"]
    with ServiceProcess(*models, "--cache-dir", str(cache_dir), "--offline", "--no-auto-truncate") as process:
        yield process


@pytest.fixture(scope="session")
def guarded(tiny, tiny_folder, cache_dir, tmp_path_factory):
    """A model behind a key, with small limits."""
    keys = tmp_path_factory.mktemp("keys") / "keys.txt"
    keys.write_text(f"other-key\n{KEY}\n", "utf-8")
    limits = {"max-client-batch-size": 3, "max-body-bytes": 2000, "max-concurrent-requests": 2}
    options = [f"--{name}={value}" for name, value in limits.items()]
    folder = f"tiny={tiny_folder}"
    with ServiceProcess(folder, "--cache-dir", str(cache_dir), f"--api-key-file={keys}", *options) as process:
        yield process


@pytest.fixture(scope="session")
def ask(service):
    with http_client(service) as client:
        yield client


@pytest.fixture(scope="session")
def ask_several(several):
    with http_client(several) as client:
        yield client


@pytest.fixture(scope="session")
def ask_guarded(guarded):
    with http_client(guarded, headers={"Authorization": f"Bearer {KEY}"}) as client:
        yield client


@pytest.fixture(scope="session")
def nan_model(tmp_path_factory, cache_dir):
    """A model that gives NaN for one of its words."""
    return ortembed.Embedder(save_onnx(tmp_path_factory.mktemp("nan") / "model"), cache_dir=cache_dir)
