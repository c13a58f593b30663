"""Which files a model consists of: weights in one file, in shards or as ONNX, in the folders of modules.json."""

from __future__ import annotations

import hashlib
import json
import re

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from ortembed import IntegrityError, ModelLoadError
from ortembed.manifest import sha256_of
from ortembed.model_files import ExternalData, collect, external_data
from ortembed.sources import Folder, Verified
from tests.python.hub_loading import COMMIT, POOLING, REPO, Machine, modules
from tests.python.hub_server import HubServer
from tests.python.tiny_models import lookup_table, save_bert, save_onnx

PLAIN = {"config.json", "tokenizer.json", "model.safetensors"}
SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
INDEX = "model.safetensors.index.json"


def find(folder, refusal=None, onnx_file=None):
    """Find the files of a model in a folder; give the paths relative to it, by name."""
    found = collect(Folder(folder), "it", onnx_file=onnx_file, exporter_refusal=lambda _: refusal)
    return {name: path.relative_to(folder).as_posix() for name, path in found.items()}


@pytest.fixture
def bert(tmp_path):
    return save_bert(tmp_path / "model")


@pytest.fixture
def sharded(bert):
    (bert / "model.safetensors").unlink()
    for name in SHARDS:
        (bert / name).write_bytes(b"weights")
    write_index(bert, dict(zip("abc", [SHARDS[0], SHARDS[1], SHARDS[0]], strict=True)))
    return bert


def write_index(folder, weight_map):
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}), "utf-8")


