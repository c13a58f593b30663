"""LlamaIndex's vector store in memory, with ortembed's embedding model."""

import asyncio
import pickle

import numpy as np
import pytest
from bench.exact_search import FOUND
from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.schema import TextNode
from llama_index.core.vector_stores import MetadataFilter, MetadataFilters

from ortembed import InvalidInputError
from ortembed.integrations.llama_index import OrtembedEmbedding


@pytest.fixture(scope="module")
def model():
    return OrtembedEmbedding()


@pytest.fixture(scope="module")
def index(small_corpus, model):
    nodes = [
        TextNode(
            text=docstring.passage,
            id_=place,
            metadata={"module": docstring.module},
            excluded_embed_metadata_keys=["module"],
        )
        for place, docstring in zip(small_corpus.ids, small_corpus.docstrings, strict=True)
    ]
    return VectorStoreIndex(nodes, embed_model=model)


def found_by(index, questions, filters=None):
    """The ids that are found for each question, and their cosines."""
    retriever = index.as_retriever(similarity_top_k=FOUND, filters=filters)
    found = [retriever.retrieve(question) for question in questions]
    return [[node.node_id for node in nodes] for nodes in found], [[node.score for node in nodes] for nodes in found]


def test_search_finds_what_brute_force_does(index, small_corpus):
    ids, scores = found_by(index, small_corpus.questions)
    assert small_corpus.recall(ids) == 1
    np.testing.assert_allclose(scores, small_corpus.cosines_of(ids), rtol=0, atol=1e-5)


def test_search_within_a_module(index, small_corpus):
    ids, _ = found_by(
        index, small_corpus.questions, MetadataFilters(filters=[MetadataFilter(key="module", value="logging")])
    )
    assert small_corpus.recall(ids, among=small_corpus.of_module("logging")) == 1


def test_an_index_is_kept_and_opened(tmp_path, index, small_corpus, model):
    index.storage_context.persist(str(tmp_path))
    again = load_index_from_storage(StorageContext.from_defaults(persist_dir=str(tmp_path)), embed_model=model)
    assert found_by(again, small_corpus.questions[:5]) == found_by(index, small_corpus.questions[:5])


def test_what_is_kept_makes_the_same_vectors():
    model = OrtembedEmbedding("all-minilm-l6-v2", dtype="int8", truncate_dim=64)
    kept = model.to_dict()
    again = OrtembedEmbedding.from_dict(kept)
    assert (kept["class_name"], kept["model_name"], kept["dtype"]) == (
        "OrtembedEmbedding",
        "all-minilm-l6-v2",
        "int8",
    )
    for other in (again, pickle.loads(pickle.dumps(model))):  # noqa: S301 - made here
        assert other.get_text_embedding("a text") == model.get_text_embedding("a text")
        assert len(other.get_query_embedding("a text")) == 64
        assert other.embed_batch_size == 2048


def test_queries_and_documents_have_their_prompts(prompted):
    model = OrtembedEmbedding(prompted, embed_batch_size=2)
    query, document = prompted.encode("hello cat").tolist(), prompted.encode("fish cat").tolist()
    assert model.get_query_embedding("cat") == query
    assert model.get_text_embedding("cat") == document
    assert model.get_text_embedding_batch(["cat"] * 3) == [document] * 3
    assert asyncio.run(model.aget_query_embedding("cat")) == query
    assert asyncio.run(model.aget_text_embedding("cat")) == document
    assert asyncio.run(model.aget_text_embedding_batch(["cat"] * 3)) == [document] * 3


def test_arguments_are_the_other_adapters_and_no_others(prompted):
    folder = prompted.config()["model"]
    for made in (OrtembedEmbedding(folder), OrtembedEmbedding(model=folder), OrtembedEmbedding(model_name=folder)):
        assert made.model_name == folder
    for wrong in ({"truncate_dims": 2}, {"threads": 2}, {"cache_dir": "x"}):
        with pytest.raises(InvalidInputError, match=f"'{min(wrong)}' is none of its arguments: model, "):
            OrtembedEmbedding(**wrong)
    with pytest.raises(InvalidInputError, match="two names of one argument"):
        OrtembedEmbedding(folder, model_name=folder)


def test_what_decides_vectors_stays_as_it_was_made(prompted):
    model = OrtembedEmbedding(prompted, truncate_dim=4)
    for name, value in (("truncate_dim", 2), ("model_name", "bge-small-en-v1.5")):
        with pytest.raises(ValueError, match="frozen"):
            setattr(model, name, value)
    copied = model.model_copy(update={"truncate_dim": 2})
    assert len(copied.get_text_embedding("cat")) == copied.to_dict()["truncate_dim"] == 2
    assert len(model.get_text_embedding("cat")) == 4
