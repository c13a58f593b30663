"""What the exporters with rotary positions read in config.json: it is done or refused by name, never passed over."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from ortembed.errors import ModelLoadError
from ortembed.prepare.architectures import read_architecture, refusal
from ortembed.prepare.export import export

SIZES = {"vocab_size": 10, "hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 4}
MORE_SIZES = {"intermediate_size": 12, "max_position_embeddings": 64}
MODERNBERT = {"model_type": "modernbert", **SIZES, **MORE_SIZES}
NOMIC_BERT = {"model_type": "nomic_bert", **SIZES, **MORE_SIZES}
QWEN3 = {"model_type": "qwen3", **SIZES, **MORE_SIZES, "num_key_value_heads": 1, "head_dim": 16}
# As nomic-ai writes it.
NOMIC = {
    "model_type": "nomic_bert",
    "activation_function": "swiglu",
    "auto_map": {"AutoModel": "nomic-ai/nomic-bert-2048--modeling_hf_nomic_bert.NomicBertModel"},
    "causal": False,
    "layer_norm_epsilon": 1e-12,
    "max_trained_positions": 32,
    "mlp_fc1_bias": False,
    "mlp_fc2_bias": False,
    "n_embd": 32,
    "n_head": 2,
    "n_inner": 12,
    "n_layer": 4,
    "n_positions": 64,
    "pad_vocab_size_multiple": 2,
    "prenorm": False,
    "qkv_proj_bias": False,
    "rotary_emb_base": 1000,
    "rotary_emb_fraction": 1.0,
    "rotary_emb_interleaved": False,
    "rotary_emb_scale_base": None,
    "rotary_scaling_factor": None,
    "type_vocab_size": 2,
    "vocab_size": 10,
}
CONFIGS = [MODERNBERT, NOMIC_BERT, NOMIC, QWEN3]
YARN = {"rope_type": "yarn", "factor": 4.0, "rope_theta": 1e6}

OF_ALL = [
    (
        {"auto_map": {"AutoModel": "modeling.Model"}},
        "auto_map says that the model has code of its own (modeling.Model)",
    ),
    ({"partial_rotary_factor": 0.5}, "partial_rotary_factor is 0.5; the exporter does only 1.0"),
    ({"vocab_size": None}, "vocab_size is None, not a positive integer"),
    ({"max_position_embeddings": 1 << 31}, "max_position_embeddings is 2147483648; more than 1048576 is not"),
    ({"rope_parameters": "default"}, "rope_parameters is 'default', not an object"),
]
OF_SHARED_ROTARY = [
    ({"rope_parameters": YARN}, "rope_parameters has rope_type 'yarn'; the exporter does only 'default'"),
    ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling has rope_type 'linear'"),
    ({"rope_parameters": {"rope_theta": 0}}, "rope_theta is 0, not a positive number"),
    (
        {"rope_parameters": {"rope_theta": 10.0, "partial_rotary_factor": 0.25}},
        "partial_rotary_factor is 0.25; the exporter does only 1.0",
    ),
]
OF_MODERNBERT = [
    ({"is_causal": True}, "is_causal is True"),
    ({"is_decoder": True}, "is_decoder is True"),
    ({"hidden_activation": "gelu_10"}, "hidden_activation is 'gelu_10'; supported are"),
    ({"norm_bias": "yes"}, "norm_bias is 'yes', neither true nor false"),
    ({"attention_bias": 1}, "attention_bias is 1, neither true nor false"),
    ({"mlp_bias": 0}, "mlp_bias is 0, neither true nor false"),
    ({"local_attention": 0}, "local_attention is 0, not a positive integer"),
    ({"sliding_window": 3, "local_attention": 8}, "sliding_window is 3; the exporter does only 4"),
    ({"global_attn_every_n_layers": 0}, "global_attn_every_n_layers is 0, not a positive integer"),
    ({"global_rope_theta": -1}, "global_rope_theta is -1, not a positive number"),
    ({"local_rope_theta": "10"}, "local_rope_theta is '10', not a positive number"),
    (
        {"layer_types": ["full_attention"]},
        "layer_types is ['full_attention'], not full_attention or sliding_attention",
    ),
    ({"layer_types": ["full_attention"] * 3 + ["linear_attention"]}, "layer_types is ['full_attention', 'full_att"),
    ({"layer_types": "full_attention"}, "layer_types is 'full_attention', not full_attention or"),
    ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling is {'type': 'linear', 'factor': 2.0}"),
    ({"rope_parameters": {"sliding_attention": YARN}}, "rope_parameters.sliding_attention has rope_type 'yarn'"),
    ({"rope_parameters": {"full_attention": [1.0]}}, "rope_parameters.full_attention is [1.0], not an object"),
    ({"rope_parameters": {"rope_theta": 10.0}}, "rope_parameters is {'rope_theta': 10.0}, not an object of full_"),
    ({"num_attention_heads": 3}, "hidden_size 32 is no multiple of num_attention_heads 3"),
]
OF_NOMIC = [
    ({"num_experts": 8, "activation_function": "gelu"}, "num_experts is 8; the exporter does only 0"),
    ({"activation_function": "geglu"}, "activation_function is 'geglu'; the exporter does only 'swiglu'"),
    ({"rotary_emb_fraction": 0.0}, "rotary_emb_fraction is 0.0; the exporter does only 1.0"),
    ({"rotary_emb_interleaved": True}, "rotary_emb_interleaved is True"),
    ({"rotary_emb_scale_base": 512}, "rotary_emb_scale_base is 512; the exporter does not do that"),
    ({"rotary_scaling_factor": 2}, "rotary_scaling_factor is 2; the exporter does not do that"),
    ({"rotary_head_dim": True}, "rotary_head_dim is True"),
    ({"prenorm": True}, "prenorm is True"),
    ({"parallel_block": True}, "parallel_block is True"),
    ({"norm_mlp": True}, "norm_mlp is True"),
    ({"use_rms_norm": True}, "use_rms_norm is True"),
    ({"causal": True}, "causal is True"),
    ({"qkv_proj_bias": True}, "qkv_proj_bias is True"),
    ({"mlp_fc1_bias": True}, "mlp_fc1_bias is True"),
    ({"mlp_fc2_bias": True}, "mlp_fc2_bias is True"),
    ({"type_vocab_size": 0}, "type_vocab_size is 0, not a positive integer"),
]
# What nomic-ai's form leaves out means something else there than what the exporter does.
LEFT_OUT = ["activation_function", "rotary_emb_fraction", "rotary_emb_base", "layer_norm_epsilon", "qkv_proj_bias"]
OF_QWEN3 = [
    ({"is_causal": False}, "is_causal is False; the exporter does only True"),
    ({"use_bidirectional_attention": True}, "use_bidirectional_attention is True"),
    ({"use_sliding_window": True, "max_window_layers": 3}, "use_sliding_window asks for sliding_attention"),
    ({"layer_types": ["full_attention", "sliding_attention"] * 2}, "layer_types asks for sliding_attention"),
    ({"layer_types": ["chunked_attention"] * 4}, "layer_types is ['chunked_attention', 'chunked_attention',"),
    (
        {"num_attention_heads": 3, "num_key_value_heads": 2},
        "num_attention_heads 3 is no multiple of num_key_value_he",
    ),
    ({"head_dim": 24}, "head_dim is 24, no multiple of 16"),
    ({"hidden_act": "tanh"}, "hidden_act is 'tanh'; supported are"),
    ({"rms_norm_eps": 0}, "rms_norm_eps is 0, not a positive number"),
    ({"attention_bias": "no"}, "attention_bias is 'no', neither true nor false"),
    ({"rope_theta": None, "rope_parameters": {"rope_theta": "1e6"}}, "rope_theta is '1e6', not a positive number"),
]
REFUSED = [
    *((config, *row) for row in OF_ALL for config in CONFIGS),
    *((config, *row) for row in OF_SHARED_ROTARY for config in (NOMIC_BERT, NOMIC, QWEN3)),
    *((MODERNBERT, *row) for row in OF_MODERNBERT),
    *((config, *row) for row in OF_NOMIC for config in (NOMIC_BERT, NOMIC)),
    *((NOMIC, {key: None}, f"neither hidden_size nor {key}") for key in (*LEFT_OUT, "mlp_fc1_bias", "mlp_fc2_bias")),
    *((QWEN3, *row) for row in OF_QWEN3),
]


@pytest.mark.parametrize(("config", "change", "message"), REFUSED)
def test_what_would_change_vectors_is_refused(config, change, message):
    assert refusal(config) is None
    assert message in (refusal({**config, **change}) or "")


FULL, SLIDING = "full_attention", "sliding_attention"
SAME = [
    (MODERNBERT, {"layer_types": [FULL, SLIDING, SLIDING, FULL], "global_attn_every_n_layers": 1}),
    (MODERNBERT, {"rope_parameters": {FULL: {"rope_type": "default", "rope_theta": 160000.0}, SLIDING: None}}),
    (MODERNBERT, {"global_rope_theta": 160000, "local_rope_theta": 10000.0, "local_attention": 128}),
    (MODERNBERT, {"classifier_pooling": "mean", "sparse_prediction": True, "rope_scaling": None}),
    (NOMIC_BERT, {"rope_parameters": {"rope_type": "default", "rope_theta": 1000.0}, "rotary_emb_base": 7}),
    (NOMIC_BERT, {"n_positions": 32, "head_dim": 16, "use_flash_attn": True}),
    (QWEN3, {"sliding_window": 8, "use_sliding_window": False, "max_window_layers": 1}),
    (QWEN3, {"use_sliding_window": True, "max_window_layers": 4, "rope_scaling": {}}),
    (QWEN3, {"use_sliding_window": True, "max_window_layers": 1, "layer_types": [FULL] * 4}),
    (QWEN3, {"rope_theta": 10000, "rope_scaling": {"type": "default"}, "tie_word_embeddings": True}),
]


@pytest.mark.parametrize(("config", "more"), SAME)
def test_what_says_the_same_in_other_words_changes_nothing(config, more):
    assert read_architecture({**config, **more}) == read_architecture(config)


def test_first_modernbert_files_without_a_local_base_use_the_global_one():
    shape = read_architecture({**MODERNBERT, "global_rope_theta": 500.0, "local_rope_theta": None})[1]
    assert shape.thetas == {FULL: 500.0, SLIDING: 500.0}


def test_both_spellings_of_nomic_bert_are_one_shape():
    assert read_architecture(NOMIC)[1] == read_architecture(NOMIC_BERT)[1]
    assert (
        read_architecture({**NOMIC, "vocab_size": 9})[1] == read_architecture(NOMIC)[1]
    )  # padded to a multiple of 2
    both = {**NOMIC_BERT, "n_positions": 4096}
    assert read_architecture(both)[1].positions == 4096


def nomic_weights():
    """Random weights, named and shaped as in nomic-ai's checkpoints."""
    random = np.random.default_rng(0)
    width, inner = NOMIC["n_embd"], NOMIC["n_inner"]
    norms = ["emb_ln"]
    shapes = {"embeddings.word_embeddings": (10, width), "embeddings.token_type_embeddings": (2, width)}
    for prefix in (f"encoder.layers.{index}." for index in range(NOMIC["n_layer"])):
        shapes |= {f"{prefix}attn.Wqkv": (3 * width, width), f"{prefix}attn.out_proj": (width, width)}
        shapes |= {f"{prefix}mlp.{part}": (inner, width) for part in ("fc11", "fc12")}
        shapes |= {f"{prefix}mlp.fc2": (width, inner)}
        norms += [f"{prefix}norm1", f"{prefix}norm2"]
    shapes |= dict.fromkeys(norms, (width,))
    tensors = {f"{name}.weight": random.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    return tensors | {f"{name}.bias": random.standard_normal(width, np.float32) for name in norms}


def export_nomic(folder, config, weights):
    folder.mkdir()
    save_file(weights, folder / "model.safetensors")
    export(json.loads(json.dumps(config)), [folder / "model.safetensors"], folder)
    return [(folder / name).read_bytes() for name in ("model.onnx", "model.onnx.data")]


def test_both_spellings_of_nomic_bert_give_one_graph(tmp_path):
    """The test against transformers has this form's weights with the other one's config."""
    plain = export_nomic(tmp_path / "plain", NOMIC, nomic_weights())
    assert export_nomic(tmp_path / "config", NOMIC_BERT, nomic_weights()) == plain
    inside = {f"bert.{name}": tensor for name, tensor in nomic_weights().items()}
    assert export_nomic(tmp_path / "inside", NOMIC, inside) == plain


@pytest.mark.parametrize(
    "missing", ["emb_ln.bias", "encoder.layers.3.mlp.fc12.weight", "encoder.layers.0.attn.Wqkv.weight"]
)
def test_a_missing_tensor_is_named(tmp_path, missing):
    weights = nomic_weights()
    del weights[missing]
    with pytest.raises(ModelLoadError, match=rf"model\.safetensors has no tensor {missing}"):
        export_nomic(tmp_path / "model", NOMIC, weights)


def test_weights_of_another_shape_are_named(tmp_path):
    name = "encoder.layers.1.attn.Wqkv.weight"
    weights = nomic_weights()
    weights[name] = weights[name][:64]
    with pytest.raises(ModelLoadError, match=rf"{name} has shape \[64, 32\] where .* says \[96, 32\]"):
        export_nomic(tmp_path / "model", NOMIC, weights)
