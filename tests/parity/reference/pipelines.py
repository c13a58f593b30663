"""Writes small random pipelines of sentence-transformers with what it reads from them and the vectors it computes.

Usage: pipelines.py FOLDER. FOLDER/NAME gets the files of each pipeline; FOLDER/expected.json its settings by NAME;
FOLDER/expected.npz float32 [texts, dimension] for NAME/encode, NAME/query, NAME/document and NAME/prompt, the
similarities NAME/similarity of the first with the second, and [tokens, width] for the tokens of all texts, with
the default prompt as NAME/tokens and with another as NAME/prompt-tokens; FOLDER/texts.json the texts and the prompt.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from pipeline_changes import CHANGES
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Normalize, Transformer
from sentence_transformers.sentence_transformer.modules import Dropout, LayerNorm, Pooling
from tokenizer_cases import wordpiece
from torch import nn

TEXTS = ["cat sat on the mat.", "Cat", "", "Café on the 漢字 mat", "the mat. the cat. " * 9, "sat . . cat"]
PROMPT = "the cat: "
WIDTH = 16
ALL_MODES = ("lasttoken", "weightedmean", "mean_sqrt_len_tokens", "mean", "max", "cls")
PROMPTS = {"query": "on the mat ", "document": "cat ", "other": "sat sat "}


def dense(activation: nn.Module | None, width: int = WIDTH, out: int = WIDTH, *, bias: bool = True) -> Dense:
    return Dense(width, out, bias=bias, activation_function=activation)


# By name: the modules after the Transformer, and what SentenceTransformer is given.
PIPELINES = {
    **{mode: ([Pooling(WIDTH, mode)], {}) for mode in ALL_MODES},
    "normalized": ([Pooling(WIDTH, "mean"), Normalize()], {"similarity_fn_name": "dot"}),
    "concatenated": ([Pooling(WIDTH, ALL_MODES)], {"similarity_fn_name": "manhattan"}),
    "mean-cls": ([Pooling(WIDTH, ("mean", "cls")), Normalize()], {"similarity_fn_name": "euclidean"}),
    "flags": ([Pooling(WIDTH, "mean")], {}),
    "dense": ([Pooling(WIDTH, "mean"), dense(nn.Tanh(), out=24)], {}),
    "dense-first-legacy": ([Pooling(WIDTH, "cls"), dense(None, out=5, bias=False), Normalize()], {}),
    "activations": (
        [
            Pooling(WIDTH, ("max", "mean")),
            dense(nn.GELU(), 2 * WIDTH),
            dense(nn.ReLU()),
            dense(nn.SiLU()),
            dense(nn.Sigmoid()),
        ],
        {},
    ),
    "norms": (
        [
            Pooling(WIDTH, "mean"),
            LayerNorm(WIDTH),
            Dropout(0.5),
            Normalize(),
            dense(nn.Identity(), out=7),
            Normalize(),
        ],
        {},
    ),
    "normalized-twice": ([Pooling(WIDTH, "mean"), Normalize(), Normalize()], {}),
    "half-precision": ([Pooling(WIDTH, "mean"), dense(nn.Tanh()), LayerNorm(WIDTH)], {}),
    "prompts": ([Pooling(WIDTH, "mean")], {"prompts": PROMPTS, "default_prompt_name": "other"}),
    "default-prompt-alone": ([Pooling(WIDTH, "mean")], {"prompts": {"x": "sat "}, "default_prompt_name": "x"}),
    "prompts-not-pooled": (
        [Pooling(WIDTH, ALL_MODES, include_prompt=False), dense(nn.Tanh(), 6 * WIDTH)],
        {"prompts": PROMPTS},
    ),
    "truncated": ([Pooling(WIDTH, "mean")], {"truncate_dim": 6}),
    "matryoshka": ([Pooling(WIDTH, "mean")], {}),
    "in-a-folder": ([Pooling(WIDTH, "cls"), dense(nn.Tanh()), Normalize()], {"prompts": PROMPTS}),
    "older-names": ([Pooling(WIDTH, "mean"), Normalize()], {}),
    "lowered": ([Pooling(WIDTH, "mean")], {}),
    "without-modules": ([Pooling(WIDTH, "mean")], {"prompts": PROMPTS, "default_prompt_name": "query"}),
    "causal-without-modules": ([Pooling(WIDTH, "mean")], {}),
}


def main(folder: Path) -> None:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    encoders = {name: Transformer(str(write_encoder(folder / name))) for name in ("bert", "qwen3")}
    settings, arrays = {}, {}
    for name, (modules, options) in PIPELINES.items():
        encoder = encoders["qwen3" if name.startswith("causal") else "bert"]
        for parameter in [p for module in modules for p in module.parameters()]:
            nn.init.normal_(parameter)
        SentenceTransformer(modules=[encoder, *modules], device="cpu", **options).save_pretrained(
            str(folder / name), create_model_card=False
        )
        if name in CHANGES:
            CHANGES[name](folder / name)
        model = SentenceTransformer(str(folder / name), device="cpu")
        settings[name] = read(model)
        arrays |= {f"{name}/{what}": array for what, array in encode(model).items()}
    np.savez(folder / "expected.npz", **arrays)
    (folder / "expected.json").write_text(json.dumps(settings), "utf-8")
    (folder / "texts.json").write_text(json.dumps([TEXTS, PROMPT]), "utf-8")


def write_encoder(folder: Path) -> Path:
    tokenizer = wordpiece(lowercase=False)
    common = {"vocab_size": 200, "hidden_size": WIDTH, "intermediate_size": 24, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "max_position_embeddings": 40, "pad_token_id": 0}
    if folder.name == "bert":
        model = transformers.BertModel(transformers.BertConfig(**common, **heads))
    else:
        config = transformers.Qwen3Config(**common, **heads, num_key_value_heads=1, head_dim=16)
        model = transformers.Qwen3ForCausalLM(config)
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    written = {"do_lower_case": False, "model_max_length": 24, "pad_token": "[PAD]"}
    written["tokenizer_class"] = "BertTokenizer" if folder.name == "bert" else "PreTrainedTokenizerFast"
    (folder / "tokenizer_config.json").write_text(json.dumps(written), "utf-8")
    return folder


def read(model: SentenceTransformer) -> dict:
    pooling = next(module for module in model if isinstance(module, Pooling))
    modes = pooling.pooling_mode
    return {
        "pooling": [modes] if isinstance(modes, str) else list(modes),
        "include_prompt": pooling.include_prompt,
        "normalize": isinstance(model[-1], Normalize),
        "head": [type(module).__name__ for module in list(model)[2:]],
        "max_seq_length": model.max_seq_length,
        "prompts": model.prompts,
        "default_prompt_name": model.default_prompt_name,
        "similarity": model.similarity_fn_name,
        "truncate_dim": model.truncate_dim,
        "prompt_lengths": {prompt: model[0]._get_prompt_length(prompt) for prompt in [*PROMPTS.values(), PROMPT]},
        "ids": [model.preprocess([text])["input_ids"][0].tolist() for text in TEXTS],
    }


def encode(model: SentenceTransformer) -> dict[str, np.ndarray]:
    vectors = {
        "encode": model.encode(TEXTS),
        "query": model.encode_query(TEXTS),
        "document": model.encode_document(TEXTS),
        "prompt": model.encode(TEXTS, prompt=PROMPT),
    }
    tokens = {
        "tokens": model.encode(TEXTS, output_value="token_embeddings"),
        "prompt-tokens": model.encode(TEXTS, prompt=PROMPT, output_value="token_embeddings"),
    }
    return {
        **vectors,
        "similarity": model.similarity(vectors["encode"], vectors["query"]).numpy(),
        **{name: torch.cat(texts).numpy() for name, texts in tokens.items()},
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
