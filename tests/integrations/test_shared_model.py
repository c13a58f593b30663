"""The model behind the adapters: one Embedder a process, kept by plain arguments, in threads, forks and pickles."""

import asyncio
import json
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ortembed import Embedder, InvalidInputError, ModelNotFoundError
from ortembed.integrations import shared_model
from ortembed.integrations.shared_model import SharedModel, check_config, check_same, share
from tests.python.tiny_models import MEAN_POOLING, save_bert


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return save_bert(tmp_path_factory.mktemp("model"), **MEAN_POOLING)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("ORTEMBED_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "shared"))
    monkeypatch.setattr(shared_model, "_embedders", {})


def test_the_same_arguments_give_the_same_embedder(model):
    one, other = share(model), share(str(model), truncate_dim=4)
    assert one.embedder is other.embedder
    assert share(model, max_seq_length=8).embedder is not one.embedder


def test_vectors_are_the_embedders(model):
    shared = share(model, truncate_dim=4)
    expected = Embedder(model).encode(["hello cat", "dog"], truncate_dim=4)
    np.testing.assert_array_equal(shared.documents(["hello cat", "dog"]), expected)
    np.testing.assert_array_equal(shared.queries("dog"), expected[1])
    assert shared.dimension == 4


def test_an_embedder_is_taken_as_it_is(model):
    embedder = Embedder(model, max_seq_length=8, threads=1)
    shared = share(embedder)
    assert shared.embedder is embedder
    assert share(model, max_seq_length=8).embedder is embedder  # what a database makes anew of the arguments
    with pytest.raises(InvalidInputError, match="dtype is for a model's name; an Embedder has its own"):
        share(embedder, dtype="int8")


def test_arguments_survive_json(model):
    shared = share(model, truncate_dim=4, max_seq_length=8)
    assert SharedModel(**json.loads(json.dumps(shared.config()))) == shared


def test_a_folder_is_kept_so_that_it_is_found_from_anywhere(model, monkeypatch):
    monkeypatch.chdir(model.parent)
    shared, embedder = share(model.name), Embedder(model.name)
    monkeypatch.chdir(model.parent.parent)
    for made in (shared, share(embedder)):
        assert made.config()["model"] == str(model)


def test_all_names_of_a_model_are_one(embedder, model, monkeypatch, cache_dir):
    monkeypatch.chdir(model.parent)
    monkeypatch.setenv("ORTEMBED_CACHE_DIR", str(cache_dir))
    assert share(f"./{model.name}").embedder is share(model).embedder
    shared = share(embedder)
    for name in ("all-minilm-l6-v2", "sentence-transformers/all-MiniLM-L6-v2", "All-MiniLM-L6-v2"):
        check_same(shared.config(), share(name).config())
        assert share(name).embedder is embedder


def test_a_folder_of_a_known_models_name_is_that_folder(model, monkeypatch, tmp_path):
    (tmp_path / "all-minilm-l6-v2").symlink_to(model)
    monkeypatch.chdir(tmp_path)
    assert share("all-minilm-l6-v2").dimension == share(model).dimension


def test_threads_that_come_at_once_load_one(model):
    shared = SharedModel(str(model))
    with ThreadPoolExecutor(8) as pool:
        embedders = set(pool.map(lambda _: shared.embedder, range(8)))
    assert len(embedders) == 1


def test_what_was_pickled_loads_its_model(model, run_python, tmp_path):
    shared = share(model, truncate_dim=4)
    (tmp_path / "pickle").write_bytes(pickle.dumps(shared))
    code = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).documents(['hello']).tolist())"
    assert json.loads(run_python(code, tmp_path / "pickle")) == shared.documents(["hello"]).tolist()


def test_a_coroutine_loads_the_model_beside_the_event_loop(model, monkeypatch):
    threads = []

    class Watched(Embedder):
        def __init__(self, *arguments, **options):
            threads.append(threading.current_thread())
            super().__init__(*arguments, **options)

    monkeypatch.setattr(shared_model, "Embedder", Watched)
    shared = SharedModel(str(model))
    got = [asyncio.run(shared.aqueries("hello cat")), asyncio.run(shared.adocuments(["hello cat"]))[0]]
    np.testing.assert_array_equal(got, [shared.queries("hello cat")] * 2)
    assert len(threads) == 1
    assert threads[0] is not threading.main_thread()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_loads_its_own(model, run_python):
    """Also where a thread of the parent was loading a model just then."""
    code = """if True:
        import os, signal, sys
        from ortembed.integrations import shared_model
        shared = shared_model.share(sys.argv[1])
        before = shared.documents(["hello cat"])
        with shared_model._loading:
            child = os.fork()
            if not child:
                signal.alarm(60)  # should it wait for a lock that nobody holds
                os._exit(7 if (shared.documents(["hello cat"]) == before).all() else 8)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert (shared.documents(["hello cat"]) == before).all()
        print("both")
    """
    assert run_python(code, model) == "both\n"


def test_what_is_wrong_is_told_when_an_adapter_is_made(model, tmp_path):
    with pytest.raises(InvalidInputError, match="truncate_dim is 9, not an int from 1 to 8"):
        share(model, truncate_dim=9)
    with pytest.raises(InvalidInputError, match="'threads' is none of an adapter's arguments"):
        share(model, threads=2)
    with pytest.raises(ModelNotFoundError):
        share(tmp_path / "absent")


def test_unknown_arguments_and_changed_ones_are_refused():
    config = SharedModel("a").config()
    check_config(config)
    check_same(config, dict(config))
    with pytest.raises(InvalidInputError, match="'pooling'"):
        check_config({**config, "pooling": "mean"})
    kept = "dtype was 'float32' and would be 'int8': .* Give dtype='float32', or make a new collection"
    with pytest.raises(InvalidInputError, match=kept):
        check_same(config, {**config, "dtype": "int8"})


def test_another_form_than_that_of_what_is_there_is_told_with_the_one_to_give():
    old = {"model": "m", "dtype": "int8", "form": "cpu"}
    with pytest.raises(InvalidInputError, match="form was 'cpu' .* Give form='cpu', or make a new collection"):
        check_same(old, {**old, "form": "packed"})
    with pytest.raises(InvalidInputError, match=r"form was None .* with new ones\. Make a new collection"):
        check_same({"model": "m", "dtype": "int8"}, old)
