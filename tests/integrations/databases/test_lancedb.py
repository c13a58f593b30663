"""LanceDB in a folder: exact search and an IVF index over the demo's corpus, embedded by the table itself."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import lancedb
import numpy as np
import pyarrow as pa
import pytest
from bench.exact_search import FOUND
from lancedb.embeddings import EmbeddingFunctionConfig, get_registry
from lancedb.index import IvfFlat
from lancedb.pydantic import LanceModel, Vector

from ortembed import InvalidInputError
from ortembed.integrations.lancedb import OrtembedEmbeddings

IVF_FLOOR = 0.95


def schema(function):
    class Text(LanceModel):
        id: str
        module: str
        text: str = function.SourceField()
        vector: Vector(function.ndims()) = function.VectorField()

    return Text


def rows(ids, modules, texts):
    return [
        {"id": place, "module": module, "text": text} for place, module, text in zip(ids, modules, texts, strict=True)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lancedb")


@pytest.fixture(scope="module")
def table(folder, corpus):
    """The corpus, added by four threads at once."""
    function = get_registry().get("ortembed").create()
    made = lancedb.connect(folder).create_table("corpus", schema=schema(function))
    data = rows(corpus.ids, corpus.modules, corpus.passages)
    size = 300
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(made.add, [data[start : start + size] for start in range(0, len(data), size)]))
    return made


@pytest.fixture
def small(tmp_path):
    made = lancedb.connect(tmp_path).create_table("small", schema=schema(OrtembedEmbeddings.create()))
    made.add(rows(["cat", "stocks"], ["a", "b"], ["A cat sat on the mat.", "Stocks fell sharply."]))
    return made


def found_by(query, questions):
    """The ids that are found for each question, and their cosines."""
    results = [query(question).to_list() for question in questions]
    ids = [[row["id"] for row in result] for result in results]
    return ids, np.array([[1 - row["_distance"] for row in result] for result in results])


def test_the_stored_vectors_are_the_embedders(table, corpus):
    stored = {row["id"]: row["vector"] for row in table.to_arrow().to_pylist()}
    np.testing.assert_allclose([stored[i] for i in corpus.ids], corpus.vectors, rtol=0, atol=1e-6)


def test_search_finds_what_brute_force_does(table, corpus):
    ids, cosines = found_by(lambda text: table.search(text).distance_type("cosine").limit(FOUND), corpus.questions)
    assert corpus.recall(ids) == 1
    np.testing.assert_allclose(cosines, corpus.cosines_of(ids), rtol=0, atol=1e-5)


def test_search_within_a_module(table, corpus):
    def within(text):
        return table.search(text).distance_type("cosine").where("module = 'logging'", prefilter=True).limit(FOUND)

    ids, _ = found_by(within, corpus.questions)
    assert corpus.recall(ids, among=corpus.of_module("logging")) == 1


def test_an_ivf_index_finds_nearly_all(tmp_path, table, corpus):
    indexed = lancedb.connect(tmp_path).create_table("indexed", table.to_arrow())
    indexed.create_index("vector", config=IvfFlat(distance_type="cosine", num_partitions=16))

    def probed(text):
        return indexed.search(text, query_type="vector").nprobes(12).limit(FOUND)

    ids, _ = found_by(probed, corpus.questions)
    assert indexed.index_stats("vector_idx").num_indexed_rows == len(corpus.ids)
    assert corpus.recall(ids) >= IVF_FLOOR


REOPEN = """
import json, sys
import lancedb
import ortembed.integrations.lancedb
table = lancedb.connect(sys.argv[1]).open_table(sys.argv[2])
search = lambda text: table.search(text).distance_type("cosine").limit(int(sys.argv[4])).to_list()
print(json.dumps([[row["id"] for row in search(text)] for text in json.loads(sys.argv[3])]))
"""


def test_another_process_finds_the_model_and_the_texts(folder, table, corpus, run_python):
    questions = corpus.questions[:5]
    found = json.loads(run_python(REOPEN, folder, "corpus", json.dumps(questions), str(FOUND)))
    assert corpus.recall([*found, *found_by(
        lambda text: table.search(text).distance_type("cosine").limit(FOUND), corpus.questions[5:]
    )[0]]) == 1  # fmt: skip


def test_without_the_adapters_import_lancedb_says_what_it_lacks(tmp_path, small, run_python):
    with pytest.raises(AssertionError, match="KeyError: 'ortembed'"):
        run_python(REOPEN.replace("import ortembed.integrations.lancedb\n", ""), tmp_path, "small", '["cat"]', "1")


def test_updates_and_deletions(small):
    (small.merge_insert("id").when_matched_update_all().when_not_matched_insert_all()
     .execute(rows(["stocks"], ["b"], ["Kittens sleep on rugs."])))  # fmt: skip
    search = small.search("kittens on a rug").limit(2)
    assert [row["id"] for row in search.to_list()] == ["stocks", "cat"]
    small.delete("id = 'stocks'")
    assert [row["id"] for row in small.search("kittens on a rug").limit(2).to_list()] == ["cat"]


def test_the_asynchronous_interface_embeds_too(tmp_path, small):
    async def search():
        connection = await lancedb.connect_async(tmp_path)
        query = await (await connection.open_table("small")).search("kittens on a rug")
        return await query.limit(1).to_list()

    assert [row["id"] for row in asyncio.run(search())] == ["cat"]


def test_what_is_kept_makes_the_same_vectors(tmp_path):
    function = OrtembedEmbeddings.create("all-minilm-l6-v2", dtype="int8", truncate_dim=64, max_seq_length=16)
    made = lancedb.connect(tmp_path).create_table("kept", schema=schema(function))
    (kept,) = json.loads(made.schema.metadata[b"embedding_functions"])
    assert kept["name"] == "ortembed"
    assert kept["model"] == {
        "model": "all-minilm-l6-v2",
        "dtype": "int8",
        "form": "packed",
        "revision": None,
        "max_seq_length": 16,
        "onnx_file": None,
        "truncate_dim": 64,
    }
    again = lancedb.connect(tmp_path).open_table("kept").embedding_functions["vector"].function
    assert again.ndims() == 64
    np.testing.assert_array_equal(again.generate_embeddings(["text"]), function.generate_embeddings(["text"]))


def test_queries_and_documents_have_their_prompts(prompted):
    function = OrtembedEmbeddings.create(prompted)
    np.testing.assert_array_equal(function.compute_query_embeddings("cat"), prompted.encode(["hello cat"]))
    np.testing.assert_array_equal(function.compute_source_embeddings("cat"), prompted.encode(["fish cat"]))


def test_functions_are_equal_where_their_vectors_are(prompted):
    one, other = OrtembedEmbeddings.create(prompted), OrtembedEmbeddings.create(prompted, truncate_dim=4)
    assert one == OrtembedEmbeddings.create(prompted)
    assert one != other
    assert hash(one) != hash(other)


def test_a_null_has_no_vector(tmp_path):
    function = OrtembedEmbeddings.create()
    config = EmbeddingFunctionConfig(vector_column="vector", source_column="text", function=function)
    made = lancedb.connect(tmp_path).create_table(
        "nulls", pa.table({"text": ["a cat", None]}), embedding_functions=[config], on_bad_vectors="null"
    )
    first, second = made.to_arrow()["vector"].to_pylist()
    np.testing.assert_allclose(first, function.compute_source_embeddings("a cat")[0], rtol=0, atol=1e-6)
    assert second is None


def test_what_is_wrong_is_told_at_once_and_not_tried_again(prompted):
    """LanceDB's own way is seven tries over minutes, and an error without a class."""
    function = OrtembedEmbeddings.create(prompted)
    for method in (function.compute_source_embeddings_with_retry, function.compute_query_embeddings_with_retry):
        with pytest.raises(InvalidInputError, match="lone surrogate|not valid Unicode|surrogate"):
            method("\ud800")
