"""Writes the files of tokenizer_cases and the ids that sentence-transformers' Transformer module gives for them.

Usage: tokenizer_files.py FOLDER. FOLDER/CASE gets the files, FOLDER/texts.json the texts, and FOLDER/expected.json
by case "ids", a list for each text; "decoded", the texts of those ids; "prompt_lengths", of each text but the first
as a prompt; "max_seq_length"; "class", the one that transformers chose; and "lowercase", the module's do_lower_case.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import transformers
from sentence_transformers.base.modules import Transformer
from tokenizer_cases import CASES, TEXTS, Case

TINY = {
    "hidden_size": 8,
    "dim": 8,
    "hidden_dim": 8,
    "num_hidden_layers": 1,
    "n_layers": 1,
    "num_attention_heads": 2,
    "n_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 8,
    "max_position_embeddings": 300,
    "layer_types": None,
}


def main(folder: Path) -> None:
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    models = {model_type: tiny_model(model_type) for model_type in sorted({c.model_type for c in CASES.values()})}
    expected = {name: write_case(folder / name, case, models[case.model_type]) for name, case in CASES.items()}
    (folder / "expected.json").write_text(json.dumps(expected), "utf-8")
    (folder / "texts.json").write_text(json.dumps(TEXTS), "utf-8")


def tiny_model(model_type: str) -> transformers.PreTrainedModel:
    known = transformers.AutoConfig.for_model(model_type).to_dict()
    small = {key: value for key, value in TINY.items() if key in known}
    config = transformers.AutoConfig.for_model(model_type, vocab_size=1000, pad_token_id=1, **small)
    return transformers.AutoModel.from_config(config)


def write_case(folder: Path, case: Case, model: transformers.PreTrainedModel) -> dict[str, list]:
    model.save_pretrained(folder)
    case.tokenizer.save(str(folder / "tokenizer.json"))
    files = {"tokenizer_config.json": case.tokenizer_config, **case.other_files}
    for name, content in files.items():
        path = folder / name
        if content is not None:
            before = json.loads(path.read_text("utf-8")) if path.exists() else {}
            path.write_text(json.dumps({**before, **content}), "utf-8")
    module = Transformer(str(folder), do_lower_case=case.lowercase)
    ids = [module.preprocess([text])["input_ids"][0].tolist() for text in TEXTS]
    return {
        "ids": ids,
        "decoded": [module.tokenizer.decode(row, skip_special_tokens=True) for row in ids],
        "prompt_lengths": [module._get_prompt_length(text) for text in TEXTS[1:]],
        "max_seq_length": module.max_seq_length,
        "lowercase": case.lowercase,
        "class": type(module.tokenizer).__name__,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
