"""Whole pipelines against sentence-transformers: what it reads from a model's folder, and the vectors it computes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ortembed import Embedder
from ortembed.config import read_settings
from ortembed.tokenizer import Tokenizer

# The default model's own files are as sentence-transformers saves them; these change each thing that it can say.
NAMES = (
    *("lasttoken", "weightedmean", "mean_sqrt_len_tokens", "mean", "max", "cls", "normalized", "concatenated"),
    *("mean-cls", "flags", "dense", "dense-first-legacy", "activations", "norms", "normalized-twice"),
    *("half-precision", "prompts", "default-prompt-alone", "prompts-not-pooled", "truncated", "matryoshka"),
    *("in-a-folder", "older-names", "lowered", "without-modules", "causal-without-modules"),
)
STEPS = {"Dense": "dense", "LayerNorm": "layer_norm", "Normalize": "normalize"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_reference):
    folder = tmp_path_factory.mktemp("pipelines")
    run_reference("pipelines", folder)
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    return json.loads((folder / "expected.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def vectors(folder):
    return np.load(folder / "expected.npz")


@pytest.fixture(scope="module")
def load(folder, tmp_path_factory):
    loaded = {}

    def load(name):
        if name not in loaded:
            loaded[name] = Embedder(folder / name, cache_dir=tmp_path_factory.mktemp("cache"), threads=1)
        return loaded[name]

    return load


def settings_of(folder):
    """Give the settings, with the files named as they are found: those of the Transformer by their bare names."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return read_settings({name.removeprefix("0_Transformer/"): path for name, path in files.items()})


def test_every_pipeline_is_compared(expected):
    assert set(expected) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_those_that_sentence_transformers_reads(folder, expected, name):
    settings, said = settings_of(folder / name), expected[name]
    assert settings.pooling == tuple(said["pooling"])
    assert settings.include_prompt == said["include_prompt"]
    head = [STEPS[kind] for kind in said["head"] if kind != "Dropout"]
    assert settings.normalize == said["normalize"]
    assert [step.kind for step in settings.head] == (head[:-1] if said["normalize"] else head)
    assert settings.max_seq_length == said["max_seq_length"]
    assert {"query": "", "document": "", **settings.prompts} == said["prompts"]
    assert settings.default_prompt_name == said["default_prompt_name"]
    assert settings.similarity == said["similarity"]
    assert settings.truncate_dim == said["truncate_dim"]


@pytest.mark.parametrize("name", NAMES)
def test_ids_and_prompt_lengths_are_those_of_sentence_transformers(folder, expected, name):
    texts, _ = json.loads((folder / "texts.json").read_text("utf-8"))
    settings, said = settings_of(folder / name), expected[name]
    path = next((folder / name).rglob("tokenizer.json"))
    tokenizer = Tokenizer(path, max_seq_length=settings.max_seq_length, settings=settings.tokenizer)
    tokens = tokenizer.encode(texts)
    assert [row.tolist() for row in np.split(tokens.ids, tokens.offsets[1:-1])] == said["ids"]
    assert {p: tokenizer.prompt_length(p) for p in said["prompt_lengths"]} == said["prompt_lengths"]


@pytest.mark.filterwarnings("ignore:some texts have more than")
@pytest.mark.parametrize("name", NAMES)
def test_vectors_are_those_of_sentence_transformers(folder, vectors, load, name):
    texts, prompt = json.loads((folder / "texts.json").read_text("utf-8"))
    embedder = load(name)
    ours = {
        "encode": embedder.encode(texts),
        "query": embedder.encode_query(texts),
        "document": embedder.encode_document(texts),
        "prompt": embedder.encode(texts, prompt=prompt),
    }
    for what, rows in ours.items():
        np.testing.assert_allclose(rows, vectors[f"{name}/{what}"], rtol=1e-5, atol=1e-5, err_msg=what)
    scores = embedder.similarity(ours["encode"], ours["query"])
    np.testing.assert_allclose(scores, vectors[f"{name}/similarity"], rtol=1e-5, atol=1e-4)


@pytest.mark.filterwarnings("ignore:some texts have more than")
@pytest.mark.parametrize("name", NAMES)
def test_token_embeddings_are_those_of_sentence_transformers(folder, vectors, load, name):
    texts, prompt = json.loads((folder / "texts.json").read_text("utf-8"))
    states = np.concatenate(load(name).token_embeddings(texts))
    np.testing.assert_allclose(states, vectors[f"{name}/tokens"], rtol=1e-5, atol=1e-5)
    states = np.concatenate(load(name).token_embeddings(texts, prompt=prompt))
    np.testing.assert_allclose(states, vectors[f"{name}/prompt-tokens"], rtol=1e-5, atol=1e-5)


def test_a_causal_model_without_modules_pools_its_last_token(expected):
    assert expected["causal-without-modules"]["pooling"] == ["lasttoken"]


def test_the_dimensions_that_a_model_may_be_cut_to_are_read(folder):
    assert settings_of(folder / "matryoshka").matryoshka_dims == (8, 4)
