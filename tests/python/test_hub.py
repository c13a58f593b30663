"""Finding a model: what is asked of the hub, what its faults turn into, and what works without it."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from ortembed.manifest import manifests
from tests.python.hub_server import RESOLVE, HubServer

REPO = "someone/tiny-bert"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
DEFAULT = manifests()["all-minilm-l6-v2"]

NEEDED = {"config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json", "model.safetensors"}
ABSENT = {"sentence_bert_config.json", "config_sentence_transformers.json", "tokenizer_config.json"}

CONFIG = b"""{"model_type": "bert", "vocab_size": 6, "hidden_size": 8, "num_hidden_layers": 1,
  "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 16, "type_vocab_size": 2,
  "layer_norm_eps": 1e-12}"""
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "one", "two"]
WIDTH, INNER = 8, 16
EMBEDDINGS = {"word": len(VOCABULARY), "position": 16, "token_type": 2}
DENSE = {
    **dict.fromkeys(["attention.self.query", "attention.self.key", "attention.self.value"], (WIDTH, WIDTH)),
    "attention.output.dense": (WIDTH, WIDTH),
    "intermediate.dense": (INNER, WIDTH),
    "output.dense": (WIDTH, INNER),
}

# huggingface_hub reads its variables at import, so each load is in a process of its own. An error that is not
# an OrtembedError ends the process with a traceback.
PROGRAM = """
import json, sys
from ortembed import Embedder, OrtembedError
try:
    exec(sys.argv[1])
except OrtembedError as error:
    print(json.dumps({"error": type(error).__name__, "message": str(error)}))
else:
    print(json.dumps({"vector": vector.tolist()}))
"""
WITHOUT_PAUSES = "import time; time.sleep = lambda _: None"  # between huggingface_hub's attempts
NOT_INHERITED = re.compile(
    "(HF|HUGGING|TRANSFORMERS|ORTEMBED).*|.*_PROXY|CI|DO_NOT_TRACK|DISABLE_TELEMETRY", re.IGNORECASE
)
OFFLINE = pytest.mark.parametrize(
    "offline", [{"local_files_only": True}, {"environment": {"HF_HUB_OFFLINE": "1"}}], ids=str
)
# Marks what the source does not do yet; the mark itself fails once it does.


@dataclass(frozen=True)
class Outcome:
    error: str | None = None
    message: str = ""
    vector: list[float] = field(default_factory=list)

    def assert_loaded(self, dimension):
        assert self.error is None, self.message
        assert len(self.vector) == dimension
        assert 0 < np.linalg.norm(self.vector) < np.inf

    def assert_failed(self, error, *parts):
        assert self.error == error, self.message
        assert [part for part in parts if part not in self.message] == []


def load_in_subprocess(code: str, **environment: str) -> Outcome:
    """Run code that makes a ``vector``, with these and no other variables that steer the hub."""
    command = [sys.executable, "-c", PROGRAM, code]
    environment |= {name: value for name, value in os.environ.items() if not NOT_INHERITED.fullmatch(name)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return Outcome(**json.loads(done.stdout))


def embed(home: Path, model: str, endpoint: str, *, first="", environment=None, **options) -> Outcome:
    """Load a model on a machine that keeps its caches in a folder, and make a vector."""
    options["cache_dir"] = str(home / "prepared")
    variables = {"HF_HOME": str(home / "hf"), "HF_ENDPOINT": endpoint, **(environment or {})}
    code = f"{first}\nvector = Embedder({model!r}, **{options!r}).encode('one two')"
    return load_in_subprocess(code, **variables)


@pytest.fixture
def load(tmp_path):
    return functools.partial(embed, tmp_path)


@pytest.fixture
def hub(tiny_bert):
    with HubServer(REPO, COMMIT, dict(tiny_bert)) as server:
        yield server


@pytest.fixture
def closed_endpoint():
    """An address where nothing listens, nor will."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture
def default_hub(model_folder):
    """The default model's repository, whose files the installed package has as well."""
    files = {name: (model_folder / name).read_bytes() for name in DEFAULT.sha256}
    with HubServer(DEFAULT.hub_id, DEFAULT.revision, files) as server:
        yield server


