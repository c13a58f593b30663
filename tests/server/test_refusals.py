"""Inputs and options that do not fit: status and body, in the form that each API's clients read."""

from __future__ import annotations

import pytest

from tests.server.asking import SECRET, check

OPENAI, TEI = "/v1/embeddings", ["/embed", "/embed_all", "/"]
EMPTY = ["", [], ["hello", ""], [[]], [[2], []]]
WRONG = [
    None,
    True,
    5,
    1.5,
    {SECRET: SECRET},
    [None],
    [True],
    [1.0],
    [SECRET, 1],
    [1, SECRET],
    [[SECRET]],
    [[[2]]],
    [[2], SECRET],
    [SECRET, [2]],
    [-1],
    [2**31],
    [2**63],
    [-(2**63) - 1],
    [[10**30]],
]
# What the model itself has not: it has ten ids, and reads 32 of them.
TOO_MUCH = [[10], [[2], [3, 10]], [2] * 33, [[2, 3], [2] * 33], f"{SECRET} " * 40, ["hello", f"{SECRET} " * 40]]
OPTIONS = [
    ("dimensions", [0, -1, 9, True, 1.0, "8", 10**30]),
    ("prompt_name", [SECRET[:4], "", 5, True]),
    ("model", [5, ["tiny"]]),
]
OPENAI_OPTIONS = [*OPTIONS, ("encoding_format", ["int8", "", None, 5]), ("user", [5])]
EMBED_OPTIONS = [*OPTIONS, ("normalize", ["yes", 1, None])]
TEI_OPTIONS = [("truncate", ["yes", 1, 0.0]), ("truncation_direction", ["up", "LEFT", 5]), *OPTIONS[1:]]


def rows(options):
    return [(name, value) for name, values in options for value in values]


@pytest.mark.parametrize("value", EMPTY, ids=str)
def test_nothing_to_embed(ask_several, value):
    for path in TEI:
        assert "cannot be empty" in check(ask_several.post(path, json={"inputs": value}), 400, "Empty")
    answer = ask_several.post(OPENAI, json={"input": value})
    check(answer, 400, "invalid_request_error", param="input")


def test_which_text_is_empty_is_told(ask_several):
    message = check(ask_several.post("/embed", json={"inputs": ["hello", "cat", ""]}), 400, "Empty")
    assert "number 2" in message


@pytest.mark.parametrize("value", WRONG, ids=str)
def test_not_texts_nor_ids(ask_several, value):
    for path in TEI:
        message = check(ask_several.post(path, json={"inputs": value}), 422, "Validation")
        assert "a text, a list of texts, a list of token ids" in message
    answer = ask_several.post(OPENAI, json={"input": value})
    check(answer, 400, "invalid_request_error", param="input")


@pytest.mark.parametrize("value", TOO_MUCH, ids=lambda value: str(value)[:30])
@pytest.mark.parametrize("truncate", [None, False])
def test_more_than_the_model_reads(ask_several, value, truncate):
    for path in TEI:
        check(ask_several.post(path, json={"inputs": value, "truncate": truncate}), 422, "Validation")
    answer = ask_several.post(OPENAI, json={"input": value})
    is_text = SECRET in str(value)
    check(answer, 400, "invalid_request_error", code="context_length_exceeded" if is_text else None)


def test_ids_are_never_cut(ask_several):
    message = check(ask_several.post("/embed", json={"inputs": [2] * 33, "truncate": True}), 422, "Validation")
    assert "33 ids" in message


@pytest.mark.parametrize(("name", "value"), rows(OPENAI_OPTIONS), ids=str)
def test_openai_options(ask_several, name, value):
    answer = ask_several.post(OPENAI, json={"input": "hello", name: value})
    message = check(answer, 400, "invalid_request_error")
    assert name.split("_")[0] in message


@pytest.mark.parametrize(("name", "value"), rows(EMBED_OPTIONS), ids=str)
def test_embed_options(ask_several, name, value):
    for path in ("/embed", "/"):
        message = check(ask_several.post(path, json={"inputs": "hello", name: value}), 422, "Validation")
        assert name.split("_")[0] in message


