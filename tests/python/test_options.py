"""The caller's options joined with a model's settings."""

from dataclasses import replace

import numpy as np
import pytest

from ortembed import InvalidInputError
from ortembed.config import ModelSettings
from ortembed.options import (
    check_offsets,
    choose_dimension,
    choose_max_seq_length,
    choose_normalize,
    choose_prompt,
    first_known,
)

PLAIN = ModelSettings(model_type="bert", vocab_size=100, max_positions=512, max_seq_length=256)
PROMPTED = replace(PLAIN, prompts={"query": "q: ", "passage": "p: ", "sts": "s: "}, default_prompt_name="sts")


@pytest.mark.parametrize(
    ("prompt", "name", "chosen"),
    [(None, None, "s: "), (None, "query", "q: "), ("own ", "query", "own "), ("", None, ""), (None, "document", "")],
)
def test_the_prompt_is_the_words_given_then_the_name_then_the_default(prompt, name, chosen):
    assert choose_prompt(PROMPTED, prompt=prompt, prompt_name=name) == chosen


def test_a_model_without_prompts_has_none():
    assert choose_prompt(PLAIN, prompt=None, prompt_name=None) == ""
    assert choose_prompt(PLAIN, prompt=None, prompt_name="query") == ""


@pytest.mark.parametrize(
    ("prompt", "name", "message"),
    [
        (None, "other", "no prompt named 'other'; it has passage, query, sts"),
        (None, 3, "no prompt named 3"),
        (3, None, "prompt is int, not str"),
        ("\ud800", None, "prompt has an unpaired surrogate"),
    ],
)
def test_a_prompt_that_cannot_be_is_named(prompt, name, message):
    with pytest.raises(InvalidInputError, match=message):
        choose_prompt(PROMPTED, prompt=prompt, prompt_name=name)


def test_queries_and_documents_never_get_the_default_prompt():
    only_default = replace(PROMPTED, prompts={"sts": "s: "})
    for names in (("query",), ("document", "passage", "corpus")):
        assert choose_prompt(only_default, prompt=None, prompt_name=first_known(only_default.prompts, names)) == ""
    assert first_known(PROMPTED.prompts, ("document", "passage", "corpus")) == "passage"


@pytest.mark.parametrize(("model_dim", "asked", "chosen"), [(None, None, 8), (4, None, 4), (4, 6, 6), (9, None, 8)])
def test_the_dimension_is_the_one_asked_for_else_the_models(model_dim, asked, chosen):
    assert choose_dimension(8, asked, replace(PLAIN, truncate_dim=model_dim)) == chosen


@pytest.mark.parametrize("asked", [0, 9, True, 1.5])
def test_a_dimension_out_of_range_is_named(asked):
    with pytest.raises(InvalidInputError, match="truncate_dim is .*, not an int from 1 to 8"):
        choose_dimension(8, asked, PLAIN)


def test_the_longest_text_is_limited_by_the_weights():
    assert (choose_max_seq_length(PLAIN, None), choose_max_seq_length(PLAIN, 512)) == (256, 512)
    with pytest.raises(InvalidInputError, match="max_seq_length is 513, not an int from 1 to 512"):
        choose_max_seq_length(PLAIN, 513)


def test_normalization_follows_the_model_unless_asked():
    normalized = replace(PLAIN, normalize=True)
    assert [choose_normalize(s, asked) for s in (PLAIN, normalized) for asked in (None, True, False)] == [
        False,
        True,
        False,
        True,
        True,
        False,
    ]
    with pytest.raises(InvalidInputError, match="normalize_embeddings is 'yes', not a bool"):
        choose_normalize(PLAIN, "yes")


@pytest.mark.parametrize("offsets", [[0, 1], np.zeros((1, 1), np.int64), np.zeros(0, np.int64)])
def test_offsets_that_are_no_row_of_numbers_are_refused(offsets):
    with pytest.raises(InvalidInputError, match="offsets must be a 1-dimensional numpy array"):
        check_offsets(np.zeros(3, np.int32), offsets)


def test_more_rows_than_ids_are_refused():
    with pytest.raises(InvalidInputError, match="offsets has 4 rows for 3 ids"):
        check_offsets(np.zeros(3, np.int32), np.zeros(5, np.int64))
