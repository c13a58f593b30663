"""Settings from a model's own files: lengths, prompts, similarity, and what of the Transformer's config counts."""

import json

import pytest

from ortembed import ModelLoadError, config
from ortembed.config import ModelSettings, read_settings
from ortembed.modules import HeadStep

OLD = "sentence_transformers.models."
BASE = {"config.json": {"model_type": "bert", "vocab_size": 100, "max_position_embeddings": 512}}
MODULES = [{"path": "", "type": OLD + "Transformer"}, {"path": "1_Pooling", "type": OLD + "Pooling"}]
PIPED = {"modules.json": MODULES, "1_Pooling/config.json": {}}
SENTENCE = "sentence_bert_config.json"
MODEL = "config_sentence_transformers.json"
TOKENIZER = "tokenizer_config.json"


@pytest.fixture
def write(tmp_path):
    def write(contents):
        files = {}
        for name, content in {**BASE, **contents}.items():
            files[name] = tmp_path / name.replace("/", "_")
            files[name].write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return files

    return write


@pytest.fixture
def read(write):
    return lambda contents: read_settings(write({**PIPED, **contents}))


def with_config(**entries):
    return {"config.json": {**BASE["config.json"], **entries}}


def test_a_bare_transformer_gets_the_defaults(write):
    settings = read_settings(write({}))
    assert settings == ModelSettings(
        model_type="bert", vocab_size=100, max_positions=512, max_seq_length=512, tokenizer=settings.tokenizer
    )


def test_without_modules_what_sentence_transformers_wrote_does_not_count(write):
    ignored = {SENTENCE: {"max_seq_length": 8, "do_lower_case": True}, MODEL: {"prompts": {"query": "q: "}}}
    settings = read_settings(write({**ignored, **with_config(architectures=["BertModel"])}))
    assert (settings.max_seq_length, settings.tokenizer.lowercase, settings.prompts) == (512, False, {})


@pytest.mark.parametrize(
    ("entries", "pooling"),
    [
        ({"architectures": ["Qwen3ForCausalLM"]}, "lasttoken"),
        ({"architectures": ["Qwen3ForCausalLM"], "is_causal": False}, "mean"),
        ({"architectures": ["Qwen3Model"]}, "mean"),
        ({"architectures": None}, "mean"),
    ],
)
def test_without_modules_a_causal_model_pools_its_last_token(write, entries, pooling):
    assert read_settings(write(with_config(**entries))).pooling == (pooling,)


@pytest.mark.parametrize("files", [{TOKENIZER: {"chat_template": "{{ x }}"}}, {"chat_template.jinja": "{{ x }}"}])
def test_a_chat_template_counts_only_without_modules(write, files):
    with pytest.raises(ModelLoadError, match="chat template and no modules.json"):
        read_settings(write(files))
    assert read_settings(write({**PIPED, **files})).pooling == ("mean",)


def test_what_the_modules_say_becomes_part_of_the_settings(read):
    modules = [*MODULES, {"path": "2_Dense", "type": OLD + "Dense"}, {"path": "", "type": OLD + "Normalize"}]
    dense = {"in_features": 8, "out_features": 4, "bias": False, "activation_function": "torch.nn.Identity"}
    pooling = {"pooling_mode": ["cls", "max"], "include_prompt": False}
    settings = read({"modules.json": modules, "1_Pooling/config.json": pooling, "2_Dense/config.json": dense})
    assert settings.pooling == ("cls", "max")
    assert (settings.include_prompt, settings.normalize) == (False, True)
    assert settings.head == (HeadStep("dense", "2_Dense", 8, 4, bias=False, activation="identity"),)


