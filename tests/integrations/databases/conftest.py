"""Fixtures of the databases' tests: the demo's corpus with its vectors, a model with prompts, and no network."""

import pytest
from bench.corpora.questions import QUESTIONS
from bench.corpora.selection import evenly
from bench.corpora.stdlib_docstrings import docstrings
from bench.exact_search import Corpus

from ortembed import Embedder
from ortembed.prepare.store import default_cache_dir
from tests.integrations.databases.network import contacted, watch
from tests.python.tiny_models import MEAN_POOLING, save_bert

DOCSTRINGS = 1000
LONGEST = 300  # characters: nothing is truncated, and each engine embeds them in seconds

watch()


@pytest.fixture(autouse=True)
def no_network():
    yield
    assert contacted == []


@pytest.fixture(scope="session")
def cache_dir():
    """What the adapters use, which only the environment tells."""
    return default_cache_dir()


@pytest.fixture(scope="session")
def corpus(embedder):
    texts = evenly([docstring for docstring in docstrings() if len(docstring.passage) <= LONGEST], DOCSTRINGS)
    vectors = embedder.encode_document([docstring.passage for docstring in texts])
    return Corpus(texts, vectors, QUESTIONS, embedder.encode_query(QUESTIONS))


@pytest.fixture(scope="session")
def small_corpus(corpus):
    """For what searches by numpy itself, and leaves little to be found out."""
    return corpus.every(4)


@pytest.fixture(scope="session")
def prompted(tmp_path_factory):
    """An Embedder whose queries and documents have prompts."""
    prompts = {"prompts": {"query": "hello ", "document": "fish "}}
    return Embedder(
        save_bert(tmp_path_factory.mktemp("prompted"), **MEAN_POOLING, config_sentence_transformers=prompts)
    )


@pytest.fixture(scope="session")
def dot_model(tmp_path_factory):
    """A model that compares by dot product."""
    settings = {"similarity_fn_name": "dot"}
    return save_bert(tmp_path_factory.mktemp("dot"), **MEAN_POOLING, config_sentence_transformers=settings)
