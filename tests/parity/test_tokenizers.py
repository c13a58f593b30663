"""Tokenizers against transformers: what the files beside tokenizer.json change, class by class."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from ortembed.config import read_settings
from ortembed.options import choose_max_seq_length
from ortembed.tokenizer import Tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory, run_reference):
    folder = tmp_path_factory.mktemp("tokenizers")
    run_reference("tokenizer_files", folder)
    return folder


@pytest.fixture(scope="module")
def expected(folder):
    return json.loads((folder / "expected.json").read_text("utf-8"))


def load(folder, *, lowercase):
    settings = read_settings({path.name: path for path in folder.iterdir()})
    length = choose_max_seq_length(settings, None)
    tokenizer = replace(settings.tokenizer, lowercase=lowercase)
    return Tokenizer(folder / "tokenizer.json", max_seq_length=length, settings=tokenizer)


def encode(tokenizer, texts):
    tokens = tokenizer.encode(texts)
    return [row.tolist() for row in np.split(tokens.ids, tokens.offsets[1:-1])]


def test_there_are_cases_of_every_class(expected):
    classes = {
        "BertTokenizer",
        "CamembertTokenizer",
        "DistilBertTokenizer",
        "MPNetTokenizer",
        "Qwen2Tokenizer",
        "RobertaTokenizer",
    }
    assert {case["class"] for case in expected.values()} == {*classes, "TokenizersBackend", "XLMRobertaTokenizer"}


def test_ids_are_those_of_transformers(folder, expected):
    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    wrong = []
    for name, case in expected.items():
        ids = encode(load(folder / name, lowercase=case["lowercase"]), texts)
        wrong += [(name, text) for text, ours, theirs in zip(texts, ids, case["ids"], strict=True) if ours != theirs]
    assert wrong == []


def test_ids_become_texts_as_in_transformers(folder, expected):
    wrong = []
    # There transformers leaves special tokens out; ours are found after lowercasing, and become lowercase texts.
    for name in expected.keys() - {"mpnet-without-added"}:
        case = expected[name]
        texts = load(folder / name, lowercase=case["lowercase"]).decode(case["ids"])
        wrong += [(name, ours, theirs) for ours, theirs in zip(texts, case["decoded"], strict=True) if ours != theirs]
    assert wrong == []


def test_prompts_are_as_long_as_sentence_transformers_counts(folder, expected):
    texts = json.loads((folder / "texts.json").read_text("utf-8"))[1:]
    for name, case in expected.items():
        tokenizer = load(folder / name, lowercase=case["lowercase"])
        assert [tokenizer.prompt_length(text) for text in texts] == case["prompt_lengths"], name


def test_the_longest_text_is_that_of_the_files_and_the_positions(folder, expected):
    # Where positions begin after the padding token's, sentence-transformers would go past the last one.
    offset = {"camembert", "roberta", "xlm-roberta", "mpnet"}
    for name, case in expected.items():
        settings = read_settings({path.name: path for path in (folder / name).iterdir()})
        limit = 298 if settings.model_type in offset else 300
        assert settings.max_seq_length == min(case["max_seq_length"], limit), name
