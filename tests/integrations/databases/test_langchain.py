"""LangChain's vector store in memory, with ortembed's embeddings."""

import asyncio
import pickle

import numpy as np
import pytest
from bench.exact_search import FOUND
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore

from ortembed.integrations.langchain import OrtembedEmbeddings


@pytest.fixture(scope="module")
def store(small_corpus):
    documents = [
        Document(docstring.passage, id=place, metadata={"module": docstring.module})
        for place, docstring in zip(small_corpus.ids, small_corpus.docstrings, strict=True)
    ]
    made = InMemoryVectorStore(OrtembedEmbeddings())
    made.add_documents(documents)
    return made


def test_search_finds_what_brute_force_does(store, small_corpus):
    found = [store.similarity_search_with_score(question, k=FOUND) for question in small_corpus.questions]
    ids = [[document.id for document, _ in documents] for documents in found]
    assert small_corpus.recall(ids) == 1
    scores = [[score for _, score in documents] for documents in found]
    np.testing.assert_allclose(scores, small_corpus.cosines_of(ids), rtol=0, atol=1e-5)


def test_search_within_a_module(store, small_corpus):
    def is_logging(document):
        return document.metadata["module"] == "logging"

    found = [store.similarity_search(question, k=FOUND, filter=is_logging) for question in small_corpus.questions]
    ids = [[document.id for document in documents] for documents in found]
    assert small_corpus.recall(ids, among=small_corpus.of_module("logging")) == 1


def test_another_process_finds_the_texts(tmp_path, store, small_corpus, run_python):
    code = """if True:
        import sys
        from langchain_core.vectorstores import InMemoryVectorStore
        from ortembed.integrations.langchain import OrtembedEmbeddings
        store = InMemoryVectorStore.load(sys.argv[1], OrtembedEmbeddings())
        print(*[document.id for document in store.similarity_search(sys.argv[2], k=5)])
    """
    store.dump(str(tmp_path / "store.json"))
    expected = [document.id for document in store.similarity_search(small_corpus.questions[0], k=5)]
    assert run_python(code, tmp_path / "store.json", small_corpus.questions[0]).split() == expected


def test_deletions(small_corpus):
    made = InMemoryVectorStore(OrtembedEmbeddings())
    made.add_texts(["A cat sat on the mat.", "Stocks fell sharply."], ids=["cat", "stocks"])
    made.delete(["cat"])
    assert [document.id for document in made.similarity_search("kittens on a rug")] == ["stocks"]


def test_queries_and_documents_have_their_prompts(prompted):
    embeddings = OrtembedEmbeddings(prompted)
    query, documents = prompted.encode("hello cat").tolist(), prompted.encode(["fish cat"]).tolist()
    assert embeddings.embed_query("cat") == query
    assert embeddings.embed_documents(["cat"]) == documents
    assert asyncio.run(embeddings.aembed_query("cat")) == query
    assert asyncio.run(embeddings.aembed_documents(["cat"])) == documents


def test_embeddings_can_be_pickled(run_python, tmp_path):
    embeddings = OrtembedEmbeddings(truncate_dim=64)
    (tmp_path / "pickle").write_bytes(pickle.dumps(embeddings))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).embed_query('a text'))"
    found = run_python(code, tmp_path / "pickle")
    np.testing.assert_allclose(
        np.fromstring(found.strip("[]\n"), sep=","), embeddings.embed_query("a text"), rtol=0, atol=1e-6
    )
