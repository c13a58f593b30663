"""Model folders made to do harm: each gives a typed error that names the file, and the process lives on."""

from __future__ import annotations

import json
import os
import struct

import numpy as np
import onnx
import pytest
from safetensors.numpy import load_file, save_file

from tests.python.hub_loading import POOLING, Machine, modules
from tests.python.tiny_models import BERT_CONFIG, save_bert, save_onnx

WORD = "embeddings.word_embeddings.weight"
NAMES = ["config.json", "tokenizer.json", "modules.json", "1_Pooling/config.json", "model.safetensors"]
POSIX = pytest.mark.skipif(os.name == "nt", reason="POSIX has these files")


@pytest.fixture
def folder(tmp_path):
    """A model that works, whose files tests then replace."""
    folder = save_bert(tmp_path / "model")
    (folder / "1_Pooling").mkdir()
    (folder / "modules.json").write_bytes(modules())
    (folder / "1_Pooling/config.json").write_bytes(POOLING)
    return folder


@pytest.fixture
def load(tmp_path):
    """Load a model in a process of its own, which a crash or a wait would take in place of pytest's."""
    machine = Machine(tmp_path, "http://127.0.0.1:9")
    return lambda folder, **options: machine.load(str(folder), **options)


def test_without_harm_it_loads(load, folder):
    load(folder).assert_loaded(8)


def oversized(path, size):
    """Make a file of that size that takes no space on the disk, and begins as JSON."""
    with path.open("wb") as file:
        file.write(b"[")
        file.truncate(size)


ANY_FILE = {
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(100)),
    "not UTF-8": lambda path: path.write_bytes(b'{"model_type": "\xff\xfe"}'),
    "nested deeply": lambda path: path.write_bytes(b'{"a":' * 200_000),
    "numbers in place of everything": lambda path: path.write_bytes(b"1" * 5000),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}
if os.name != "nt":
    ANY_FILE |= {
        "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
        "a device": lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
        "a link to nothing": lambda path: (path.unlink(), path.symlink_to("nowhere")),
        "a link to itself": lambda path: (path.unlink(), path.symlink_to(path)),
    }


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("content", ANY_FILE)
def test_a_file_that_is_something_else_is_named(load, folder, name, content):
    ANY_FILE[content](folder / name)
    load(folder).assert_failed("ModelLoadError", name)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="on POSIX, and not for root, permissions count")
@pytest.mark.parametrize("name", NAMES)
def test_a_file_without_permission_is_named(load, folder, name):
    (folder / name).chmod(0)
    load(folder).assert_failed("ModelLoadError", name)
    (folder / name).parent.chmod(0)
    load(folder).assert_failed("ModelLoadError", name if name.startswith("1_") else "modules.json")
    (folder / name).parent.chmod(0o700)


@pytest.mark.parametrize(("name", "megabytes"), [("config.json", 65), ("modules.json", 65), ("tokenizer.json", 513)])
def test_a_file_that_is_too_large_is_not_read(load, folder, name, megabytes):
    oversized(folder / name, megabytes << 20)
    load(folder).assert_failed("ModelLoadError", name, f"has {megabytes << 20} bytes")


def header_of(path):
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def write_safetensors(path, header, data):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def change_entry(**changes):
    """Replace entries in the header of the word embeddings; callables get what is there."""

    def change(path):
        header, data = header_of(path)
        entry = header[WORD]
        entry.update({key: value(entry[key]) if callable(value) else value for key, value in changes.items()})
        write_safetensors(path, header, data)

    return change


def replace_tensor(tensor):
    return lambda path: save_file({**load_file(path), WORD: tensor}, path)


def overlap(path):
    header, data = header_of(path)
    first, second = sorted(header, key=lambda name: header[name]["data_offsets"])[:2]
    header[second]["data_offsets"][0] = header[first]["data_offsets"][0]
    write_safetensors(path, header, data)


