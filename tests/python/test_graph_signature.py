"""Which inputs of a graph are fed and which output is read, decided from their names, types and shapes."""

import pytest
from _ortembed_testing import read_signature

from ortembed import ModelLoadError

IDS = ("input_ids", "int64", [-1, -1])
MASK = ("attention_mask", "int64", [-1, -1])
TYPES = ("token_type_ids", "int64", [-1, -1])
EMBEDDED = ("hidden", "float32", [-1, -1, 384])
ADDITIVE = ("mask", "float32", [-1, 1, 1, -1])
HIDDEN = ("last_hidden_state", "float32", [-1, -1, 384])
TOKENS = ("token_embeddings", "float32", [-1, -1, 384])
SENTENCE = ("sentence_embedding", "float32", [-1, 384])


@pytest.mark.parametrize("inputs", [[IDS, MASK], [IDS, MASK, TYPES], [TYPES, MASK, IDS], [ADDITIVE, EMBEDDED]])
def test_inputs_are_fed_in_the_order_of_the_graph(inputs):
    assert read_signature(inputs, [HIDDEN])[0] == [name for name, _, _ in inputs]


@pytest.mark.parametrize(
    ("outputs", "chosen", "is_pooled", "dimension"),
    [
        ([HIDDEN], "last_hidden_state", False, 384),
        ([SENTENCE, TOKENS], "token_embeddings", False, 384),
        ([("pooler_output", "float32", [-1, 384]), HIDDEN], "last_hidden_state", False, 384),
        ([SENTENCE], "sentence_embedding", True, 384),
        ([("whatever", "float32", [-1, -1, 8])], "whatever", False, 8),
        ([("whatever", "float32", [-1, 8]), ("ids", "int64", [-1, 8])], "whatever", True, 8),
        ([("last_hidden_state", "float32", [-1, -1, -1])], "last_hidden_state", False, None),
    ],
)
def test_the_output_is_found_by_name_or_shape(outputs, chosen, is_pooled, dimension):
    assert read_signature([IDS, MASK], outputs)[1:4] == (chosen, is_pooled, dimension)


@pytest.mark.parametrize(
    ("inputs", "takes_embeddings", "width"),
    [
        ([IDS, MASK], False, None),
        ([EMBEDDED, ADDITIVE], True, 384),
        ([ADDITIVE, ("hidden", "float32", [-1, -1, -1])], True, None),
    ],
)
def test_a_graph_takes_ids_or_embeddings(inputs, takes_embeddings, width):
    assert read_signature(inputs, [HIDDEN])[4:] == (takes_embeddings, width)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([IDS, MASK, ("pixel_values", "float32", [-1, 3])], [HIDDEN], "unknown input 'pixel_values'"),
        ([MASK], [HIDDEN], "no input 'input_ids'"),
        ([IDS], [HIDDEN], "no input 'attention_mask'"),
        ([("input_ids", "int32", [-1, -1]), MASK], [HIDDEN], "'input_ids' must be int64"),
        ([("input_ids", "int64", [-1]), MASK], [HIDDEN], r"'input_ids' must be int64 of shape \[batch, sequence\]"),
        ([IDS, MASK], [], "none of the graph's outputs"),
        ([IDS, MASK], [("a", "float32", [-1, -1, 8]), ("b", "float32", [-1, -1, 8])], r"outputs \(a, b\)"),
        (
            [IDS, MASK],
            [("a", "float32", [-1, -1, 8]), ("b", "float32", [-1, -1, 8]), ("pooler_output", "float32", [-1, 8])],
            "none of the graph's outputs",
        ),
        ([("input_ids", "int64", [1, -1]), MASK], [HIDDEN], "'input_ids' has a fixed shape"),
        ([EMBEDDED], [HIDDEN], "no input 'mask'"),
        ([ADDITIVE], [HIDDEN], "no input 'hidden'"),
        ([EMBEDDED, ADDITIVE, IDS], [HIDDEN], "takes hidden and mask, and other inputs beside them"),
        ([EMBEDDED, MASK], [HIDDEN], "no input 'mask'"),
        ([EMBEDDED, ("mask", "int64", [-1, -1])], [HIDDEN], r"float32 of shape \[batch, 1, 1, sequence\]"),
        ([EMBEDDED, ("mask", "float32", [-1, 1, -1, -1])], [HIDDEN], r"float32 of shape \[batch, 1, 1, sequence\]"),
        ([EMBEDDED, ("mask", "float32", [-1, 2, 1, -1])], [HIDDEN], r"float32 of shape \[batch, 1, 1, sequence\]"),
        ([EMBEDDED, ("mask", "float32", [-1, 1, 1, 128])], [HIDDEN], "'mask' has a fixed shape"),
        ([("hidden", "float32", [8, -1, 384]), ADDITIVE], [HIDDEN], "'hidden' has a fixed shape"),
        ([("hidden", "float16", [-1, -1, 384]), ADDITIVE], [HIDDEN], "'hidden' must be float32 of shape"),
        ([IDS, MASK], [("last_hidden_state", "float16", [-1, -1, 8])], "must be float32 of rank 3"),
        ([IDS, MASK], [("sentence_embedding", "float32", [-1, -1, 8])], "must be float32 of rank 2"),
    ],
)
def test_what_does_not_fit_is_named(inputs, outputs, message):
    with pytest.raises(ModelLoadError, match=message):
        read_signature(inputs, outputs)
