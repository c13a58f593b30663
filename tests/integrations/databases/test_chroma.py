"""Chroma, persistent in a folder: its HNSW index over the demo's corpus."""

import json
from concurrent.futures import ThreadPoolExecutor

import chromadb
import numpy as np
import pytest
from bench.exact_search import FOUND
from chromadb.config import Settings

from ortembed import Embedder
from ortembed.integrations.chroma import OrtembedEmbeddingFunction

HNSW_FLOOR = 0.95
QUIET = Settings(anonymized_telemetry=False)


def open_client(folder):
    return chromadb.PersistentClient(str(folder), QUIET)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("chroma")


@pytest.fixture(scope="module")
def collection(folder, corpus):
    """The corpus, added by four threads at once."""
    made = open_client(folder).create_collection("corpus", embedding_function=OrtembedEmbeddingFunction())

    def add(part):
        made.add(
            ids=corpus.ids[part],
            documents=corpus.passages[part],
            metadatas=[{"module": module} for module in corpus.modules[part]],
        )

    size = 100
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, [slice(start, start + size) for start in range(0, len(corpus.ids), size)]))
    return made


@pytest.fixture
def small(tmp_path, corpus):
    made = open_client(tmp_path).create_collection("small", embedding_function=OrtembedEmbeddingFunction())
    made.add(ids=["cat", "stocks"], documents=["A cat sat on the mat.", "Stocks fell sharply."])
    return made


def test_the_stored_vectors_are_the_embedders(collection, corpus):
    stored = collection.get(ids=corpus.ids, include=["embeddings"])
    vectors = dict(zip(stored["ids"], stored["embeddings"], strict=True))
    np.testing.assert_allclose([vectors[i] for i in corpus.ids], corpus.vectors, rtol=0, atol=1e-6)


def test_search_finds_what_brute_force_does(collection, corpus):
    found = collection.query(query_texts=corpus.questions, n_results=FOUND)
    assert corpus.recall(found["ids"]) >= HNSW_FLOOR
    np.testing.assert_allclose(1 - np.array(found["distances"]), corpus.cosines_of(found["ids"]), rtol=0, atol=1e-5)


def test_search_within_a_module(collection, corpus):
    found = collection.query(query_texts=corpus.questions, n_results=FOUND, where={"module": "logging"})
    assert corpus.recall(found["ids"], among=corpus.of_module("logging")) >= HNSW_FLOOR


REOPEN = """
import json, sys
import chromadb
from chromadb.config import Settings
import ortembed.integrations.chroma
client = chromadb.PersistentClient(sys.argv[1], Settings(anonymized_telemetry=False))
collection = client.get_collection(sys.argv[2])
print(json.dumps(collection.query(query_texts=json.loads(sys.argv[3]), n_results=int(sys.argv[4]))["ids"]))
"""


def test_another_process_finds_the_model_and_the_texts(folder, collection, corpus, run_python):
    questions = corpus.questions[:5]
    found = json.loads(run_python(REOPEN, folder, "corpus", json.dumps(questions), str(FOUND)))
    assert found == collection.query(query_texts=questions, n_results=FOUND)["ids"]


def test_without_the_adapters_import_chroma_says_what_it_lacks(tmp_path, small, run_python):
    with pytest.raises(AssertionError, match="Embedding function ortembed not found"):
        run_python(REOPEN.replace("import ortembed.integrations.chroma\n", ""), tmp_path, "small", '["cat"]', "1")


def test_updates_and_deletions(small):
    small.update(ids=["stocks"], documents=["Kittens sleep on rugs."])
    found = small.query(query_texts=["kittens on a rug"], n_results=2)
    assert found["ids"] == [["stocks", "cat"]]
    small.delete(ids=["stocks"])
    assert small.query(query_texts=["kittens on a rug"], n_results=1)["ids"] == [["cat"]]
    assert small.count() == 1


def test_what_is_kept_makes_the_same_vectors(tmp_path):
    function = OrtembedEmbeddingFunction(dtype="int8", truncate_dim=64, max_seq_length=16)
    made = open_client(tmp_path).create_collection("kept", embedding_function=function)
    kept = made.configuration_json["embedding_function"]
    assert kept["name"] == "ortembed"
    assert kept["config"] == {
        "model": "all-minilm-l6-v2",
        "dtype": "int8",
        "form": "packed",
        "revision": None,
        "max_seq_length": 16,
        "onnx_file": None,
        "truncate_dim": 64,
    }
    again = OrtembedEmbeddingFunction.build_from_config(kept["config"])
    assert again(["a text"])[0].shape == (64,)
    np.testing.assert_array_equal(again(["a text"]), function(["a text"]))


def test_queries_and_documents_have_their_prompts(prompted):
    function = OrtembedEmbeddingFunction(prompted)
    np.testing.assert_array_equal(function.embed_query(["cat"]), prompted.encode(["hello cat"]))
    np.testing.assert_array_equal(function(["cat"]), prompted.encode(["fish cat"]))


def test_the_distance_is_the_models_own(tmp_path, small, dot_model):
    assert small.configuration["hnsw"]["space"] == "cosine"
    function = OrtembedEmbeddingFunction(Embedder(dot_model))
    made = open_client(tmp_path).create_collection("dot", embedding_function=function)
    assert made.configuration["hnsw"]["space"] == "ip"


def test_another_model_is_refused_for_vectors_that_are_there():
    function = OrtembedEmbeddingFunction()
    config = function.get_config()
    function.validate_config_update(config, dict(config))
    with pytest.raises(ValueError, match="truncate_dim was None and would be 64"):
        function.validate_config_update(config, {**config, "truncate_dim": 64})
    with pytest.raises(ValueError, match="'pooling' is none of an adapter's arguments"):
        function.validate_config({**config, "pooling": "mean"})
