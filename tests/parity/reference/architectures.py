"""Writes small random models of each family with the hidden states that transformers computes for them.

Usage: architectures.py FOLDER [FAMILY ...]. FOLDER/FAMILY-INDEX gets config.json, the weights as safetensors, and
expected.npz: for batch K ids_K, int64 [tokens], lengths_K, int64 [texts], and hidden_K, float32 [tokens, width].
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from families import FAMILIES, Case


def main(folder: Path, families: list[str]) -> None:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)
    for family in families or FAMILIES:
        for index, case in enumerate(FAMILIES[family]):
            write_case(folder / f"{family}-{index}", family, case, seed=index)


def write_case(folder: Path, family: str, case: Case, seed: int) -> None:
    torch.manual_seed(seed)
    save_random_model(folder, family, case)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    random = np.random.default_rng(seed)
    arrays = {}
    batches = [(batch, side) for side in case.padding_sides for batch in make_batches(model.config, case, random)]
    for index, (batch, side) in enumerate(batches):
        arrays[f"ids_{index}"] = np.concatenate(batch)
        arrays[f"lengths_{index}"] = np.array([len(text) for text in batch])
        arrays[f"hidden_{index}"] = hidden_states(model, batch, side)
    np.savez(folder / "expected.npz", **arrays)


def save_random_model(folder: Path, family: str, case: Case) -> None:
    config = transformers.AutoConfig.for_model(family, **case.config)
    kind = "AutoModel" if case.task == "Model" else f"AutoModel{case.task}"
    model = getattr(transformers, kind).from_config(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            randomize(name, parameter)
    model.to(getattr(torch, case.dtype)).save_pretrained(
        folder, max_shard_size=case.shard_size, save_original_format=not case.own_names
    )
    entries = json.loads((folder / "config.json").read_text("utf-8"))
    kept = {name: value for name, value in entries.items() if name not in case.removed}
    (folder / "config.json").write_text(json.dumps({**kept, **case.added}), "utf-8")


def randomize(name: str, parameter: torch.nn.Parameter) -> None:
    """Give values under which every weight counts: attention far from uniform, no LayerNorm that does nothing.

    Embeddings are small, so that the epsilon of the norm that follows them counts as well.
    """
    parameter.normal_()
    if parameter.ndim == 1:
        parameter.mul_(0.3).add_(1.0 if name.endswith("weight") else 0.0)
    elif "embedding" in name or "embed_" in name:
        parameter.mul_(0.03)
    elif "attention_bias" not in name:
        parameter.mul_(1.5 * parameter.shape[1] ** -0.5)


def make_batches(config: transformers.PreTrainedConfig, case: Case, random: np.random.Generator) -> list[list]:
    """Give batches of texts: each alone, equal and unequal lengths, one much longer than the others."""
    lengths = [1, 2, 7, case.longest // 2, case.longest]
    texts = [random.integers(config.vocab_size, size=length) for length in lengths]
    texts[2][[1, 4]] = config.pad_token_id or 0  # the padding id may be inside a text
    same = [random.integers(config.vocab_size, size=9) for _ in range(3)]
    pairs = [[texts[3], texts[2]], [texts[-1], texts[-1][::-1].copy()]]
    return [*([text] for text in texts), texts, same, *pairs, [*same, texts[-1], texts[0]]]


@torch.no_grad()
def hidden_states(model: transformers.PreTrainedModel, batch: list[np.ndarray], side: str) -> np.ndarray:
    """Give [tokens, width], without the padding."""
    longest = max(len(text) for text in batch)
    ids = np.full((len(batch), longest), model.config.pad_token_id or 0)
    mask = np.zeros_like(ids)
    for row, text in enumerate(batch):
        place = slice(len(text)) if side == "right" else slice(longest - len(text), None)
        ids[row, place], mask[row, place] = text, 1
    output = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask))
    return output.last_hidden_state.numpy()[mask == 1]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
