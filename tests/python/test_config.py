"""Settings from a model's own files, in sentence-transformers' older and newer forms."""

import json

import pytest

from ortembed import ModelLoadError
from ortembed.config import ModelSettings, read_settings

OLD = "sentence_transformers.models."
NEW = "sentence_transformers.base.modules."
BASE = {"config.json": {"model_type": "bert", "vocab_size": 100, "max_position_embeddings": 512}}


def modules(*types):
    paths = {"Pooling": "1_Pooling", "Dense": "2_Dense", "Normalize": "2_Normalize"}
    return [{"path": paths.get(t.rsplit(".", 1)[-1], ""), "type": t} for t in types]


POOLED = modules(OLD + "Transformer", OLD + "Pooling")


@pytest.fixture
def read(tmp_path):
    def read(contents):
        files = {}
        for name, content in {**BASE, **contents}.items():
            files[name] = tmp_path / name.replace("/", "_")
            files[name].write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return read_settings(files)

    return read


def test_a_bare_transformer_gets_the_defaults(read):
    assert read({}) == ModelSettings(model_type="bert", vocab_size=100, max_positions=512, max_seq_length=512)


@pytest.mark.parametrize(
    "types",
    [
        [OLD + "Transformer", OLD + "Pooling", OLD + "Normalize"],
        [
            NEW + "transformer.Transformer",
            "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
            NEW + "normalize.Normalize",
        ],
    ],
)
@pytest.mark.parametrize(
    ("pooling", "mode"),
    [
        ({"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, "mean"),
        ({"pooling_mode_cls_token": True}, "cls"),
        ({"pooling_mode_max_tokens": True}, "max"),
        ({"pooling_mode_mean_sqrt_len_tokens": True}, "mean_sqrt_len_tokens"),
        ({"pooling_mode_weightedmean_tokens": True}, "weightedmean"),
        ({"pooling_mode_lasttoken": True, "include_prompt": True}, "lasttoken"),
        ({"pooling_mode_mean_tokens": False}, "mean"),
        ({"pooling_mode": "cls", "embedding_dimension": 384}, "cls"),
        ({"pooling_mode": ["lasttoken"]}, "lasttoken"),
        ({"pooling_mode": "cls", "pooling_mode_mean_tokens": True}, "cls"),
    ],
)
def test_pooling_and_normalization_are_read(read, types, pooling, mode):
    settings = read({"modules.json": modules(*types), "1_Pooling/config.json": pooling})
    assert (settings.pooling, settings.normalize) == (mode, True)


@pytest.mark.parametrize("path", ["./1_Pooling", "1_Pooling/", "1_Pooling"])
def test_the_pooling_config_is_found_however_its_path_is_written(read, path):
    written = [POOLED[0], {**POOLED[1], "path": path}]
    assert read({"modules.json": written, "1_Pooling/config.json": {"pooling_mode": "cls"}}).pooling == "cls"


def test_without_a_normalize_module_there_is_no_normalization(read):
    pooling = {"pooling_mode_cls_token": True}
    assert read({"modules.json": POOLED, "1_Pooling/config.json": pooling}).normalize is False


@pytest.mark.parametrize(
    ("sentence", "tokenizer", "length"),
    [
        ({"max_seq_length": 256}, {"model_max_length": 128}, 256),
        ({"max_seq_length": None}, {"model_max_length": 128}, 128),
        ({}, {"model_max_length": 1e30}, 512),
        ({}, {}, 512),
        ({"max_seq_length": 9999}, {}, 512),
    ],
)
def test_the_longest_text(read, sentence, tokenizer, length):
    files = {"sentence_bert_config.json": sentence, "tokenizer_config.json": tokenizer}
    assert read(files).max_seq_length == length


def test_prompts_and_similarity_are_read(read):
    pipeline = {"prompts": {"query": "q: "}, "default_prompt_name": "query", "similarity_fn_name": "dot"}
    settings = read(
        {"config_sentence_transformers.json": pipeline, "sentence_bert_config.json": {"do_lower_case": True}}
    )
    assert settings.prompts == {"query": "q: "}
    assert (settings.default_prompt_name, settings.similarity, settings.lowercase) == ("query", "dot", True)


def test_settings_survive_being_written(read):
    settings = read({"config_sentence_transformers.json": {"prompts": {"query": "q: "}}})
    assert ModelSettings.from_json(settings.to_json()) == settings


def with_pooling(**config):
    return {"modules.json": POOLED, "1_Pooling/config.json": config}


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"config.json": "{"}, "cannot read .*config.json"),
        ({"config.json": "[]"}, "config.json is not a JSON object"),
        ({"config.json": {"vocab_size": "many", "max_position_embeddings": 9}}, "vocab_size is 'many'"),
        ({"config.json": {"vocab_size": 9}}, "max_position_embeddings is None"),
        ({"config.json": {"vocab_size": True, "max_position_embeddings": 9}}, "vocab_size is True"),
        ({"config.json": {"vocab_size": 2**63, "max_position_embeddings": 9}}, "vocab_size is 9223372036854775808"),
        ({"sentence_bert_config.json": {"max_seq_length": 0}}, "max_seq_length is 0"),
        ({"sentence_bert_config.json": {"max_seq_length": "x"}}, "max_seq_length is 'x'"),
        ({"config.json": "[" * 100_000}, "cannot read .*config.json"),
        ({"sentence_bert_config.json": '{"max_seq_length": NaN}'}, "max_seq_length is nan"),
        ({"sentence_bert_config.json": {"query_length": 32}}, "query_length 32 is not supported"),
        ({"tokenizer_config.json": {"truncation_side": "left"}}, "truncation_side 'left' is not supported"),
        ({"modules.json": [{**POOLED[0], "path": "0_Transformer"}, POOLED[1]]}, "the Transformer in '0_Transformer'"),
        (with_pooling(pooling_mode=3), "pooling_mode is 3, neither"),
        ({"config_sentence_transformers.json": {"prompts": ["a"]}}, "prompts is"),
        ({"config_sentence_transformers.json": {"prompts": {"query": 3}}}, "prompts is"),
        ({"modules.json": {}}, "modules.json is not a list of modules"),
        ({"modules.json": [{"path": ""}]}, "modules.json is not a list of modules"),
        (
            {"modules.json": modules(OLD + "Transformer", "evil.code.Pooling")},
            "code from a model repository is never",
        ),
        (
            {"modules.json": modules(OLD + "Transformer", OLD + "Pooling", OLD + "Dense")},
            "Transformer, Pooling, Dense",
        ),
        ({"modules.json": modules(OLD + "Transformer")}, "chains Transformer;"),
        ({"modules.json": POOLED}, "asks for 1_Pooling/config.json, which is missing"),
        (with_pooling(pooling_mode="median"), "unknown pooling mode 'median'"),
        (with_pooling(pooling_mode=["cls", "mean"]), r"concatenated pooling \(cls \+ mean\)"),
        (with_pooling(pooling_mode_cls_token=True, pooling_mode_max_tokens=True), "concatenated pooling"),
        (with_pooling(include_prompt=False), "include_prompt"),
        ({"config_sentence_transformers.json": {"default_prompt_name": "q"}}, "default_prompt_name is 'q'"),
        (
            {"config_sentence_transformers.json": {"similarity_fn_name": "manhattan"}},
            "similarity_fn_name is 'manhattan'",
        ),
    ],
)
def test_what_cannot_be_done_is_named(read, contents, message):
    with pytest.raises(ModelLoadError, match=message):
        read(contents)
