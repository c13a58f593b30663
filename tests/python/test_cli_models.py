"""The commands that prepare, list, describe and verify models, through main()."""

import json
import os
import re

import numpy as np
import pytest

from ortembed.cli import main
from ortembed.manifest import manifests
from tests.python.tiny_models import bert_weights, save_bert

TEXTS = ["hello world", "cat", "dog fish hello", ""]
POOLING = {
    "modules": [
        {"type": f"sentence_transformers.models.{k}", "path": p}
        for k, p in [("Transformer", ""), ("Pooling", "1_Pooling")]
    ]
}


@pytest.fixture
def model(tmp_path):
    prompts = {"prompts": {"query": "hello: ", "document": ""}, "similarity_fn_name": "dot"}
    return save_bert(
        tmp_path / "model",
        modules=POOLING["modules"],
        config_sentence_transformers=prompts,
        **{"1_Pooling__config": {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}},
    )


@pytest.fixture
def ortembed(tmp_path, monkeypatch, capsys):
    """Run a command in an empty cache; give its status, output and errors."""
    monkeypatch.setenv("ORTEMBED_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")

    def run(*arguments):
        status = main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return status, told.out, told.err

    return run


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS) + "\n", "utf-8")
    return path


def figures(output):
    """Give what a command printed as a name and a value a line."""
    return dict(re.split(r"  +", line, maxsplit=1) for line in output.splitlines())


def test_prepare_tells_where_the_model_lies(ortembed, model, tmp_path):
    status, out, err = ortembed("prepare", model)
    told = figures(out)
    assert (status, err) == (0, "")
    assert (told["dtype"], told["form"], told["dimension"], told["max_seq_length"]) == ("float32", "cpu", "8", "32")
    (entry,) = (tmp_path / "cache/prepared").iterdir()
    assert told["folder"] == str(entry)
    size = sum(path.stat().st_size for path in entry.rglob("*") if path.is_file())
    assert told["size"] == f"{size / 1e6:.1f} MB"


def test_prepare_puts_the_model_where_it_is_told(ortembed, model, tmp_path):
    assert ortembed("prepare", model, "--cache-dir", tmp_path / "own")[0] == 0
    assert not (tmp_path / "cache").exists()
    assert ortembed("info", model, "--cache-dir", tmp_path / "own")[0] == 0
    assert ortembed("info", model)[0] == 1


def test_prepare_compares_on_the_callers_texts_even_when_prepared_already(ortembed, model, texts):
    for _ in range(2):
        status, out, _ = ortembed("prepare", model, "--form", "coreml", "--verify", texts)
        told = figures(out)
        assert (status, told["texts"]) == (0, "4")
        assert float(told["cosine min"]) == pytest.approx(1, abs=1e-6)


def test_prepare_needs_something_to_compare(ortembed, model, texts):
    status, _, err = ortembed("prepare", model, "--verify", texts)
    assert status == 1
    assert "--verify compares with float32 for CPU" in err