@pytest.mark.parametrize(
    ("sentence", "tokenizer", "length"),
    [
        ({"max_seq_length": 256}, {"model_max_length": 128}, 256),
        ({"max_seq_length": None}, {"model_max_length": 128}, 128),
        ({"max_seq_length": 256, "processor_kwargs": {"model_max_length": 64}}, {}, 64),
        ({"tokenizer_args": {"model_max_length": 64, "padding_side": "left"}}, {"model_max_length": 128}, 64),
        ({}, {"model_max_length": 1e30}, 512),
        ({}, {"max_len": 99}, 99),
        ({}, {}, 512),
        ({"max_seq_length": 9999}, {}, 512),
    ],
)
def test_the_longest_text(read, sentence, tokenizer, length):
    assert read({SENTENCE: sentence, TOKENIZER: tokenizer}).max_seq_length == length


@pytest.mark.parametrize(
    ("entries", "positions"),
    [
        ({"model_type": "distilbert"}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}, 512),
        ({"model_type": "xlm-roberta", "max_position_embeddings": 514}, 512),
        ({"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": None}, 512),
        ({"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 0}, 513),
        ({"model_type": "nomic_bert", "n_positions": 8192, "max_position_embeddings": 2048}, 8192),
        ({"model_type": "qwen3", "max_position_embeddings": 32768}, 32768),
    ],
)
def test_positions_that_the_weights_have(read, entries, positions):
    assert read(with_config(**entries)).max_positions == positions


def test_nomics_own_name_for_positions_is_known(read):
    own = {"model_type": "nomic_bert", "vocab_size": 30528, "n_positions": 8192}
    assert read({"config.json": own}).max_positions == 8192
    both = {"config.json": {**own, "max_position_embeddings": 2048}}
    assert read(both).max_seq_length == 2048
    assert read({**both, SENTENCE: {"max_seq_length": 8192}}).max_seq_length == 8192


@pytest.mark.parametrize("name", config.SENTENCE_CONFIG_NAMES)
def test_the_transformers_config_is_known_by_each_of_its_names(read, name):
    assert read({name: {"max_seq_length": 77}}).max_seq_length == 77


def test_the_first_of_the_names_counts(read):
    files = {
        "sentence_roberta_config.json": {"max_seq_length": 77},
        "sentence_xlnet_config.json": {"max_seq_length": 7},
    }
    assert read({SENTENCE: {}, **files}).max_seq_length == 77


def test_settings_that_change_no_vector_are_let_be(read):
    sentence = {
        "do_lower_case": True,
        "model_args": {"attn_implementation": "sdpa"},
        "unpad_inputs": None,
        "transformer_task": "feature-extraction",
        "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
        "module_output_name": "token_embeddings",
    }
    assert read({SENTENCE: sentence}).tokenizer.lowercase is True


def test_prompts_similarity_and_dimensions_are_read(read):
    model = {
        "prompts": {"query": "q: ", "document": None},
        "default_prompt_name": "query",
        "similarity_fn_name": "euclidean",
        "truncate_dim": 64,
        "model_type": "SentenceTransformer",
    }
    settings = read({MODEL: model, **with_config(matryoshka_dimensions=[256, 64])})
    assert settings.prompts == {"query": "q: ", "document": ""}
    assert (settings.default_prompt_name, settings.similarity) == ("query", "euclidean")
    assert (settings.truncate_dim, settings.matryoshka_dims) == (64, (256, 64))


def test_the_default_prompt_may_be_one_that_every_model_has(read):
    assert read({MODEL: {"default_prompt_name": "document"}}).default_prompt_name == "document"


def test_each_file_is_read_once(write, monkeypatch):
    files = write({**PIPED, SENTENCE: {"max_seq_length": 8}, MODEL: {}, TOKENIZER: {}})
    reads = []
    real = type(files["config.json"]).read_text
    monkeypatch.setattr(
        type(files["config.json"]), "read_text", lambda self, *args: reads.append(self.name) or real(self, *args)
    )
    read_settings(files)
    assert sorted(reads) == sorted(path.name for path in files.values())


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        ({"config.json": "{"}, "cannot read .*config.json"),
        ({"config.json": "[" * 100_000}, "cannot read .*config.json"),
        ({"config.json": "[]"}, "config.json is not a JSON object"),
        (with_config(vocab_size="many"), "vocab_size is 'many'"),
        ({"config.json": {"vocab_size": 9}}, "max_position_embeddings is None"),
        (with_config(vocab_size=True), "vocab_size is True"),
        (with_config(vocab_size=2**63), "vocab_size is 9223372036854775808"),
        (
            with_config(model_type="roberta", pad_token_id=511),
            "pad_token_id is 511, which leaves no positions",
        ),
        (with_config(matryoshka_dimensions="64"), "matryoshka_dimensions is '64', not a list"),
        (with_config(matryoshka_dimensions=[0]), "matryoshka_dimensions is 0, not an integer"),
        ({SENTENCE: {"max_seq_length": 0}}, "max_seq_length is 0"),
        ({SENTENCE: {"max_seq_length": "x"}}, "max_seq_length is 'x'"),
        ({SENTENCE: '{"max_seq_length": NaN}'}, "max_seq_length is nan"),
        ({SENTENCE: {"query_length": 32}}, "query_length 32 is not supported"),
        ({SENTENCE: {"transformer_task": "fill-mask"}}, "transformer_task 'fill-mask' is not supported"),
        ({SENTENCE: {"modality_config": {"message": {}}}}, "modality_config .* is not supported"),
        ({SENTENCE: {"config_args": {"is_decoder": True}}}, "config_args .* is not supported"),
        ({SENTENCE: {"processor_kwargs": {"do_lower_case": True}}}, "sets the tokenizer's .*do_lower_case"),
        ({SENTENCE: {"do_lower_case": "yes"}}, "do_lower_case is 'yes', neither true nor false"),
        ({SENTENCE: {"max_words": 3}}, "max_words is not a setting that ortembed knows"),
        ({"adapter_config.json": {}}, "adapters are not supported"),
        ({TOKENIZER: {"model_max_length": -1}}, "model_max_length is -1, not a positive number"),
        ({TOKENIZER: {"model_input_names": ["input_ids"]}}, "without attention_mask padding would be attended to"),
        ({TOKENIZER: {"truncation_side": "both"}}, "truncation_side is 'both', neither left nor right"),
        ({TOKENIZER: {"do_lower_case": 1}}, "do_lower_case is 1, neither true nor false"),
        ({TOKENIZER: {"strip_accents": "no"}}, "strip_accents is 'no', neither true nor false"),
        ({TOKENIZER: {"cls_token": 3}}, "cls_token is 3, neither a text nor an object"),
        ({TOKENIZER: {"added_tokens_decoder": {"9" * 5000: {}}}}, "added_tokens_decoder is not an object with ids"),
        ({TOKENIZER: {"added_tokens_decoder": {"x": {}}}}, "added_tokens_decoder is not an object with ids for keys"),
        ({TOKENIZER: {"extra_special_tokens": "x"}}, "the extra special tokens are 'x', not a list"),
        ({"added_tokens.json": {"x": -1}}, "added_tokens.json is not an object of ids"),
        ({MODEL: {"prompts": ["a"]}}, "prompts is"),
        ({MODEL: {"prompts": {"query": 3}}}, "prompts is"),
        ({MODEL: {"default_prompt_name": "q"}}, "default_prompt_name is 'q'"),
        ({MODEL: {"similarity_fn_name": "maxsim"}}, "similarity_fn_name is 'maxsim'; ortembed does cosine, dot"),
        ({MODEL: {"truncate_dim": 0}}, "truncate_dim is 0, not an integer"),
        ({MODEL: {"model_type": "SparseEncoder"}}, "is a SparseEncoder; ortembed loads SentenceTransformer models"),
    ],
)
def test_what_cannot_be_done_is_named(read, contents, message):
    with pytest.raises(ModelLoadError, match=message):
        read(contents)