def save_external(path, locations, wrap=lambda tensors: {"initializer": tensors}):
    """Write an ONNX file whose tensors lie elsewhere, in places that wrap decides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = []
    for index, location in enumerate(locations):
        tensor = TensorProto(
            name=f"w{index}", dims=[2], data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL
        )
        tensor.external_data.add(key="location", value=location)
        tensors.append(tensor)
    graph = helper.make_graph([], "g", [], [])
    for name, values in wrap(tensors).items():
        getattr(graph, name).extend(values)
    path.write_bytes(helper.make_model(graph).SerializeToString())


def test_a_plain_model(bert):
    assert find(bert) == {name: name for name in PLAIN}


def test_everything_that_a_model_may_have(bert):
    names = ["config_sentence_transformers.json", "sentence_bert_config.json", "tokenizer_config.json"]
    for name in [*names, "sentence_roberta_config.json", "pytorch_model.bin", "model.py", "vocab.txt"]:
        (bert / name).write_text("{}", "utf-8")
    assert find(bert).keys() == {*PLAIN, *names}  # of the settings' names, the first


def test_files_in_the_folders_of_modules(tmp_path, bert):
    inner = tmp_path / "outer/0_Transformer"
    (tmp_path / "outer").mkdir()
    (bert / "sentence_roberta_config.json").write_text("{}", "utf-8")
    bert.rename(inner)
    for name, content in {
        "modules.json": modules(transformer="0_Transformer"),
        "1_Pooling/config.json": POOLING,
    }.items():
        (tmp_path / "outer" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "outer" / name).write_bytes(content)
    in_folder = {name: f"0_Transformer/{name}" for name in {*PLAIN, "sentence_roberta_config.json"}}
    at_top = {name: name for name in ("modules.json", "1_Pooling/config.json")}
    assert find(tmp_path / "outer") == {**in_folder, **at_top}


def test_weights_in_shards(sharded):
    assert find(sharded).keys() == PLAIN - {"model.safetensors"} | {INDEX, *SHARDS}


def test_a_missing_shard_is_named(sharded):
    (sharded / SHARDS[1]).unlink()
    with pytest.raises(ModelLoadError, match=f"no {SHARDS[1]} .*which {INDEX} names"):
        find(sharded)


@pytest.mark.parametrize(
    "name",
    [
        "../x.safetensors",
        "/x.safetensors",
        "a/b.safetensors",
        "model.bin",
        ".safetensors",
        "a\\b.safetensors",
        "a.safetensors.pkl",
        5,
    ],
)
def test_a_shard_that_is_not_beside_the_index_is_refused(sharded, name):
    write_index(sharded, {"a": SHARDS[0], "evil": name})
    with pytest.raises(ModelLoadError, match=re.escape(f"{INDEX} puts tensor 'evil' in {name!r}")):
        find(sharded)


@pytest.mark.parametrize(
    "content", ["[]", "{}", '{"weight_map": []}', '{"weight_map": {}}', "{", '{"weight_map": 1}']
)
def test_an_index_of_another_form_is_named(sharded, content):
    (sharded / INDEX).write_text(content, "utf-8")
    with pytest.raises(ModelLoadError, match=INDEX):
        find(sharded)


@pytest.mark.parametrize("name", ["onnx/model.onnx", "model.onnx"])
@pytest.mark.parametrize("refusal", ["hidden_act is 'relu'", None])
def test_onnx_is_taken_where_no_graph_can_be_made(bert, name, refusal):
    if refusal is None:
        (bert / "model.safetensors").unlink()
    save_external(bert / name, [])
    assert find(bert, refusal).keys() == PLAIN - {"model.safetensors"} | {name}


def test_onnx_is_not_taken_where_a_graph_can_be_made(bert):
    save_external(bert / "model.onnx", [])
    assert find(bert).keys() == PLAIN


@pytest.mark.parametrize(
    ("refusal", "reason"), [("its type is 't5'", "its type is 't5'"), (None, "model.safetensors")]
)
def test_a_model_without_weights_is_told_what_was_looked_for(bert, refusal, reason):
    if refusal is None:
        (bert / "model.safetensors").unlink()
    with pytest.raises(ModelLoadError, match="has no .*onnx/model.onnx and no model.onnx") as raised:
        find(bert, refusal)
    assert reason in str(raised.value)


def test_the_onnx_file_that_is_asked_for_is_taken(bert):
    for name in ("model.onnx", "onnx/model_O2.onnx"):
        save_external(bert / name, [])
    assert find(bert, onnx_file="onnx/model_O2.onnx").keys() == {
        "config.json",
        "tokenizer.json",
        "onnx/model_O2.onnx",
    }
    with pytest.raises(ModelLoadError, match="no onnx/model_O3.onnx in .*asked for"):
        find(bert, onnx_file="onnx/model_O3.onnx")


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "onnx/../../x.onnx", "", "a\\..\\x", "C:/x.onnx"])
def test_an_onnx_file_outside_the_model_is_refused(bert, name):
    with pytest.raises(ModelLoadError, match="outside the model"):
        find(bert, onnx_file=name)


def test_external_data_comes_with_its_graph(bert):
    save_external(bert / "onnx/model.onnx", ["model.onnx_data", "./model.onnx_data", "parts/two"])
    for name in ("onnx/model.onnx_data", "onnx/parts/two"):
        (bert / name).parent.mkdir(exist_ok=True)
        (bert / name).write_bytes(bytes(8))
    (bert / "model.safetensors").unlink()
    expected = {"onnx/model.onnx", "onnx/model.onnx_data", "onnx/parts/two"}
    assert find(bert).keys() == PLAIN - {"model.safetensors"} | expected


def in_attributes(tensors):
    """Put tensors where they are not initializers: in a constant, and in a branch's constant and initializer."""
    constant, in_branch, inside = tensors
    branch = helper.make_graph([helper.make_node("Constant", [], ["y"], value=in_branch)], "b", [], [], [inside])
    return {
        "node": [
            helper.make_node("Constant", [], ["x"], value=constant),
            helper.make_node("If", ["c"], ["z"], then_branch=branch),
        ]
    }


