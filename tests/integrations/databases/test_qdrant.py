"""Qdrant's local mode, which takes vectors: the demo's corpus, embedded by the caller."""

import json

import numpy as np
import pytest
from bench.exact_search import FOUND
from qdrant_client import QdrantClient
from qdrant_client.models import (
    Distance,
    FieldCondition,
    Filter,
    MatchValue,
    PointIdsList,
    QueryRequest,
    VectorParams,
)

NAME = "corpus"


def make_collection(client, embedder):
    client.create_collection(NAME, VectorParams(size=embedder.dimension, distance=Distance.COSINE))
    return client


def fill(client, corpus):
    """Add a corpus, by one thread: several at once break the local mode's transactions."""
    payload = [{"text": docstring.passage, "module": docstring.module} for docstring in corpus.docstrings]
    client.upload_collection(NAME, corpus.vectors, ids=range(len(corpus.ids)), payload=payload)


@pytest.fixture(scope="module")
def filled(embedder, corpus):
    """The corpus in memory: in a folder, each point is a transaction of its own."""
    client = make_collection(QdrantClient(":memory:"), embedder)
    fill(client, corpus)
    return client


@pytest.fixture
def client(tmp_path, embedder):
    made = make_collection(QdrantClient(path=str(tmp_path)), embedder)
    yield made
    made.close()


def found_by(client, corpus, condition=None):
    """The ids that are found for each question, and their cosines."""
    requests = [
        QueryRequest(query=vector.tolist(), limit=FOUND, filter=condition) for vector in corpus.question_vectors
    ]
    answers = [answer.points for answer in client.query_batch_points(NAME, requests)]
    ids = [[str(point.id) for point in points] for points in answers]
    return ids, np.array([[point.score for point in points] for points in answers])


def test_search_finds_what_brute_force_does(filled, corpus):
    ids, scores = found_by(filled, corpus)
    assert corpus.recall(ids) == 1
    np.testing.assert_allclose(scores, corpus.cosines_of(ids), rtol=0, atol=1e-5)


def test_search_within_a_module(filled, corpus):
    condition = Filter(must=[FieldCondition(key="module", match=MatchValue(value="logging"))])
    ids, _ = found_by(filled, corpus, condition)
    assert corpus.recall(ids, among=corpus.of_module("logging")) == 1


REOPEN = """
import json, sys
from ortembed import Embedder
from qdrant_client import QdrantClient
client = QdrantClient(path=sys.argv[1])
vectors = Embedder().encode_query(json.loads(sys.argv[2]))
answers = [client.query_points("corpus", query=vector, limit=int(sys.argv[3])) for vector in vectors]
print(json.dumps([[str(point.id) for point in answer.points] for answer in answers]))
client.close()
"""


def test_another_process_finds_the_texts(tmp_path, client, small_corpus, run_python):
    fill(client, small_corpus)
    expected, _ = found_by(client, small_corpus)
    client.close()  # one process at a time may open a folder
    assert json.loads(run_python(REOPEN, tmp_path, json.dumps(small_corpus.questions), str(FOUND))) == expected


def test_updates_and_deletions(client, embedder):
    def put(texts):
        vectors = embedder.encode_document(texts)
        client.upload_collection(NAME, vectors, ids=range(len(texts)), payload=[{"text": text} for text in texts])

    def found():
        query = embedder.encode_query("kittens on a rug")
        return [point.payload["text"] for point in client.query_points(NAME, query=query, limit=2).points]

    put(["A cat sat on the mat.", "Stocks fell sharply."])
    assert found() == ["A cat sat on the mat.", "Stocks fell sharply."]
    put(["A cat sat on the mat.", "Kittens sleep on rugs."])
    assert found() == ["Kittens sleep on rugs.", "A cat sat on the mat."]
    client.delete(NAME, PointIdsList(points=[1]))
    assert found() == ["A cat sat on the mat."]
    assert client.count(NAME).count == 1
