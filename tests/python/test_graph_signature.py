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
PACKED = [("ids", "int64", [-1]), ("offsets", "int64", [-1])]
PACKED_HIDDEN = ("last_hidden_state", "float32", [-1, 384])


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
    assert read_signature(inputs, [HIDDEN])[4:] == (takes_embeddings, width, False)


@pytest.mark.parametrize("inputs", [PACKED, PACKED[::-1]])
def test_a_graph_that_takes_packed_texts_gives_a_row_a_token_and_does_not_pool(inputs):
    names = [name for name, _, _ in inputs]
    for outputs in ([PACKED_HIDDEN], [SENTENCE, PACKED_HIDDEN]):
        assert read_signature(inputs, outputs) == (names, "last_hidden_state", False, 384, False, None, True)
    assert read_signature(inputs, [("last_hidden_state", "float32", [-1, -1])])[3] is None


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
        (PACKED[:1], [PACKED_HIDDEN], "no input 'offsets'"),
        (PACKED[1:], [PACKED_HIDDEN], "no input 'ids'"),
        ([*PACKED, IDS, MASK], [HIDDEN], "takes ids and offsets, and other inputs beside them"),
        ([*PACKED, TYPES], [PACKED_HIDDEN], "takes ids and offsets, and other inputs beside them"),
        ([*PACKED, EMBEDDED], [PACKED_HIDDEN], "takes ids and offsets, and other inputs beside them"),
        ([PACKED[0], MASK], [PACKED_HIDDEN], "no input 'offsets'"),
        ([*PACKED, ("pixels", "float32", [-1])], [PACKED_HIDDEN], "unknown input 'pixels'; .* or ids and offsets$"),
        ([("ids", "int32", [-1]), PACKED[1]], [PACKED_HIDDEN], r"'ids' must be int64 of shape \[tokens\]$"),
        ([("ids", "int64", [-1, -1]), PACKED[1]], [PACKED_HIDDEN], "'ids' must be int64 of shape"),
        ([PACKED[0], ("offsets", "float32", [-1])], [PACKED_HIDDEN], r"'offsets' must be int64 of shape \[texts"),
        ([("ids", "int64", [512]), PACKED[1]], [PACKED_HIDDEN], "'ids' has a fixed shape"),
        ([PACKED[0], ("offsets", "int64", [2])], [PACKED_HIDDEN], "'offsets' has a fixed shape"),
        (PACKED, [HIDDEN], "'last_hidden_state' must be float32 of rank 2"),
        (PACKED, [("last_hidden_state", "float16", [-1, 384])], "'last_hidden_state' must be float32 of rank 2"),
        (PACKED, [SENTENCE], r"ids and offsets, and none of its outputs \(sentence_embedding\) is last_hidden_state"),
        ([IDS, MASK], [PACKED_HIDDEN], "'last_hidden_state' must be float32 of rank 3"),
        ([IDS, MASK], [("last_hidden_state", "float16", [-1, -1, 8])], "must be float32 of rank 3"),
        ([IDS, MASK], [("sentence_embedding", "float32", [-1, -1, 8])], "must be float32 of rank 2"),
    ],
)
def test_what_does_not_fit_is_named(inputs, outputs, message):
    with pytest.raises(ModelLoadError, match=message):
        read_signature(inputs, outputs)