def test_external_data_is_found_wherever_a_tensor_may_be(tmp_path):
    save_external(tmp_path / "model.onnx", ["a", "b", "c"], in_attributes)
    assert external_data(tmp_path / "model.onnx") == [
        ExternalData(f"w{index}", location, 0, 0) for index, location in enumerate("abc")
    ]


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "a/../../b", "..\\x", "C:\\x", "", "a\0b"])
def test_external_data_outside_the_model_is_refused(bert, location):
    save_external(bert / "model.onnx", ["fine", location])
    (bert / "fine").write_bytes(bytes(8))
    with pytest.raises(ModelLoadError, match="model.onnx: tensor 'w1' names .* outside the model"):
        find(bert, refusal="no")


def test_external_data_that_is_missing_is_named(bert):
    save_external(bert / "onnx/model.onnx", ["model.onnx_data"])
    with pytest.raises(ModelLoadError, match="no onnx/model.onnx_data .* tensor 'w0'"):
        find(bert, refusal="no")


@pytest.mark.parametrize("content", [b"", b"no graph", b"no graph, and yet: location"])
def test_a_file_that_is_not_onnx_has_no_external_data(tmp_path, content):
    (tmp_path / "model.onnx").write_bytes(content)
    assert external_data(tmp_path / "model.onnx") == []


@pytest.mark.parametrize("layout", ["shards", "onnx"])
def test_all_of_it_from_a_hub(tmp_path, sharded, layout):
    if layout == "onnx":
        save_external(sharded / "onnx/model.onnx", ["model.onnx_data"])
        (sharded / "onnx/model.onnx_data").write_bytes(bytes(8))
    content = {p.relative_to(sharded).as_posix(): p.read_bytes() for p in sharded.rglob("*") if p.is_file()}
    names = {"shards": {INDEX, *SHARDS}, "onnx": {"onnx/model.onnx", "onnx/model.onnx_data"}}[layout]
    with HubServer(REPO, COMMIT, content) as hub:
        found = Machine(tmp_path, hub.endpoint).find(onnx_file="onnx/model.onnx" if layout == "onnx" else None)
    found.assert_found(content, PLAIN - {"model.safetensors"} | names)


def test_a_manifest_without_a_list_of_files_verifies_those_it_knows(bert):
    hashes = {"config.json": hashlib.sha256((bert / "config.json").read_bytes()).hexdigest()}
    accept = {"onnx_file": None, "exporter_refusal": lambda _: None}
    assert collect(Verified(Folder(bert), hashes), "it", **accept).keys() == PLAIN
    with pytest.raises(IntegrityError, match="config.json has sha256"):
        collect(Verified(Folder(bert), {"config.json": "0" * 64}), "it", **accept)


def test_a_file_that_cannot_be_hashed_is_named(tmp_path):
    with pytest.raises(ModelLoadError, match=f"cannot read {re.escape(str(tmp_path))}"):
        sha256_of(tmp_path)


@pytest.fixture
def external(tmp_path):
    """A model whose graph has all its tensors in a file of their own."""
    folder = save_onnx(tmp_path / "model")
    (folder / "onnx").mkdir()
    model = onnx.load(folder / "model.onnx")
    (folder / "model.onnx").unlink()
    onnx.save(model, folder / "onnx/model.onnx", save_as_external_data=True, location="w.bin", size_threshold=0)
    return folder


def test_a_real_external_graph_is_found_by_name(external):
    assert find(external).keys() == {"config.json", "tokenizer.json", "onnx/model.onnx", "onnx/w.bin"}


def test_a_real_external_graph_loads_through_the_links_of_the_hubs_cache(tmp_path, external):
    content = {p.relative_to(external).as_posix(): p.read_bytes() for p in external.rglob("*") if p.is_file()}
    with HubServer(REPO, COMMIT, content) as hub:
        loaded = Machine(tmp_path, hub.endpoint).load(REPO)
    loaded.assert_loaded(3)
    np.testing.assert_allclose(loaded.vector, lookup_table()[[2, 4, 5, 3]].mean(0), rtol=1e-6)
