"""The bridge as hosts meet it: a real process with the real model, spoken to in both forms."""

import base64
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
TEXTS = ["a cat sat on the mat", "", "   ", "Größe — 東京", "nul \0 inside", "a cat sat on the mat"]


def vectors(answer):
    return np.array(answer["embeddings"], np.float32)


def unpacked(answer):
    rows = [np.frombuffer(base64.b64decode(row), "<f4") for row in answer["embeddings"]]
    assert {len(row) for row in rows} == {answer["dimension"]}
    return np.stack(rows)


def test_texts_give_embeddings(bridge, embedder):
    answer = bridge.ask({"texts": TEXTS})
    assert answer.keys() == {"embeddings", "status"}
    assert answer["status"] == "success"
    np.testing.assert_allclose(vectors(answer), embedder.encode(TEXTS), atol=1e-6)


def test_options_of_texts(bridge, embedder):
    request = {
        "texts": TEXTS,
        "id": "seven",
        "usage": True,
        "truncate_dim": 8,
        "normalize": False,
        "encoding": "base64",
        "prompt": "query: ",
    }
    answer = bridge.ask(request)
    assert answer.keys() == {"embeddings", "status", "dimension", "usage", "id"}
    assert answer["id"] == "seven"
    expected = embedder.encode(TEXTS, truncate_dim=8, normalize_embeddings=False, prompt="query: ")
    np.testing.assert_allclose(unpacked(answer), expected, atol=1e-5)
    tokens = embedder.token_count([f"query: {text}" for text in TEXTS])
    usage = answer["usage"]
    assert usage.keys() == {"total_tokens", "encoded_tokens", "duration_ms"}
    assert (usage["total_tokens"], usage["encoded_tokens"]) == (tokens.sum(), tokens[:-1].sum())
    assert usage["duration_ms"] > 0


def test_no_texts_give_no_embeddings(bridge):
    assert bridge.ask({"texts": []}) == {"embeddings": [], "status": "success"}
    assert bridge.ask({"texts": [], "encoding": "base64"})["dimension"] == 384


def test_errors_of_texts(bridge):
    assert bridge.ask({"texts": ["a"], "truncate_dim": 385, "id": 3}) == {
        "error": "truncate_dim is 385, not an int from 1 to 384",
        "status": "error",
        "error_type": "InvalidInputError",
        "id": 3,
    }
    assert "unpaired surrogate" in bridge.ask(b'{"texts": ["\\ud800"]}')["error"]
    assert "no prompt named" in bridge.ask({"texts": ["a"], "prompt_name": "x"})["error"]


def test_the_lines_of_the_original_client(new_bridge, embedder, tmp_path):
    """As its Rust code writes them, whose JSON has no spaces and its keys in alphabetical order."""
    load = b'{"method":"load_model","params":{"cache_dir":"~/.cache/akidb/models","model":"%s"}}' % MODEL.encode()
    embed = b'{"method":"embed_batch","params":{"inputs":%s,"model":"%s","normalize":%s}}'
    with new_bridge(HOME=str(tmp_path), ORTEMBED_CACHE_DIR="") as bridge:
        assert bridge.ask(b'{"method":"ping","params":{}}') == {"status": "ok", "message": "pong"}
        early = bridge.ask(embed % (b'["early"]', MODEL.encode(), b"true"))
        assert early.pop("error_type") == "InvalidInputError"
        assert early == {"status": "error", "message": f"Model not loaded: {MODEL}. Call load_model first."}
        loaded = {"status": "ok", "dimension": 384, "providers": ["CPUExecutionProvider"]}
        assert bridge.ask(load) == {**loaded, "message": "Model loaded successfully"}
        assert bridge.ask(load) == {**loaded, "message": "Model already loaded"}
        assert list((tmp_path / ".cache/akidb/models").iterdir())
        warm = bridge.ask(embed % (b'["warmup"]', MODEL.encode(), b"true"))
        assert (warm["status"], warm["count"], warm.keys()) == ("ok", 1, {"status", "embeddings", "count"})
        np.testing.assert_allclose(vectors(warm), embedder.encode(["warmup"]), atol=1e-6)
        raw = bridge.ask(embed % (json.dumps(TEXTS).encode(), MODEL.encode(), b"false"))
        np.testing.assert_allclose(vectors(raw), embedder.encode(TEXTS, normalize_embeddings=False), atol=1e-5)
        assert (
            bridge.ask(b'{"method":"embed_batch","params":{"inputs":[],"model":"%s"}}' % MODEL.encode())["count"] == 0
        )
        unknown = bridge.ask(b'{"method":"load_model","params":{"cache_dir":"~/x","model":"no such model!"}}')
        assert (unknown["status"], unknown["error_type"]) == ("error", "ModelNotFoundError")
        assert bridge.ask(b'{"method":"ping","params":{}}') == {"status": "ok", "message": "pong"}
        assert bridge.end() == (b"", 0)


