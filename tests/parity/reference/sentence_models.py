"""Makes a small random model as each manifest's repository would have it, and its vectors by sentence-transformers.

Usage: sentence_models.py FOLDER. FOLDER/manifests.json has, by name, family, pooling, normalize and prompts.
FOLDER/NAME gets the files of the repository; its prompts are in none of them. FOLDER/expected.npz gets NAME/query and
NAME/document, float32 [texts, width], of the texts in FOLDER/texts.json with those prompts.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import tokenizers
import torch
from architectures import save_random_model
from families import FAMILIES
from sentence_transformers import SentenceTransformer

FLAGS = {"cls": "cls_token", "mean": "mean_tokens", "lasttoken": "lasttoken"}


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    manifests = json.loads((folder / "manifests.json").read_text("utf-8"))
    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    prompts = [prompt for manifest in manifests.values() for prompt in manifest["prompts"].values()]
    words = sorted({word for text in texts + prompts for word in re.findall(r"\w+|[^\w\s]+", text)})
    expected, made = {}, {}
    for name, manifest in manifests.items():
        files = (manifest["family"], manifest["pooling"], manifest["normalize"])  # all that they depend on
        if files in made:
            original, model = made[files]
            shutil.copytree(original, folder / name)
        else:
            torch.manual_seed(len(made))
            write_repository(folder / name, manifest, words)
            model = SentenceTransformer(str(folder / name), device="cpu")
            made[files] = folder / name, model
        for kind in ("query", "document"):
            expected[f"{name}/{kind}"] = model.encode(texts, prompt=manifest["prompts"].get(kind, ""))
    np.savez(folder / "expected.npz", **expected)


def write_repository(folder: Path, manifest: dict, words: list[str]) -> None:
    case = FAMILIES[manifest["family"]][0]
    save_random_model(folder, manifest["family"], case)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    write_tokenizer(folder, words, padding_id=config.get("pad_token_id") or 0)
    width = config.get("hidden_size") or config["dim"]
    chain = [("Transformer", ""), ("Pooling", "1_Pooling"), *[("Normalize", "2_Normalize")] * manifest["normalize"]]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (kind, path) in enumerate(chain)
    ]
    write(folder / "modules.json", modules)
    flags = {f"pooling_mode_{flag}": mode == manifest["pooling"] for mode, flag in FLAGS.items()}
    write(folder / "1_Pooling/config.json", {"word_embedding_dimension": width, **flags})
    write(folder / "sentence_bert_config.json", {"max_seq_length": 32, "do_lower_case": False})


def write_tokenizer(folder: Path, words: list[str], padding_id: int) -> None:
    entries = ["[UNK]", "[CLS]", "[SEP]", *words]
    entries.insert(padding_id, "[PAD]")
    ids = {entry: index for index, entry in enumerate(entries)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(ids, unk_token="[UNK]"))  # noqa: S106
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    specials = [(token, ids[token]) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing("[CLS] $A [SEP]", special_tokens=specials)
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]"])
    tokenizer.save(str(folder / "tokenizer.json"))
    tokens = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 32, **tokens}
    write(folder / "tokenizer_config.json", settings)


def write(path: Path, value: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
