"""What the exporters read in config.json: what would change vectors is done or refused, never passed over."""

import pytest

from ortembed.errors import ModelLoadError
from ortembed.prepare.architectures import MODEL_TYPES, read_architecture, refusal
from ortembed.prepare.architectures.mpnet import relative_buckets
from ortembed.prepare.export import export
from tests.python.tiny_models import BERT_CONFIG, bert_weights, save_bert

BERT = BERT_CONFIG
ROBERTA = {**BERT, "model_type": "roberta", "pad_token_id": 1}
MPNET = {**BERT, "model_type": "mpnet"}
DISTILBERT = {
    "model_type": "distilbert",
    "activation": "gelu",
    "dim": 8,
    "hidden_dim": 12,
    "max_position_embeddings": 32,
    "n_heads": 2,
    "n_layers": 2,
    "vocab_size": 10,
}
CONFIGS = [BERT, ROBERTA, {**ROBERTA, "model_type": "xlm-roberta"}, MPNET, DISTILBERT]
OF_ALL = [
    ({"quantization_config": {"bits": 4}}, "quantization_config is {'bits': 4}; the exporter does not do that"),
    ({"pruned_heads": {"0": [1]}}, "pruned_heads is {'0': [1]}; the exporter does only {}"),
    (
        {"auto_map": {"AutoModel": "own--code.Model"}},
        "auto_map says that the model has code of its own (own--code.Model",
    ),
    ({"vocab_size": None}, "vocab_size is None, not a positive integer"),
    ({"vocab_size": True}, "vocab_size is True, not a positive integer"),
    ({"max_position_embeddings": 0}, "max_position_embeddings is 0, not a positive integer"),
    ({"max_position_embeddings": 3.5}, "max_position_embeddings is 3.5, not a positive integer"),
]
OF_BERT_AND_ROBERTA = [
    ({"position_embedding_type": "relative_key"}, "position_embedding_type is 'relative_key'"),
    ({"is_decoder": True}, "is_decoder is True; the exporter does only False"),
    ({"add_cross_attention": True}, "add_cross_attention is True"),
    ({"type_vocab_size": 0}, "type_vocab_size is 0, not a positive integer"),
]
OF_ALL_BUT_DISTILBERT = [
    ({"hidden_act": "quick_gelu"}, "hidden_act is 'quick_gelu'; supported are gelu, "),
    ({"hidden_act": ["gelu"]}, "hidden_act is ['gelu']; supported are"),
    ({"layer_norm_eps": 0}, "layer_norm_eps is 0, not a positive number"),
    ({"layer_norm_eps": "1e-12"}, "layer_norm_eps is '1e-12', not a positive number"),
    ({"num_attention_heads": 3}, "hidden_size 8 is no multiple of num_attention_heads 3"),
    ({"num_hidden_layers": 2**20 + 1}, "num_hidden_layers is 1048577; more than 1048576 is not supported"),
    ({"num_hidden_layers": -1}, "num_hidden_layers is -1, not a positive integer"),
    ({"intermediate_size": None}, "intermediate_size is None"),
]
OF_ROBERTA = [
    ({"pad_token_id": -1}, "pad_token_id is -1, not an integer of at least 0"),
    ({"pad_token_id": "1"}, "pad_token_id is '1', not an integer of at least 0"),
    ({"pad_token_id": 31}, "pad_token_id 31 leaves none of 32 max_position_embeddings"),
]
OF_MPNET = [
    ({"relative_attention_num_buckets": 64}, "relative_attention_num_buckets is 64; the exporter does only 32"),
    ({"pad_token_id": 0}, "pad_token_id is 0; the exporter does only 1"),
    ({"max_position_embeddings": 2}, "max_position_embeddings is 2, of which no token gets one"),
    ({"max_position_embeddings": 5000}, "max_position_embeddings is 5000; more than 4096 is not supported"),
]
OF_DISTILBERT = [
    ({"activation": "tanh"}, "activation is 'tanh'; supported are gelu, "),
    ({"n_heads": 3}, "dim 8 is no multiple of n_heads 3"),
    ({"n_layers": None}, "n_layers is None"),
    ({"hidden_dim": "many"}, "hidden_dim is 'many'"),
]
REFUSED = [
    *((config, *row) for row in OF_ALL for config in CONFIGS),
    *((config, *row) for row in OF_BERT_AND_ROBERTA for config in (BERT, ROBERTA)),
    *((config, *row) for row in OF_ALL_BUT_DISTILBERT for config in (BERT, ROBERTA, MPNET)),
    *((ROBERTA, *row) for row in OF_ROBERTA),
    *((MPNET, *row) for row in OF_MPNET),
    *((DISTILBERT, *row) for row in OF_DISTILBERT),
]
HARMLESS = {
    "auto_map": {"AutoModelForSequenceClassification": "own--code.Classifier"},
    "chunk_size_feed_forward": 4,
    "classifier_dropout": 0.3,
    "hidden_dropout_prob": 0.4,
    "id2label": {"0": "no", "1": "yes"},
    "pruned_heads": {},
    "quantization_config": None,
    "tie_word_embeddings": False,
    "use_cache": False,
}


@pytest.mark.parametrize(("config", "change", "message"), REFUSED)
def test_what_would_change_vectors_is_refused(config, change, message):
    assert refusal(config) is None
    assert (refusal({**config, **change}) or "").startswith(f"config.json: {message}")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config["model_type"])
def test_what_changes_no_vector_is_passed_over(config):
    assert read_architecture({**config, **HARMLESS}) == read_architecture(config)


@pytest.mark.parametrize("config", [{}, {"model_type": "t5"}, {"model_type": ["bert"]}, None, [1]])
def test_another_architecture_is_named_with_those_that_there_are(config):
    with pytest.raises(ModelLoadError, match=rf"there are exporters for {', '.join(sorted(MODEL_TYPES))}"):
        read_architecture(config)


def export_bert(folder, config, weights):
    source, target = folder / "model", folder / "graph"
    target.mkdir(parents=True)
    save_bert(source, config=config, weights=weights)
    export(config, [source / "model.safetensors"], target)
    return [(target / name).read_bytes() for name in ("model.onnx", "model.onnx.data")]


def test_weights_that_the_encoder_does_not_have_are_left_out(tmp_path):
    fewer = {**BERT, "num_hidden_layers": 1}
    every = bert_weights()
    own = {name: tensor for name, tensor in every.items() if ".1." not in name}
    head = {
        "classifier.weight": every["embeddings.LayerNorm.weight"],
        "pooler.dense.bias": every["embeddings.LayerNorm.bias"],
    }
    assert len(own) < len(every)
    assert export_bert(tmp_path / "a", fewer, own) == export_bert(tmp_path / "b", fewer, {**every, **head})


def test_buckets_are_those_of_t5():
    """The first row counts keys ahead of the query, the first column those behind it."""
    buckets = relative_buckets(600)
    firsts = [0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91]  # distances where a new bucket begins
    assert [int((buckets[:, 0] < number).sum()) for number in range(16)] == firsts
    assert (buckets[0, 1:] == buckets[1:, 0] + 16).all()
    assert (buckets[3:, 3:] == buckets[:-3, :-3]).all()
