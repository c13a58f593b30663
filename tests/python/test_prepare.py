"""From a model's own files to vectors: the BERT exporter against numpy, and ONNX graphs as they come."""

import json

import numpy as np
import pytest

import ortembed
from ortembed import InferenceError, IntegrityError, InvalidInputError, ModelLoadError
from ortembed.manifest import sha256_of
from ortembed.prepare import check_entry, prepare
from tests.python.tiny_models import (
    BERT_CONFIG,
    bert_reference,
    bert_weights,
    lookup_table,
    save_bert,
    save_onnx,
)

TEXTS = ["hello world", "", "cat dog fish cat dog fish cat", "fish", "hello " * 30]
IDS = [[2, 4, 5, 3], [2, 3], [2, 7, 8, 9, 7, 8, 9, 7, 3], [2, 9, 3], [2, *[4] * 30, 3]]


@pytest.fixture
def load(tmp_path):
    def load(folder, **options):
        return ortembed.Embedder(folder, cache_dir=tmp_path / "cache", **options)

    return load


@pytest.mark.parametrize("heads", [1, 2, 4])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_an_exported_bert_agrees_with_the_formulas(tmp_path, load, heads, dtype):
    config = {**BERT_CONFIG, "num_attention_heads": heads}
    weights = {name: tensor.astype(dtype) for name, tensor in bert_weights().items()}
    vectors = load(save_bert(tmp_path / "model", config=config, weights=weights)).encode(TEXTS)
    expected = [bert_reference(weights, ids, config).mean(0) for ids in IDS]
    np.testing.assert_allclose(vectors, expected, rtol=0, atol=1e-5)


def test_weights_of_a_larger_model_are_found(tmp_path, load):
    weights = bert_weights()
    saved = {f"bert.{name}": tensor for name, tensor in weights.items()} | {"cls.bias": np.ones(3, np.float32)}
    vector = load(save_bert(tmp_path / "model", weights=saved)).encode("hello world")
    np.testing.assert_allclose(vector, bert_reference(weights, IDS[0]).mean(0), rtol=0, atol=1e-5)


def test_two_models_do_not_share_an_entry(tmp_path, load):
    first = load(save_bert(tmp_path / "a")).encode("hello")
    second = load(save_bert(tmp_path / "b", weights=bert_weights(seed=1))).encode("hello")
    assert abs(first - second).max() > 0.1


def test_a_chat_template_beside_a_pipeline_is_no_weight(tmp_path, load):
    folder = save_bert(tmp_path / "model")
    (folder / "pooling").mkdir()
    (folder / "pooling/config.json").write_text('{"pooling_mode": "cls"}', "utf-8")
    kinds = [("Transformer", ""), ("Pooling", "pooling")]
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in kinds]
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")
    expected = load(folder).encode("hello world")
    (folder / "chat_template.jinja").write_text("{{ messages }}", "utf-8")
    np.testing.assert_array_equal(load(folder).encode("hello world"), expected)


@pytest.mark.parametrize("form", ["cpu", "coreml"])
def test_a_relative_cache_serves_every_form(tmp_path, monkeypatch, form):
    monkeypatch.chdir(tmp_path)
    folder = save_bert(tmp_path / "model")
    prepared = prepare(str(folder), cache_dir="cache", form=form)
    assert prepared.folder.is_relative_to(tmp_path)


def linked_by_hash(folder):
    """Lay the weights out as the hub's cache does: a link to a file that is named by its sha256."""
    weights = folder / "model.safetensors"
    blob = weights.rename(folder / sha256_of(weights))
    weights.symlink_to(blob.name)
    return blob


def test_a_file_named_by_its_hash_is_not_read_to_find_the_entry(tmp_path, load):
    blob = linked_by_hash(save_bert(tmp_path / "model"))
    vector = load(tmp_path / "model").encode("hello")
    blob.write_bytes(b"not read again")
    np.testing.assert_array_equal(load(tmp_path / "model").encode("hello"), vector)


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path, load):
    blob = linked_by_hash(save_bert(tmp_path / "model"))
    damaged = bytearray(blob.read_bytes())
    damaged[-1] ^= 1
    blob.write_bytes(damaged)
    with pytest.raises(IntegrityError, match=f"{blob.name} was expected; delete"):
        load(tmp_path / "model")
    assert list((tmp_path / "cache/prepared").iterdir()) == []


def test_a_folder_has_no_revision(tmp_path, load):
    with pytest.raises(InvalidInputError, match="revision 'v1' is of a model on the hub, and '.*model' is a folder"):
        load(save_bert(tmp_path / "model"), revision="v1")


def test_a_changed_byte_in_a_prepared_model_is_found(tmp_path):
    prepared = prepare(str(save_bert(tmp_path / "model")), cache_dir=tmp_path / "cache")
    check_entry(prepared)
    content = bytearray(prepared.graph.read_bytes())
    content[-1] ^= 1
    prepared.graph.write_bytes(content)
    with pytest.raises(ModelLoadError, match="is damaged .*; delete the folder"):
        check_entry(prepared)


@pytest.mark.parametrize("content", [b"", b"no array", None], ids=["empty", "no array", "another array"])
def test_an_embedding_table_that_is_damaged_is_named(tmp_path, content):
    prepared = prepare(str(save_bert(tmp_path / "model")), cache_dir=tmp_path / "cache", form="coreml")
    table = prepared.folder / "embeddings.word.npy"
    assert prepared.embeddings().width == BERT_CONFIG["hidden_size"]
    table.unlink()
    table.write_bytes(content) if content is not None else np.save(table, np.zeros((3, 2), np.float32))
    with pytest.raises(ModelLoadError, match="is damaged .*; delete the folder"):
        prepared.embeddings()