SAFETENSORS = {
    "a header of 2^63 bytes": lambda path: path.write_bytes(struct.pack("<Q", 1 << 63) + b"{}"),
    "a header of 2^64-1 bytes": lambda path: path.write_bytes(b"\xff" * 8 + b"{}"),
    "a header of 99 MB": lambda path: path.write_bytes(struct.pack("<Q", 99_000_000) + b"{}"),
    "a header that is longer than the file": lambda path: path.write_bytes(struct.pack("<Q", 1000) + b"{}"),
    "a header nested deeply": lambda path: write_safetensors(path, b'{"a":' * 100_000, b""),
    "a header of another form": lambda path: write_safetensors(path, [1, 2], b""),
    "tensors that overlap": overlap,
    "an end beyond the file": change_entry(data_offsets=lambda offsets: [offsets[0], offsets[1] + (1 << 40)]),
    "an end before its start": change_entry(data_offsets=lambda offsets: offsets[::-1]),
    "an offset that is negative": change_entry(data_offsets=[-8, 0]),
    "a shape whose product overflows": change_entry(shape=[1 << 33, 1 << 33]),
    "a shape that is negative": change_entry(shape=[-10, -8]),
    "a shape that the config has not": replace_tensor(np.ones((9, 8), np.float32)),
    "a shape turned round": replace_tensor(np.ones((8, 10), np.float32)),
    "a dtype that is none": change_entry(dtype="F31"),
    "whole numbers": replace_tensor(np.ones((10, 8), np.int32)),
    "NaN": replace_tensor(np.full((10, 8), np.nan, np.float32)),
    "infinity in float16": replace_tensor(np.full((10, 8), np.inf, np.float16)),
    "a byte too few": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "a byte too many": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
}


@pytest.mark.parametrize("content", SAFETENSORS)
def test_weights_that_lie_are_named(load, folder, content):
    SAFETENSORS[content](folder / "model.safetensors")
    load(folder).assert_failed("ModelLoadError", "model.safetensors")


@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_size": 1 << 62},
        {"hidden_size": 10**400},
        {"num_hidden_layers": 1 << 31},
        {"num_attention_heads": 0},
        {"vocab_size": -1},
        {"layer_norm_eps": float("nan")},
        {"max_position_embeddings": True},
        {"model_type": ["bert"]},
        {"model_type": {"a": 1}},
    ],
    ids=str,
)
def test_a_config_that_lies_is_named(load, folder, changes):
    (folder / "config.json").write_text(json.dumps(BERT_CONFIG | changes), "utf-8")
    outcome = load(folder)
    outcome.assert_failed("ModelLoadError")
    assert "config" in outcome.message or "type" in outcome.message


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_of_a_key_that_is_there_twice_the_last_counts(load, folder, name):
    """As in transformers and safetensors, which made the files."""
    undisturbed = load(folder)
    if name == "config.json":
        text = json.dumps(BERT_CONFIG)
        (folder / name).write_text('{"hidden_size": 999, ' + text[1:], "utf-8")
    else:
        header, data = header_of(folder / name)
        other = {WORD: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}
        text = json.dumps(other)[:-1] + ", " + json.dumps(header)[1:]
        write_safetensors(folder / name, text.encode(), data)
    assert load(folder) == undisturbed


@POSIX
def test_links_out_of_a_folder_are_followed(load, folder, tmp_path):
    """The folder is the user's own, and huggingface_hub's cache is made of such links."""
    for name in NAMES:
        (folder / name).rename(tmp_path / name.replace("/", "-"))
        (folder / name).symlink_to(tmp_path / name.replace("/", "-"))
    load(folder).assert_loaded(8)


@pytest.mark.parametrize(
    "content", ["a folder", "empty", "zeros", "nested deeply", *(["a pipe", "a device"] if os.name != "nt" else [])]
)
def test_a_graph_that_is_something_else_is_named(load, tmp_path, content):
    folder = save_onnx(tmp_path / "model")
    ANY_FILE[content](folder / "model.onnx")
    load(folder).assert_failed("ModelLoadError", "model.onnx")


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ({"offset": 1 << 40}, "model.onnx"),
        ({"offset": -8}, "model.onnx"),
        ({"length": 1 << 40}, "model.onnx"),
        ({"offset": "much"}, "model.onnx"),
        ({"location": "../weights.bin"}, "outside the model"),
        ({"location": "1_Pooling"}, "1_Pooling is not a regular file"),
    ],
    ids=str,
)
def test_external_data_that_lies_is_named(load, tmp_path, place, words):
    folder = save_onnx(tmp_path / "model")
    (folder / "1_Pooling").mkdir()
    model = onnx.load(folder / "model.onnx")
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    load(folder).assert_loaded(3)
    (table,) = (tensor for tensor in model.graph.initializer if tensor.name == "table")
    for entry in table.external_data:
        entry.value = str(place.get(entry.key, entry.value))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (tmp_path / "weights.bin").write_bytes(bytes(1000))
    load(folder).assert_failed("ModelLoadError", words)