def test_the_original_script_can_be_replaced(new_bridge):
    """A host starts a script by its path; the one in the examples is such a script."""
    with new_bridge(command=(sys.executable, ROOT / "examples/bridge/onnx_server.py")) as bridge:
        assert bridge.ask({"method": "ping", "params": {}})["message"] == "pong"


def test_methods_of_a_loaded_model(bridge, embedder):
    info = bridge.ask({"method": "model_info", "id": 1})
    assert (info.pop("status"), info.pop("id")) == ("ok", 1)
    expected = embedder.model_info()
    assert info == {**expected.__dict__, "providers": list(expected.providers)}
    assert bridge.ask({"method": "health"}) == {"status": "ok", "message": "an embedding can be made"}
    assert bridge.ask({"method": "embed_batch", "params": {"inputs": ["a"]}})["count"] == 1
    assert bridge.ask({"method": "load_model", "params": {"model": MODEL}})["message"] == "Model already loaded"


def test_a_folder_is_one_model_and_no_other_than_it_is(environment, model_folder, tmp_path, monkeypatch):
    """Whatever way it is written, and where it has a known model's name."""
    monkeypatch.chdir(tmp_path)
    for name in ("mymodel", "bge-small-en-v1.5"):
        (tmp_path / name).symlink_to(model_folder)
    names = ["mymodel", "./mymodel", str(tmp_path / "mymodel"), "bge-small-en-v1.5", "BAAI/bge-small-en-v1.5"]
    requests = [{"method": "load_model", "params": {"model": name}} for name in names]
    done = subprocess.run(
        [sys.executable, "-m", "ortembed", "bridge", "--offline"],
        env=environment,
        input="".join(f"{json.dumps(request)}\n" for request in requests),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded, again = "Model loaded successfully", "Model already loaded"
    messages = [json.loads(line)["message"] for line in done.stdout.splitlines()]
    assert messages[:4] == [loaded, again, again, loaded]
    assert "cannot find model" in messages[4]


def test_nothing_is_loaded_before_it_is_asked_for(new_bridge):
    with new_bridge() as bridge:
        for method in ("model_info", "health"):
            assert bridge.ask({"method": method})["message"] == "No model is loaded. Call load_model first."
        assert bridge.ask({"texts": ["a"]})["status"] == "success"
        assert bridge.ask({"method": "model_info"})["model"] == "all-minilm-l6-v2"


def test_input_types_take_the_models_prompts(new_bridge, model_folder, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    for file in model_folder.rglob("*"):
        if file.is_file() and file.name != "config_sentence_transformers.json":
            target = folder / file.relative_to(model_folder)
            target.parent.mkdir(exist_ok=True, parents=True)
            target.symlink_to(file)
    prompts = {"prompts": {"query": "ask: ", "passage": "tell: "}}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts), "utf-8")
    with new_bridge(folder) as bridge:
        for kind, prompt in (("query", "ask: "), ("document", "tell: ")):
            asked = vectors(bridge.ask({"texts": ["a cat"], "input_type": kind}))
            np.testing.assert_array_equal(asked, vectors(bridge.ask({"texts": ["a cat"], "prompt": prompt})))
        both = bridge.ask({"texts": ["a cat"], "input_type": "query", "prompt": "x"})
        assert both["error"] == "give one of input_type, prompt_name and prompt"


