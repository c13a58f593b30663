"""ONNX graphs of a few nodes, whose hidden states are plain numpy, for tests of the native core."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

TABLE = np.random.default_rng(7).standard_normal((50, 6)).astype(np.float32)


def save(path, nodes, inputs, output, **initializers):
    """Write a graph; inputs and the output are (name, type, shape)."""
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info(*output)],
        [numpy_helper.from_array(array, name) for name, array in initializers.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), path)
    return path


IDS = [(name, TensorProto.INT64, ["batch", "sequence"]) for name in ("input_ids", "attention_mask")]


def save_lookup(path, table=TABLE):
    """Hidden states: the row of the table for each id, plus the number of tokens of its text (padding apart)."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["attention_mask", "sequence_axis"], ["lengths"], keepdims=1),
        helper.make_node("Cast", ["lengths"], ["float_lengths"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float_lengths", "sequence_axis"], ["column"]),
        helper.make_node("Add", ["rows", "column"], ["last_hidden_state"]),
    ]
    output = ("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", table.shape[1]])
    return save(path, nodes, IDS, output, table=table, sequence_axis=np.array([1]))


PACKED = [("ids", TensorProto.INT64, ["tokens"]), ("offsets", TensorProto.INT64, ["texts_and_one"])]


def save_packed_lookup(path, table=TABLE, width=None, nodes=()):
    """The same for packed texts; whose output's declared width and further nodes may be wrong."""
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Slice", ["offsets", "one", "far"], ["ends"]),
        helper.make_node("Slice", ["offsets", "zero", "minus_one"], ["starts"]),
        helper.make_node("Sub", ["ends", "starts"], ["lengths"]),
        # The text of a token is the number of texts that end at or before it.
        helper.make_node("Shape", ["ids"], ["tokens"]),
        helper.make_node("Squeeze", ["tokens"], ["count"]),
        helper.make_node("Range", ["none", "count", "step"], ["places"]),
        helper.make_node("Unsqueeze", ["places", "one"], ["column"]),
        helper.make_node("GreaterOrEqual", ["column", "ends"], ["is_behind"]),
        helper.make_node("Cast", ["is_behind"], ["behind"], to=TensorProto.INT64),
        helper.make_node("ReduceSum", ["behind", "one"], ["texts"], keepdims=0),
        helper.make_node("Gather", ["lengths", "texts"], ["own_lengths"]),
        helper.make_node("Cast", ["own_lengths"], ["float_lengths"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float_lengths", "one"], ["added"]),
        helper.make_node("Add", ["rows", "added"], [nodes[0].input[0] if nodes else "last_hidden_state"]),
        *nodes,
    ]
    numbers = {"one": [1], "zero": [0], "minus_one": [-1], "far": [2**40], "none": 0, "step": 1}
    output = ("last_hidden_state", TensorProto.FLOAT, ["tokens", width or table.shape[1]])
    constants = {name: np.array(value, np.int64) for name, value in numbers.items()}
    return save(path, nodes, PACKED, output, table=table, **constants)


def lookup_states(text, table=TABLE):
    """What that graph gives for one text, in float64."""
    return table[text].astype(np.float64) + len(text)


def save_pooled(path, table=TABLE):
    """One vector a text: the table's row for the first id."""
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("Gather", ["rows", "first"], ["sentence_embedding"], axis=1),
    ]
    output = ("sentence_embedding", TensorProto.FLOAT, ["batch", table.shape[1]])
    return save(path, nodes, IDS, output, table=table, first=np.array(0))


def flatten(texts):
    """Ids and offsets of texts."""
    ids = np.array([i for text in texts for i in text], np.int64)
    return ids, np.cumsum([0] + [len(text) for text in texts], dtype=np.int64)


def save_embedded(path, width=6):
    """For hidden h of a text: h + its mean by attention to every token + its sum over the sequence."""
    nodes = [
        helper.make_node("Squeeze", ["mask", "mask_axes"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=-1),
        helper.make_node("MatMul", ["probabilities", "hidden"], ["context"]),
        helper.make_node("ReduceSum", ["hidden", "sequence_axis"], ["sum"], keepdims=1),
        helper.make_node("Add", ["hidden", "context"], ["attended"]),
        helper.make_node("Add", ["attended", "sum"], ["last_hidden_state"]),
    ]
    inputs = [
        ("hidden", TensorProto.FLOAT, ["batch", "sequence", width]),
        ("mask", TensorProto.FLOAT, ["batch", 1, 1, "sequence"]),
    ]
    output = ("last_hidden_state", TensorProto.FLOAT, ["batch", "sequence", "dimension"])
    return save(path, nodes, inputs, output, mask_axes=np.array([1]), sequence_axis=np.array([1]))