def test_steps_are_told_on_a_terminal(ortembed, model, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    err = ortembed("prepare", model)[2]
    assert err.startswith("ortembed: finding the model's files …\n")
    assert err.count("\n") > 1


def test_info_describes_what_was_prepared(ortembed, model):
    ortembed("prepare", model)
    status, out, _ = ortembed("info", model, "--json")
    told = json.loads(out)
    assert status == 0
    assert (told["dimension"], told["max_seq_length"], told["pooling"], told["normalize"]) == (8, 32, ["cls"], False)
    assert (told["prompts"]["query"], told["similarity"], told["origin"]) == ("hello: ", "dot", "safetensors")
    assert told["sources"].keys() >= {"config.json", "model.safetensors", "modules.json"}
    assert told["files"].keys() >= {"model.onnx", "source/1_Pooling/config.json"}
    assert told["bytes"] == sum(told["files"].values())
    readable = ortembed("info", model)[1]
    assert re.search(r'^prompts\n  query  "hello: "$', readable, re.MULTILINE)
    assert re.search(r"^normalize +no$", readable, re.MULTILINE)
    assert re.search(r"^  source/1_Pooling/config.json +\d+$", readable, re.MULTILINE)


def test_info_makes_nothing(ortembed, model, tmp_path):
    for more in ([], ["--form", "cpu"], ["--form", "coreml"]):
        status, out, err = ortembed("info", model, *more)
        assert (status, out) == (1, "")
        assert err.endswith(f"run: ortembed prepare {' '.join([str(model), *more])}\n")
    assert not (tmp_path / "cache").exists()


def test_the_command_that_info_gives_can_be_pasted(ortembed, tmp_path):
    err = ortembed("info", "my model", "--cache-dir", tmp_path / "a b", "--dtype", "int8")[2]
    assert err.endswith(f"run: ortembed prepare 'my model' --dtype int8 --cache-dir '{tmp_path / 'a b'}'\n")


def test_info_of_a_known_model_that_is_not_prepared_touches_no_network(ortembed):
    status, _, err = ortembed("info", "bge-m3")
    assert status == 1
    assert err == (
        "ortembed: ModelNotFoundError: 'bge-m3' has not been prepared as float32; run: ortembed prepare bge-m3\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="users have a home there")
def test_a_user_without_a_home_is_told_what_to_name(ortembed, model, monkeypatch):
    def nobody(_):
        raise KeyError

    for variable in ("HOME", "ORTEMBED_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    status, _, err = ortembed("prepare", model)
    assert status == 1
    assert err.endswith("name a folder with cache_dir= or ORTEMBED_CACHE_DIR\n")


def test_models_lists_every_manifest(ortembed):
    status, out, _ = ortembed("models")
    header, *lines = out.splitlines()
    assert status == 0
    assert header.split() == ["NAME", "DIM", "LENGTH", "MB", "LICENCE", "LANGUAGES", "PREPARED", "FOR"]
    assert [line.split()[0] for line in lines] == list(manifests())
    assert next(line for line in lines if line.startswith("bge-m3 ")).split()[:7] == [
        *("bge-m3", "1024", "8192", "2271", "MIT", "multilingual", "no")
    ]


def test_models_tells_which_are_prepared(embedder, cache_dir, ortembed):
    status, out, _ = ortembed("models", "--json", "--cache-dir", cache_dir)
    told = {entry["name"]: entry for entry in json.loads(out)}
    assert status == 0
    ready = {name: entry["prepared"] for name, entry in told.items() if entry["prepared"]}
    assert ready.keys() == {"all-minilm-l6-v2"}
    assert "float32" in ready["all-minilm-l6-v2"]  # int8 too where another test has made it in the same cache
    assert told["e5-base-v2"]["prompts"] == {"query": "query: ", "document": "passage: "}
    assert told["e5-base-v2"]["licence"] == "MIT"


@pytest.mark.parametrize("name", ["vectors.npy", "vectors.jsonl", "vectors.parquet"])
def test_verify_agrees_with_what_embed_wrote(ortembed, model, texts, tmp_path, name):
    assert ortembed("embed", texts, "--model", model, "-o", tmp_path / name)[0] == 0
    named = ["--texts", texts] if name.endswith(".npy") else []
    status, out, err = ortembed("verify", model, "--against", tmp_path / name, *named)
    told = figures(out)
    assert (status, err) == (0, "")
    assert (told["dtype"], told["texts"], told["compared with"]) == ("float32", "4", str(tmp_path / name))
    assert float(told["cosine min"]) == pytest.approx(1, abs=1e-6)
    assert float(told["max difference"]) < 1e-5
    assert float(told["neighbour overlap"]) == 1


def test_verify_tells_other_vectors_and_which_text_is_worst(ortembed, model, texts, tmp_path):
    ortembed("embed", texts, "--model", model, "-o", tmp_path / "vectors.npy")
    vectors = np.load(tmp_path / "vectors.npy")
    ours = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[2] = -vectors[2] + 0.5
    theirs = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.save(tmp_path / "vectors.npy", vectors)
    arguments = ["verify", model, "--against", tmp_path / "vectors.npy", "--texts", texts]
    status, out, err = ortembed(*arguments)
    told = figures(out)
    cosine = (ours * theirs).sum(axis=1)
    assert status == 1
    assert float(told["cosine min"]) == pytest.approx(cosine.min(), abs=1e-4)
    assert float(told["cosine mean"]) == pytest.approx(cosine.mean(), abs=1e-4)
    assert float(told["max difference"]) == pytest.approx(np.abs(ours - theirs).max(), abs=1e-4)
    assert "where 0.9999 and 0.9999 are asked; worst is text 3: 'dog fish hello'" in err
    assert ortembed(*arguments, "--min-cosine", "-1")[0] == 0


def test_verify_compares_a_form_with_float32(ortembed, model, texts):
    status, out, _ = ortembed("verify", model, "--form", "coreml", "--texts", texts)
    told = figures(out)
    assert status == 0
    assert (told["form"], told["compared with"]) == ("coreml", "float32")
    assert float(told["cosine min"]) == pytest.approx(1, abs=1e-6)
    assert float(told["batch effect"]) < 1e-5


def test_verify_finds_weights_that_changed(ortembed, model, texts, tmp_path):
    ortembed("embed", texts, "--model", model, "-o", tmp_path / "vectors.npy")
    other = save_bert(tmp_path / "other", weights=bert_weights(seed=1))
    status, out, _ = ortembed("verify", other, "--against", tmp_path / "vectors.npy", "--texts", texts)
    assert status == 1
    assert float(figures(out)["cosine min"]) < 0.9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a", "embedding": [1, 2]}\n', "the vectors are [1, 8], those to compare with [1, 2]"),
        ('{"text": "a"}\n', "has no 'embedding' beside its texts"),
        ('{"text": "a", "embedding": [1, NaN]}\n', "line 1: not JSON: NaN is no JSON number"),
        ('{"text": "a", "embedding": [1e300]}\n', "values that are not finite"),
        ('{"text": "a", "embedding": [1, "b"]}\n', "not lists of numbers of one length"),
        (f'{{"text": "a", "embedding": [1{"0" * 400}]}}\n', "not lists of numbers of one length"),
        ('{"text": "a", "embedding": [1]}\n{"text": "b", "embedding": [1, 2]}', "not lists of numbers of one length"),
        ('{"text": "a", "embedding": []}\n', "not floats [n, dimension]"),
        ("nothing\n", "line 1: not JSON"),
    ],
)
def test_json_lines_that_do_not_fit_are_refused(ortembed, model, tmp_path, content, message):
    (tmp_path / "vectors.jsonl").write_text(content, "utf-8")
    status, _, err = ortembed("verify", model, "--against", tmp_path / "vectors.jsonl")
    assert status == 1
    assert "InvalidInputError" in err
    assert message in err


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array([{"a": 1}, None]), "Object arrays cannot be loaded when allow_pickle=False"),
        (np.zeros((4, 8, 2), np.float32), "has float32 [4, 8, 2], not floats [n, dimension]"),
        (np.zeros((4, 8), np.int64), "has int64 [4, 8], not floats"),
        (np.zeros((3, 8), np.float32), "has 3 vectors for 4 texts"),
        (None, "is not a .npy file that can be read"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(ortembed, model, texts, tmp_path, array, message):
    if array is None:
        (tmp_path / "vectors.npy").write_bytes(b"PK\x03\x04 no array")
    else:
        np.save(tmp_path / "vectors.npy", array, allow_pickle=True)
    status, _, err = ortembed("verify", model, "--against", tmp_path / "vectors.npy", "--texts", texts)
    assert status == 1
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dtype", "float32"], "float32 is what others are compared with"),
        (["--against", "vectors.bin"], "vectors.bin ends in none of .npy, .jsonl, .parquet"),
        (["--form", "coreml", "--texts", "/dev/null"], "/dev/null has no texts"),
        (["--form", "coreml", "--texts", "missing.txt"], "missing.txt"),
    ],
)
def test_verify_tells_what_it_lacks(ortembed, model, arguments, message):
    status, out, err = ortembed("verify", model, *arguments)
    assert (status, out) == (1, "")
    assert message in err


@pytest.mark.parametrize("value", ["nan", "2", "x"])
def test_a_floor_is_a_cosine(ortembed, model, value, capsys):
    with pytest.raises(SystemExit, match="2"):
        ortembed("verify", model, "--min-cosine", value)
    assert f"argument --min-cosine: {value!r} is not a cosine" in capsys.readouterr().err
