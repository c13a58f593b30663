"""What older versions, other tools and other hands write into the folder of a pipeline that was saved just now."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from pathlib import Path

FLAGS = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken")


def update(path: Path, **entries: object) -> None:
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**before, **entries}), "utf-8")


def write_flags(folder: Path) -> None:
    flags = {f"pooling_mode_{flag}": flag != "weightedmean_tokens" for flag in FLAGS}
    (folder / "1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 16, **flags}), "utf-8")


def name_dense_as_before(folder: Path) -> None:
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    for module in modules:
        module["type"] = "sentence_transformers.models." + module["type"].rsplit(".", 1)[-1]
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")


def halve(folder: Path) -> None:
    for module, dtype in (("2_Dense", torch.bfloat16), ("3_LayerNorm", torch.float16)):
        path = folder / module / "model.safetensors"
        save_file({name: tensor.to(dtype) for name, tensor in load_file(path).items()}, path)


def move_into_a_folder(folder: Path) -> None:
    at_top = ("modules.json", "config_sentence_transformers.json")
    files = [path for path in folder.iterdir() if path.is_file() and path.name not in at_top]
    (folder / "0_Transformer").mkdir()
    for path in files:
        path.rename(folder / "0_Transformer" / path.name)
    modules = json.loads((folder / "modules.json").read_text("utf-8"))
    modules[0]["path"] = "0_Transformer"
    (folder / "modules.json").write_text(json.dumps(modules), "utf-8")


def use_older_names(folder: Path) -> None:
    name_dense_as_before(folder)
    (folder / "sentence_bert_config.json").unlink()
    update(folder / "sentence_distilbert_config.json", max_seq_length=9, do_lower_case=False)
    update(folder / "config_sentence_transformers.json", prompts={"query": None})


def lower(folder: Path) -> None:
    (folder / "sentence_bert_config.json").write_text(
        json.dumps({"max_seq_length": 30, "do_lower_case": True, "model_args": {"attn_implementation": "eager"}}),
        "utf-8",
    )


def forget_modules(folder: Path) -> None:
    (folder / "modules.json").unlink()
    update(folder / "sentence_bert_config.json", max_seq_length=5)


def be_causal(folder: Path) -> None:
    forget_modules(folder)
    update(folder / "config.json", architectures=["Qwen3ForCausalLM"])


CHANGES = {
    "causal-without-modules": be_causal,
    "dense-first-legacy": name_dense_as_before,
    "flags": write_flags,
    "half-precision": halve,
    "in-a-folder": move_into_a_folder,
    "lowered": lower,
    "matryoshka": lambda folder: update(folder / "config.json", matryoshka_dimensions=[8, 4]),
    "older-names": use_older_names,
    "without-modules": forget_modules,
}
