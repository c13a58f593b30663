"""ortembed doctor and info: what a user reads about this machine, the providers, and a self-test."""

import json
import sys

import numpy as np
import pytest

from ortembed import CoreMLOptions, known_vectors
from ortembed.cli import doctor, main

needs_stand_in = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in is for POSIX systems")


@pytest.fixture
def ortembed(monkeypatch, capsys):
    """Run a command offline; give its status and output."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        return status, capsys.readouterr().out

    return run


def doctor_json(ortembed, *arguments):
    status, out = ortembed("doctor", "--json", *arguments)
    return status, json.loads(out)


def test_it_tells_runtime_providers_threads_cache_and_model(ortembed, embedder, cache_dir):
    status, found = doctor_json(ortembed, "--cache-dir", cache_dir, "--threads", "2")
    assert status == 0
    assert found["ortembed"]
    assert found["runtime"].startswith("ONNX Runtime 1.")
    assert "onnxruntime" in found["library"]
    assert "CPUExecutionProvider" in found["providers"]
    assert found["threads"] == 2
    assert found["cache"].startswith(f"{cache_dir} (writable, ")
    assert (found["model"], found["dtype"], found["form"]) == ("all-minilm-l6-v2", "float32", "cpu")
    assert found["runs on"] == ["CPUExecutionProvider"]
    assert found["problems"] == []


def test_the_same_for_people(ortembed, embedder, cache_dir):
    status, out = ortembed("doctor", "--cache-dir", cache_dir)
    assert status == 0
    for line in ("runtime", "library", "providers", "threads", "cache", "model", "runs on", "first embedding"):
        assert any(shown.startswith(f"{line} ") for shown in out.splitlines()), line
    assert out.rstrip().endswith("none")


def test_the_self_test_compares_with_an_independent_implementation(ortembed, embedder, cache_dir):
    status, found = doctor_json(ortembed, "--cache-dir", cache_dir, "--self-test")
    assert status == 0
    assert found["self-test"]["reference"].startswith("sentence-transformers 6.2.0")
    assert found["self-test"]["texts"] == 4
    assert found["self-test"]["largest difference"] < 1e-5


def test_a_vector_that_differs_is_a_problem(ortembed, embedder, cache_dir, monkeypatch):
    known = known_vectors.known_vectors("all-minilm-l6-v2")
    turned = known._replace(vectors=np.roll(known.vectors, 1, axis=1))
    monkeypatch.setattr(doctor, "known_vectors", lambda _name: turned)
    status, found = doctor_json(ortembed, "--cache-dir", cache_dir, "--self-test")
    assert status == 1
    assert "least cosine to the reference is" in found["problems"][0]


def test_the_known_vectors_are_those_of_the_reference(golden):
    known = known_vectors.known_vectors("sentence-transformers/all-MiniLM-L6-v2")
    rows = [golden[0]["texts"].index(text) for text in known.texts]
    np.testing.assert_allclose(known.vectors, golden[1]["normalized"][rows], rtol=0, atol=1e-6)


def test_a_model_without_known_vectors_says_so(ortembed, mac_model, mac_caches):
    status, found = doctor_json(ortembed, "--model", mac_model, "--cache-dir", mac_caches[0], "--self-test")
    assert (status, found["self-test"]["reference"]) == (0, "none for this model; the default model has one")


@needs_stand_in
def test_on_a_mac_it_shows_each_shape_and_where_its_nodes_run(ortembed, mac):
    status, found = doctor_json(ortembed, "--model", mac.model, "--cache-dir", mac.cache, "--self-test")
    assert status == 0
    assert found["runs on"] == ["CoreMLExecutionProvider", "CPUExecutionProvider"]
    table = found["self-test"]["accelerator"]
    for rows, tokens in CoreMLOptions().buckets(32):
        shown = table[f"{rows} x {tokens} tokens"]
        assert shown.startswith("cosine 1.000000, norm 1.0000, ")
        assert shown.endswith("nodes on CoreMLExecutionProvider, in 1 part")
    assert table["outcome"].startswith("right, and ")
    assert "nodes on CoreMLExecutionProvider, in 1 part" in found["partition"]["1 x 16 tokens"]


@needs_stand_in
def test_a_graph_that_is_split_shows_what_the_cpu_gets(ortembed, mac):
    mac.faults("split")
    _, found = doctor_json(ortembed, "--model", mac.model, "--cache-dir", mac.cache, "--self-test")
    shown = found["self-test"]["accelerator"]["1 x 16 tokens"]
    assert "nodes on CoreMLExecutionProvider, " in shown
    assert "nodes on CPUExecutionProvider, in " in shown
    assert not shown.endswith("in 1 part")


@needs_stand_in
@pytest.mark.parametrize("asked", [[], ["--providers", "coreml, cpu"]])
def test_coreml_that_is_wrong_is_a_problem(ortembed, mac, asked):
    mac.faults("wrong@1x32")
    status, found = doctor_json(ortembed, "--model", mac.model, "--cache-dir", mac.cache, "--self-test", *asked)
    assert status == 1
    assert found["runs on"] == ["CPUExecutionProvider"]
    assert "it is not right: 1 x 32 tokens: cosine " in found["remark"]
    assert found["problems"] == [found["remark"]]


@needs_stand_in
@pytest.mark.parametrize(("asked", "expected"), [([], 0), (["--providers", "coreml,cpu"], 1)])
def test_coreml_that_is_slower_is_a_problem_where_it_was_asked_for(ortembed, mac, asked, expected):
    mac.faults("slow", cpu_is_slow=False)
    status, found = doctor_json(ortembed, "--model", mac.model, "--cache-dir", mac.cache, "--self-test", *asked)
    assert status == expected
    assert found["problems"] == ([found["remark"]] if asked else [])


@needs_stand_in
def test_the_self_test_is_made_anew_each_time(ortembed, mac):
    mac.faults("zeros")
    assert doctor_json(ortembed, "--model", mac.model, "--cache-dir", mac.cache)[1]["runs on"] != []
    mac.faults()
    _, before = doctor_json(ortembed, "--model", mac.model, "--cache-dir", mac.cache)
    _, after = doctor_json(ortembed, "--model", mac.model, "--cache-dir", mac.cache, "--self-test")
    assert before["runs on"] == ["CPUExecutionProvider"]
    assert after["runs on"] == ["CoreMLExecutionProvider", "CPUExecutionProvider"]


def test_a_provider_that_is_not_there_ends_with_its_name(ortembed, capsys):
    assert ortembed("doctor", "--providers", "coreml")[0] == 1


def test_info_shows_the_machine_too(ortembed, embedder, cache_dir):
    status, out = ortembed("info", "all-minilm-l6-v2", "--cache-dir", cache_dir, "--json")
    assert status == 0
    assert json.loads(out)["machine"]["runtime"].startswith("ONNX Runtime ")


@needs_stand_in
def test_info_shows_what_a_test_that_was_made_saw(ortembed, mac):
    arguments = ("info", mac.model, "--cache-dir", mac.cache, "--json")
    assert json.loads(ortembed(*arguments)[1])["accelerator"] is None
    mac.load(None)
    mac.forget()
    table = json.loads(ortembed(*arguments)[1])["accelerator"]
    assert "nodes on CoreMLExecutionProvider, in 1 part" in table["8 x 32 tokens"]
    assert table["outcome"].startswith("right, and ")
    assert mac.sessions() == []
