"""Small real models that tests make for themselves: a random BERT with a numpy reference, and ONNX graphs."""

from __future__ import annotations

import json
from math import erf, sqrt

import numpy as np
import onnx
import tokenizers
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import save_file

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hello", "world", "nan", "cat", "dog", "fish"]
NAN_ID = WORDS.index("nan")
BERT_CONFIG = {
    "model_type": "bert",
    "hidden_act": "gelu",
    "hidden_size": 8,
    "intermediate_size": 12,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 32,
    "num_attention_heads": 2,
    "num_hidden_layers": 2,
    "type_vocab_size": 2,
    "vocab_size": len(WORDS),
}

# Files of a sentence-transformers pipeline, as save_bert takes them: without one, that library ignores the other
# settings that it writes.
MEAN_POOLING = {
    "modules": [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
    ],
    "1_Pooling__config": {"word_embedding_dimension": BERT_CONFIG["hidden_size"], "pooling_mode_mean_tokens": True},
}


def save_tokenizer(folder):
    model = tokenizers.models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]")  # noqa: S106
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    specials = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=specials)
    tokenizer.save(str(folder / "tokenizer.json"))


def bert_weights(config=BERT_CONFIG, seed=0):
    """Random weights, named and shaped as transformers' BertModel has them."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    shapes = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], width),
        "embeddings.position_embeddings.weight": (config["max_position_embeddings"], width),
        "embeddings.token_type_embeddings.weight": (config["type_vocab_size"], width),
        **layer_norm("embeddings.", width),
    }
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}."
        for part in ("query", "key", "value"):
            shapes |= linear(f"{layer}attention.self.{part}", width, width)
        shapes |= linear(f"{layer}attention.output.dense", width, width)
        shapes |= linear(f"{layer}intermediate.dense", width, inner)
        shapes |= linear(f"{layer}output.dense", inner, width)
        shapes |= layer_norm(f"{layer}attention.output.", width) | layer_norm(f"{layer}output.", width)
    random = np.random.default_rng(seed)
    return {name: random.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def linear(name, inputs, outputs):
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def layer_norm(prefix, width):
    return {f"{prefix}LayerNorm.weight": (width,), f"{prefix}LayerNorm.bias": (width,)}


def save_bert(folder, *, config=BERT_CONFIG, weights=None, **extra_files):
    """Write a model folder; extra files are JSON values by name, with "__" for "/" and without the ".json"."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(folder)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    save_file(bert_weights(config) if weights is None else weights, folder / "model.safetensors")
    for name, content in extra_files.items():
        path = folder / (name.replace("__", "/") + ".json")
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content), "utf-8")
    return folder


def bert_reference(weights, ids, config=BERT_CONFIG):
    """Hidden states [tokens, width] of one text in float64, by the formulas of Devlin et al. 2018."""
    w = {name: tensor.astype(np.float64) for name, tensor in weights.items()}

    def dense(name, x):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(prefix, x):
        scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + config["layer_norm_eps"])
        return scaled * w[f"{prefix}LayerNorm.weight"] + w[f"{prefix}LayerNorm.bias"]

    def attention(layer, x):
        heads = config["num_attention_heads"]
        q, k, v = (
            dense(f"{layer}attention.self.{part}", x).reshape(len(x), heads, -1).swapaxes(0, 1)
            for part in ("query", "key", "value")
        )
        scores = np.exp(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1]))
        context = scores / scores.sum(-1, keepdims=True) @ v
        return dense(f"{layer}attention.output.dense", context.swapaxes(0, 1).reshape(len(x), -1))

    def gelu(x):
        return 0.5 * x * (1 + np.vectorize(erf)(x / sqrt(2)))

    e = "embeddings."
    x = w[f"{e}word_embeddings.weight"][ids] + w[f"{e}token_type_embeddings.weight"][0]
    x = norm(e, x + w[f"{e}position_embeddings.weight"][: len(ids)])
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}."
        x = norm(f"{layer}attention.output.", x + attention(layer, x))
        x = norm(f"{layer}output.", x + dense(f"{layer}output.dense", gelu(dense(f"{layer}intermediate.dense", x))))
    return x


def lookup_table(nan_ids=(NAN_ID,)):
    """What the ONNX graphs below give for each id: a row of three values, NaN for some."""
    table = np.arange(len(WORDS) * 3, dtype=np.float32).reshape(-1, 3) + 1
    table[list(nan_ids)] = np.nan
    return table


def save_onnx(
    folder,
    *,
    inputs=("input_ids", "attention_mask"),
    output="last_hidden_state",
    dimension=3,
    nan_ids=(NAN_ID,),
    squeezed=False,
):
    """Write a model folder whose graph looks each id up; a rank-2 output is that of the first token."""
    folder.mkdir(parents=True, exist_ok=True)
    save_tokenizer(folder)
    config = {"model_type": "own", "vocab_size": len(WORDS), "max_position_embeddings": 32}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    pooled = output == "sentence_embedding"
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["rows" if pooled or squeezed else output])]
    if squeezed:  # not the shape that the graph declares
        nodes.append(helper.make_node("Squeeze", ["rows"], [output]))
    if pooled:
        nodes.append(helper.make_node("Gather", ["rows", "first"], [output], axis=1))
    shape = ["batch", dimension] if pooled else ["batch", "sequence", dimension]
    graph = helper.make_graph(
        nodes,
        "lookup",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "sequence"]) for name in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(lookup_table(nan_ids), "table"), numpy_helper.from_array(np.array(0), "first")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    return folder