@pytest.fixture(scope="module")
def downloaded(tiny_bert, tmp_path_factory):
    """A huggingface_hub cache that knows all there is to know of the model."""
    home = tmp_path_factory.mktemp("hub")
    with HubServer(REPO, COMMIT, tiny_bert) as server:
        embed(home, REPO, server.endpoint).assert_loaded(WIDTH)
    return home / "hf"


@pytest.fixture
def cached(downloaded, tmp_path):
    """The model's folder in such a cache; ``load`` uses it."""
    home = shutil.copytree(downloaded, tmp_path / "hf", symlinks=True)
    return home / "hub/models--someone--tiny-bert"


@pytest.fixture(scope="module")
def tiny_bert() -> dict[str, bytes]:
    """The files of a model that has no manifest, and of those that its repository has besides."""
    return {
        "config.json": CONFIG,
        "tokenizer.json": tiny_tokenizer().encode(),
        "modules.json": modules(pooling="1_Pooling"),
        "1_Pooling/config.json": b'{"pooling_mode_mean_tokens": true}',
        "model.safetensors": safetensors.numpy.save(random_weights()),
        **dict.fromkeys(["pytorch_model.bin", "model.py", "README.md", "onnx/model.onnx"], b"not needed"),
    }


def tiny_tokenizer() -> str:
    words = {word: i for i, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    specials = [(word, words[word]) for word in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=specials)
    return tokenizer.to_str()


def modules(pooling: str) -> bytes:
    kinds = {"Transformer": "", "Pooling": pooling}
    chain = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in kinds.items()]
    return json.dumps(chain).encode()


def random_weights() -> dict[str, np.ndarray]:
    layer, random = "encoder.layer.0.", np.random.default_rng(0)
    shapes = {f"embeddings.{name}_embeddings.weight": (size, WIDTH) for name, size in EMBEDDINGS.items()}
    for name, (outputs, inputs) in DENSE.items():
        shapes[f"{layer}{name}.weight"] = (outputs, inputs)
        shapes[f"{layer}{name}.bias"] = (outputs,)
    for name in ("embeddings", f"{layer}attention.output", f"{layer}output"):
        shapes[f"{name}.LayerNorm.weight"] = shapes[f"{name}.LayerNorm.bias"] = (WIDTH,)
    return {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()}


def test_a_model_is_downloaded_once_and_then_needs_no_hub(load, hub, closed_endpoint):
    downloaded = load(REPO, hub.endpoint)
    downloaded.assert_loaded(WIDTH)
    hub.requests.clear()
    assert load(REPO, hub.endpoint) == downloaded
    assert load(REPO, hub.endpoint, local_files_only=True) == downloaded
    assert load(REPO, hub.endpoint, environment={"HF_HUB_OFFLINE": "1"}) == downloaded
    assert hub.requests == []
    assert load(REPO, closed_endpoint) == downloaded


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_only_needed_files_of_the_revision_are_asked_for(load, hub, revision):
    load(REPO, hub.endpoint, revision=revision).assert_loaded(WIDTH)
    first = revision or "main"
    assert hub.requests[0][1].startswith(f"/{REPO}/resolve/{first}/")
    asked = [RESOLVE.fullmatch(path) for path in hub.paths()]
    assert None not in asked  # nothing but files: no telemetry
    assert {each["name"] for each in asked} == NEEDED | ABSENT
    assert {each["revision"] for each in asked} <= {first, COMMIT}


@pytest.mark.parametrize(("name", "revision"), [("someone/else", "main"), (REPO, "v9")])
def test_what_the_hub_does_not_have(load, hub, name, revision):
    load(name, hub.endpoint, revision=revision).assert_failed("ModelNotFoundError", name)
    assert all(path.startswith(f"/{name}/resolve/{revision}/") for path in hub.paths())


@pytest.mark.parametrize("refusal", [(401, "RepoNotFound"), (401, "GatedRepo"), (403, "GatedRepo")])
def test_a_refusal(load, hub, refusal):
    hub.refusal = refusal
    load(REPO, hub.endpoint).assert_failed("ModelNotFoundError", REPO)