@pytest.mark.parametrize(("name", "value"), rows(TEI_OPTIONS), ids=str)
def test_truncation_options(ask_several, name, value):
    comparison = {"source_sentence": "hello", "sentences": ["cat"]}
    own = {"model": value} if name == "model" else {"parameters": {name: value}}
    for path, body in [
        ("/embed", {"inputs": "hello", name: value}),
        ("/embed_all", {"inputs": "hello", name: value}),
        ("/similarity", {"inputs": comparison, **own}),
    ]:
        message = check(ask_several.post(path, json=body), 422, "Validation")
        assert name.split("_")[0] in message


def test_a_prompt_is_not_put_before_ids(ask_several):
    for path in ("/embed", "/embed_all"):
        answer = ask_several.post(path, json={"inputs": [[2, 4, 3]], "prompt_name": "query"})
        assert "goes with texts" in check(answer, 422, "Validation")
    answer = ask_several.post(OPENAI, json={"input": [2, 4, 3], "prompt_name": "query"})
    check(answer, 400, "invalid_request_error", param="prompt_name")


@pytest.mark.parametrize(
    ("inputs", "status", "kind", "part"),
    [
        ({"source_sentence": "", "sentences": ["a"]}, 400, "Empty", "source_sentence"),
        ({"source_sentence": "a", "sentences": []}, 400, "Empty", "sentences"),
        ({"source_sentence": "a", "sentences": ["b", ""]}, 400, "Empty", "number 1"),
        ({"source_sentence": 5, "sentences": ["b"]}, 422, "Validation", "inputs.source_sentence"),
        ({"source_sentence": "a", "sentences": SECRET}, 422, "Validation", "inputs.sentences"),
        ({"source_sentence": "a", "sentences": [SECRET, 5]}, 422, "Validation", "inputs.sentences.1"),
        ({"source_sentence": SECRET}, 422, "Validation", "inputs.sentences is missing"),
        ({"source_sentence": "a", "sentences": ["hello"] * 2049}, 422, "Validation", "batch size 2049"),
        ({"source_sentence": f"{SECRET} " * 40, "sentences": ["hello"]}, 422, "Validation", "32 tokens"),
        (SECRET, 422, "Validation", "inputs"),
        (None, 422, "Validation", "inputs"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_similarity(ask_several, inputs, status, kind, part):
    assert part in check(ask_several.post("/similarity", json={"inputs": inputs}), status, kind)


@pytest.mark.parametrize(
    ("path", "body", "status", "kind", "part"),
    [
        ("/tokenize", {"inputs": ""}, 400, "Empty", "inputs"),
        ("/tokenize", {"inputs": []}, 400, "Empty", "inputs"),
        ("/tokenize", {"inputs": [2]}, 422, "Validation", "not a text, or a list of texts"),
        ("/tokenize", {"inputs": SECRET, "add_special_tokens": 1}, 422, "Validation", "add_special_tokens"),
        ("/tokenize", {"inputs": SECRET, "prompt_name": "nope"}, 422, "Validation", "prompt"),
        ("/tokenize", {"inputs": ["hello"] * 2049}, 422, "Validation", "batch size 2049"),
        ("/tokenize", {}, 422, "Validation", "inputs is missing"),
        ("/decode", {"ids": []}, 400, "Empty", "ids"),
        ("/decode", {"ids": [[2], []]}, 400, "Empty", "number 1"),
        ("/decode", {"ids": SECRET}, 422, "Validation", "token ids"),
        ("/decode", {"ids": 5}, 422, "Validation", "token ids"),
        ("/decode", {"ids": [-1]}, 422, "Validation", "token ids"),
        ("/decode", {"ids": [2**31]}, 422, "Validation", "token ids"),
        ("/decode", {"ids": [True]}, 422, "Validation", "token ids"),
        ("/decode", {"ids": [2], "skip_special_tokens": "no"}, 422, "Validation", "skip_special_tokens"),
        ("/decode", {"ids": [[2]] * 2049}, 422, "Validation", "batch size 2049"),
        ("/decode", {}, 422, "Validation", "ids is missing"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_tokenize_and_decode(ask_several, path, body, status, kind, part):
    assert part in check(ask_several.post(path, json=body), status, kind)
