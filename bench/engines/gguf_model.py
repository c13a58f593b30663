"""A BERT model as a GGUF file, with the keys and tensor names that llama.cpp's own converter gives.

That converter needs torch and transformers, which would be the largest part of the environment of an engine that
needs neither. Runs where the packages ``gguf`` and ``safetensors`` are, which the product's environment lacks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# What each type of weights is called in a file's header.
FILE_TYPES = {"F32": gguf.LlamaFileType.ALL_F32, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
# Where no part of the engine multiplies with a matrix, llama.cpp keeps float32.
_ALWAYS_F32 = {"position_embd.weight", "token_types.weight"}
_UNUSED = ("embeddings.position_ids", "pooler.")
_WORD_START = "\u2581"


def convert(model: Path, target: Path, weights: str) -> None:
    """Write a model's GGUF file; the target appears only when it is whole.

    Args:
        model: Folder with the files of a sentence-transformers model: BERT, WordPiece, mean or CLS pooling.
        target: The file to write.
        weights: One of FILE_TYPES, for the matrices; norms, biases, positions and token types stay float32.

    Raises:
        ValueError: The model is of another kind.
    """
    config = _read(model, "config.json")
    if config["model_type"] != "bert":
        raise ValueError(f"{model} is {config['model_type']}, not bert")
    partial = target.with_suffix(".partial")
    writer = gguf.GGUFWriter(partial, gguf.MODEL_ARCH_NAMES[gguf.MODEL_ARCH.BERT])
    _add_settings(writer, config, weights)
    writer.add_pooling_type(_pooling(model))
    _add_vocabulary(writer, _read(model, "tokenizer.json"))
    _add_tensors(writer, model / "model.safetensors", config["num_hidden_layers"], weights)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    partial.replace(target)


def _read(model: Path, name: str) -> dict[str, Any]:
    return json.loads((model / name).read_text("utf-8"))


def _add_settings(writer: gguf.GGUFWriter, config: dict[str, Any], weights: str) -> None:
    writer.add_file_type(FILE_TYPES[weights])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_causal_attention(value=False)
    writer.add_token_type_count(config["type_vocab_size"])


def _pooling(model: Path) -> gguf.PoolingType:
    modes = {name for name, is_on in _read(model, "1_Pooling/config.json").items() if is_on is True}
    if modes == {"pooling_mode_mean_tokens"}:
        return gguf.PoolingType.MEAN
    if modes == {"pooling_mode_cls_token"}:
        return gguf.PoolingType.CLS
    raise ValueError(f"{model} pools by {sorted(modes)}; llama.cpp knows mean and CLS")


def _add_vocabulary(writer: gguf.GGUFWriter, tokenizer: dict[str, Any]) -> None:
    """Write a WordPiece vocabulary: pieces that start a word are marked, where WordPiece marks the others."""
    if tokenizer["model"]["type"] != "WordPiece":
        raise ValueError(f"the tokenizer is {tokenizer['model']['type']}, not WordPiece")
    special = {token["content"] for token in tokenizer["added_tokens"] if token["special"]}
    ids = tokenizer["model"]["vocab"]
    pieces = sorted(ids, key=ids.__getitem__)
    control = [piece in special for piece in pieces]
    writer.add_tokenizer_model("bert")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(
        [
            piece if is_special else piece[2:] if piece.startswith("##") else _WORD_START + piece
            for piece, is_special in zip(pieces, control, strict=True)
        ]
    )
    writer.add_token_types(
        [gguf.TokenType.CONTROL if is_special else gguf.TokenType.NORMAL for is_special in control]
    )
    normalizer = tokenizer["normalizer"]
    strip_accents = normalizer["strip_accents"]
    writer.add_bool("tokenizer.ggml.normalizer.lowercase", normalizer["lowercase"])
    writer.add_bool(
        "tokenizer.ggml.normalizer.strip_accents", normalizer["lowercase"] if strip_accents is None else strip_accents
    )
    roles: dict[str, Callable[[int], None]] = {
        "[CLS]": writer.add_bos_token_id,
        "[SEP]": writer.add_sep_token_id,
        "[UNK]": writer.add_unk_token_id,
        "[PAD]": writer.add_pad_token_id,
        "[MASK]": writer.add_mask_token_id,
    }
    for piece, add in roles.items():
        add(ids[piece])


def _add_tensors(writer: gguf.GGUFWriter, file: Path, layers: int, weights: str) -> None:
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.BERT, layers)
    for name, tensor in load_file(file).items():
        if name.startswith(_UNUSED):
            continue
        new_name = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if new_name is None:
            raise ValueError(f"{file} has a tensor that no BERT has: {name}")
        matrix = tensor.ndim > 1 and new_name not in _ALWAYS_F32
        kind = gguf.GGMLQuantizationType[weights if matrix else "F32"]
        writer.add_tensor(new_name, gguf.quants.quantize(tensor.astype(np.float32), kind), raw_dtype=kind)