def replaced(name, tensor):
    return {**bert_weights(), name: tensor}


WORD = "embeddings.word_embeddings.weight"


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"other": np.ones(1, np.float32)}, "model.safetensors has no tensor embeddings.word_embeddings.weight"),
        (replaced(WORD, np.ones((9, 8), np.float32)), r"has shape \[9, 8\] where the model's config says \[10, 8\]"),
        (replaced(WORD, np.ones((10, 8), np.int32)), "has dtype I32"),
        (
            replaced(WORD, np.full((10, 8), np.nan, np.float32)),
            "embeddings.word_embeddings.weight has values that are",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(tmp_path, load, weights, message):
    with pytest.raises(ModelLoadError, match=message):
        load(save_bert(tmp_path / "model", weights=weights))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "tanh"}, "hidden_act is 'tanh'; supported are gelu,"),
        ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
        ({"is_decoder": True}, "is_decoder is True"),
        ({"num_attention_heads": 3}, "hidden_size 8 is no multiple of num_attention_heads 3"),
        ({"hidden_size": None}, "hidden_size is None"),
        ({"num_hidden_layers": "two"}, "num_hidden_layers is 'two'"),
    ],
)
def test_what_the_exporter_does_not_do_is_named(tmp_path, load, change, message):
    folder = save_bert(tmp_path / "model", config=BERT_CONFIG | change, weights=bert_weights())
    with pytest.raises(ModelLoadError, match=message):
        load(folder)


@pytest.mark.parametrize("kept", [0, 4, 100, 2000])
def test_truncated_weights_are_named(tmp_path, load, kept):
    path = save_bert(tmp_path / "model") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelLoadError, match="model.safetensors"):
        load(path.parent)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path, load, name):
    folder = save_bert(tmp_path / "model")
    (folder / name).unlink()
    with pytest.raises(ModelLoadError, match=f"no {name}"):
        load(folder)


@pytest.mark.parametrize(
    "inputs",
    [("input_ids", "attention_mask"), ("input_ids", "attention_mask", "token_type_ids")],
)
@pytest.mark.parametrize("output", ["last_hidden_state", "token_embeddings", "sentence_embedding", "anything"])
@pytest.mark.parametrize("dimension", [3, "open"])
def test_an_onnx_graph_is_used_as_it_comes(tmp_path, load, inputs, output, dimension):
    embedder = load(save_onnx(tmp_path / "model", inputs=inputs, output=output, dimension=dimension))
    table = lookup_table()
    expected = [table[2] if output == "sentence_embedding" else table[ids].mean(0) for ids in IDS]
    assert embedder.dimension == 3
    np.testing.assert_allclose(embedder.encode(TEXTS), expected, rtol=1e-6)


def test_an_onnx_graph_is_found_in_its_folder(tmp_path, load):
    folder = save_onnx(tmp_path / "model")
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx/model.onnx")
    np.testing.assert_allclose(load(folder).encode("cat"), lookup_table()[[2, 7, 3]].mean(0), rtol=1e-6)


@pytest.mark.parametrize("content", [b"", b"not a graph", b"\x08\x09" * 1000])
def test_a_file_that_is_not_onnx_is_named(tmp_path, load, content):
    folder = save_onnx(tmp_path / "model")
    (folder / "model.onnx").write_bytes(content)
    with pytest.raises(ModelLoadError, match="model.onnx: cannot read this ONNX graph"):
        load(folder)


def test_a_truncated_graph_is_named(tmp_path, load):
    path = save_onnx(tmp_path / "model") / "model.onnx"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ModelLoadError, match="model.onnx: cannot read this ONNX graph"):
        load(path.parent)


def test_an_output_that_is_not_what_the_graph_declares_is_named(tmp_path, load):
    """The declared last dimension is open, so one token is tried at load."""
    folder = save_onnx(tmp_path / "model", dimension="open", squeezed=True)
    with pytest.raises(ModelLoadError, match=r"'last_hidden_state' has shape \[3\] for one token"):
        load(folder)


def test_an_output_of_another_shape_than_declared_is_named(tmp_path, load):
    embedder = load(save_onnx(tmp_path / "model", squeezed=True))
    with pytest.raises(InferenceError, match=r"has shape \[3, 3\] where \[1, 3, 3\] was expected"):
        embedder.encode("cat")


def test_an_unknown_input_is_named(tmp_path, load):
    folder = save_onnx(tmp_path / "model", inputs=("input_ids", "attention_mask", "pixels"))
    with pytest.raises(ModelLoadError, match="unknown input 'pixels'"):
        load(folder)


def test_a_nan_from_the_model_is_named_and_leaves_it_usable(tmp_path, load):
    embedder = load(save_onnx(tmp_path / "model"))
    with pytest.raises(InferenceError, match="not finite for row 1"):
        embedder.encode(["cat", "nan", "dog"])
    assert np.isfinite(embedder.encode(["cat", "dog"])).all()
    with pytest.raises(InferenceError, match="not finite for row 1; equal texts count as one"):
        embedder.encode(["cat"] * 600 + ["nan"])
    many = ["cat" + " " * i for i in range(4100)]  # no two are equal, and they are more than a window holds
    with pytest.raises(InferenceError, match=r"not finite for row 4 \(rows counted from texts\[4096\]\)"):
        embedder.encode([*many, "nan"])
