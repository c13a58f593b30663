"""What an Embedder tells of itself, so that another one gives the same vectors."""

import json

import numpy as np
import pytest

from ortembed import Embedder
from tests.python.tiny_models import MEAN_POOLING, save_bert


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("model"), **MEAN_POOLING)


def test_its_config_makes_it_anew(model, cache_dir):
    embedder = Embedder(model, cache_dir=cache_dir, max_seq_length=4, threads=1)
    config = json.loads(json.dumps(embedder.config()))
    assert config == {
        "model": str(model),
        "dtype": "float32",
        "form": None,
        "revision": None,
        "max_seq_length": 4,
        "onnx_file": None,
    }
    again = Embedder(**config, cache_dir=cache_dir)
    text = "hello cat dog fish"  # of more than 4 tokens
    with pytest.warns(UserWarning, match="more than 4 tokens"):
        expected = embedder.encode(text)
    with pytest.warns(UserWarning, match="more than 4 tokens"):
        np.testing.assert_array_equal(again.encode(text), expected)


def test_a_models_name_stays_a_name(embedder):
    assert embedder.config()["model"] == "all-minilm-l6-v2"


def test_a_folder_is_named_from_the_root(model, cache_dir, monkeypatch):
    monkeypatch.chdir(model.parent)
    assert Embedder(model.name, cache_dir=cache_dir).config()["model"] == str(model)


@pytest.mark.parametrize(("settings", "name"), [({}, "cosine"), ({"similarity_fn_name": "dot"}, "dot")])
def test_its_similarity_function_has_sentence_transformers_name(tmp_path, cache_dir, settings, name):
    folder = save_bert(tmp_path / "model", **MEAN_POOLING, config_sentence_transformers=settings)
    assert Embedder(folder, cache_dir=cache_dir).similarity_fn_name == name