def test_limits_are_the_hosts_to_set(new_bridge):
    with new_bridge("--max-texts", 2, "--max-line", 100) as bridge:
        assert bridge.ask({"texts": ["a", "b"]})["status"] == "success"
        assert "up to 2" in bridge.ask({"texts": ["a", "b", "c"]})["error"]
        assert bridge.ask({"texts": ["a" * 100]})["error"] == "the line is longer than 100 bytes"
        assert bridge.ask({"texts": ["b"]})["status"] == "success"


@pytest.mark.parametrize("blank", [b"\n", b"  \t\r\n", b"\n\n\n"])
def test_blank_lines_are_no_requests(bridge, blank):
    bridge.send(blank)
    assert bridge.ask({"method": "ping", "id": 9})["id"] == 9


@pytest.mark.parametrize("line", [b"\x0b", b"\x0c", b" \x0b\r"])
def test_other_whitespace_is_no_blank_line(bridge, line):
    assert "not JSON" in bridge.ask(line)["error"]


def test_the_id_comes_back_where_the_form_is_misspelt(bridge):
    answer = bridge.ask({"text": ["a"], "id": 7})
    assert (answer["id"], answer["error_type"]) == (7, "InvalidInputError")
    assert answer["error"] == answer["message"]


@pytest.mark.parametrize("folder", ["~nobody-of-this-name/x", "a\0b", "\ud800"])
def test_a_cache_dir_that_cannot_be_is_the_callers_error(new_bridge, folder):
    with new_bridge() as bridge:
        answer = bridge.ask({"method": "load_model", "params": {"model": MODEL, "cache_dir": folder}})
    assert answer["error_type"] == "InvalidInputError"


def test_no_depth_of_nesting_is_an_error_inside(bridge):
    """One that can be read may still be too deep to be shown."""
    answers = [bridge.ask(b'{"method": ' + b"[" * depth + b"]" * depth + b"}") for depth in range(900, 1010)]
    assert {answer["error_type"] for answer in answers} == {"InvalidInputError"}


def test_pipelined_requests_are_answered_in_order(bridge):
    requests = [{"texts": ["a"] * (i % 3), "id": i} if i % 4 else {"method": "no", "id": i} for i in range(200)]
    bridge.send("".join(json.dumps(request) + "\n" for request in requests).encode())
    answers = [bridge.read() for _ in requests]
    assert [answer["id"] for answer in answers] == list(range(200))
    assert [answer["status"] for answer in answers] == ["success" if i % 4 else "error" for i in range(200)]


def test_a_model_that_is_not_there_ends_the_start(new_bridge):
    with new_bridge("no such model!") as bridge:
        assert bridge.end() == (b"", 1)
        assert "ModelNotFoundError" in bridge.stderr()


def test_help_has_examples(new_bridge):
    with new_bridge("--help") as bridge:
        text, status = bridge.end()
        assert status == 0
        assert b"""echo '{"texts": ["a cat sat on the mat"]}' | ortembed bridge\n""" in text


def test_a_failure_inside_is_an_answer(new_bridge, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(BROKEN, "utf-8")
    with new_bridge(PYTHONPATH=str(tmp_path)) as bridge:
        assert bridge.ask({"texts": ["boom"], "id": 1}) == {
            "error": "ZeroDivisionError: boom",
            "status": "error",
            "error_type": "InternalError",
            "id": 1,
        }
        assert bridge.ask({"texts": ["fine"]})["status"] == "success"
        assert bridge.end() == (b"", 0)
        assert "Traceback" in bridge.stderr()


# Makes a certain text fail inside, in a way that no error of ortembed's tells.
BROKEN = """
from importlib.abc import MetaPathFinder
import sys
class Finder(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "ortembed.bridge.service":
            from ortembed.embedder import Embedder
            embed = Embedder.embed
            def broken(self, texts, **options):
                if texts == ["boom"]:
                    raise ZeroDivisionError("boom")
                return embed(self, texts, **options)
            Embedder.embed = broken
sys.meta_path.insert(0, Finder())
"""