@pytest.mark.parametrize("cut", ["close", "reset"])
def test_a_connection_dropped_in_mid_file(load, hub, cut):
    hub.cut = cut
    load(REPO, hub.endpoint, first=WITHOUT_PAUSES).assert_failed("ModelNotFoundError", REPO)
    hub.cut = None
    load(REPO, hub.endpoint).assert_loaded(WIDTH)


@pytest.mark.parametrize("name", ["someone/tiny--bert", "bert.git"])
def test_a_name_that_the_hub_cannot_have(load, hub, name):
    load(name, hub.endpoint).assert_failed("ModelNotFoundError", name)
    assert hub.requests == []


@OFFLINE
def test_offline_with_an_empty_cache(load, hub, offline):
    load(REPO, hub.endpoint, **offline).assert_failed("ModelNotFoundError", REPO)
    assert hub.requests == []


@pytest.mark.parametrize(
    "name", ["modules.json", "1_Pooling/config.json", "model.safetensors", "sentence_bert_config.json"]
)
def test_offline_what_the_cache_does_not_know_is_not_guessed(load, hub, cached, name):
    (cached / (".no_exist" if name in ABSENT else "snapshots") / COMMIT / name).unlink()
    load(REPO, hub.endpoint, local_files_only=True).assert_failed("ModelNotFoundError", name)
    assert hub.requests == []


def test_files_of_two_commits_are_not_mixed(load, hub, cached):
    (cached / f"snapshots/{COMMIT}/model.safetensors").unlink()
    hub.commit = "f" * 40
    load(REPO, hub.endpoint).assert_failed("ModelNotFoundError", "model.safetensors")


@pytest.mark.parametrize("path", ["../../evil", "/evil", "sub\\..\\..\\evil"])
def test_a_module_outside_the_model(load, hub, path):
    hub.files["modules.json"] = modules(pooling=path)
    load(REPO, hub.endpoint).assert_failed("ModelLoadError", "outside the model")
    assert not any("evil" in path for path in hub.paths())


def test_the_default_model_is_downloaded_and_verified(load, default_hub):
    load(DEFAULT.name, default_hub.endpoint).assert_loaded(384)
    files = {f"/{DEFAULT.hub_id}/resolve/{DEFAULT.revision}/{name}" for name in DEFAULT.sha256}
    assert default_hub.paths() == files | {"/"}  # the root is asked once whether there is a hub


def test_wrong_bytes(load, default_hub):
    default_hub.garbled = {"config.json"}
    right = default_hub.files["config.json"]
    hashes = [hashlib.sha256(content).hexdigest() for content in (right, bytes(byte ^ 1 for byte in right))]
    load(DEFAULT.name, default_hub.endpoint).assert_failed("IntegrityError", "config.json", *hashes)


def test_wrong_bytes_are_fetched_again_when_what_the_message_names_is_deleted(load, default_hub):
    default_hub.garbled = {"config.json"}
    refused = load(DEFAULT.name, default_hub.endpoint)
    default_hub.garbled = set()
    for path in re.findall(r"/[^\s;]+", refused.message):
        Path(path).unlink(missing_ok=True)
    load(DEFAULT.name, default_hub.endpoint).assert_loaded(384)


def test_the_package_stands_in_where_no_hub_answers(load, closed_endpoint):
    load(DEFAULT.name, closed_endpoint).assert_loaded(384)


@pytest.mark.parametrize("refusal", [(404, "RepoNotFound"), (401, "GatedRepo")])
def test_the_package_stands_in_where_the_hub_refuses(load, hub, refusal):
    hub.refusal = refusal
    load(DEFAULT.name, hub.endpoint).assert_loaded(384)
    assert any(DEFAULT.hub_id in path for path in hub.paths())


def test_the_package_stands_in_where_the_download_breaks_off(load, default_hub):
    default_hub.cut = "close"
    load(DEFAULT.name, default_hub.endpoint, first=WITHOUT_PAUSES).assert_loaded(384)
