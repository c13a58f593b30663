"""What ortembed's own operators compute, by their definition and in float64: a reader of packed graphs."""

from __future__ import annotations

from itertools import pairwise
from math import erf

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_ERF = np.vectorize(erf, otypes=[np.float64])
ACTIVATIONS = {
    "gelu": lambda x: 0.5 * x * (1 + _ERF(x / np.sqrt(2))),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x / (1 + np.exp(-x)),
}


class PackedReference:
    """A packed graph, read from its file. Weights are taken for what they stand for; activations are not rounded."""

    def __init__(self, path):
        self.model = onnx.load(path)
        self.weights = {tensor.name: tensor_values(tensor) for tensor in self.model.graph.initializer}

    def __call__(self, ids, offsets):
        """Give the hidden states [tokens, width] of ids, int64 [tokens], with the texts at offsets."""
        values = {"": None, **self.weights, "ids": np.asarray(ids), "offsets": np.asarray(offsets)}
        for node in self.model.graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            inputs = [values[name] for name in node.input]
            values[node.output[0]] = OPERATORS[node.domain, node.op_type](*inputs, **attributes)
        return values[self.model.graph.output[0].name]


def tensor_values(tensor):
    """Give an initializer as float64, bfloat16 too; int8 codes are wanted as what they are."""
    if tensor.data_type != TensorProto.BFLOAT16:
        return numpy_helper.to_array(tensor).astype(np.float64)
    bits = np.frombuffer(tensor.raw_data, np.uint16).astype(np.uint32) << 16
    return bits.view(np.float32).reshape(tensor.dims).astype(np.float64)


def embed(ids, offsets, word, word_scale=None, position=None, weight=None, bias=None, *, epsilon, padding_id):
    hidden = word[ids]
    if word_scale is not None:
        hidden *= word_scale[ids][:, None]
    for start, end in pairwise(offsets):
        tokens = ids[start:end]
        numbers = np.arange(end - start)
        if padding_id >= 0:
            numbers = np.cumsum(tokens != padding_id) * (tokens != padding_id)
        if position is not None:
            hidden[start:end] += position[numbers]
    return norm(hidden, weight, bias, epsilon=epsilon)


def norm(hidden, weight=None, bias=None, *, epsilon):
    if weight is None:
        return hidden
    centred = hidden - hidden.mean(-1, keepdims=True)
    scaled = centred / np.sqrt(hidden.var(-1, keepdims=True) + epsilon) * weight
    return scaled if bias is None else scaled + bias


def linear(x, weight, scale, bias, input_scale):
    product = (x if input_scale is None else x * input_scale) @ weight
    if scale is not None:
        product *= scale
    return product if bias is None else product + bias


def layer(hidden, offsets, *inputs, activation, gated, norms_first, epsilon, **attention):
    inputs = [*inputs, *[None] * (23 - len(inputs))]
    first, second, third, fourth = (inputs[i : i + 4] for i in (0, 4, 8, 12))
    norms, tables = [inputs[16:18], inputs[18:20]], inputs[20:]

    def attend(x):
        return linear(context(linear(x, *first), offsets, *tables, **attention), *second)

    def feed(x):
        inner = linear(x, *third)
        activated, plain = np.split(inner, 2, axis=1) if gated else (inner, 1)
        return linear(ACTIVATIONS[activation.decode()](activated) * plain, *fourth)

    for part, weights in zip((attend, feed), norms, strict=True):
        if norms_first:
            hidden = hidden + part(norm(hidden, *weights, epsilon=epsilon))
        else:
            hidden = norm(hidden + part(hidden), *weights, epsilon=epsilon)
    return hidden


def context(projected, offsets, relative_bias=None, cosines=None, sines=None, *, heads, head_width, reach):
    parts = np.split(projected, 3, axis=1)
    result = np.empty_like(parts[0])
    for start, end in pairwise(offsets):
        tokens = end - start
        query, key, value = (part[start:end].reshape(tokens, heads, head_width).swapaxes(0, 1) for part in parts)
        if cosines is not None:
            query, key = (rotate(part, cosines[:tokens], sines[:tokens]) for part in (query, key))
        scores = query @ key.swapaxes(1, 2) / np.sqrt(head_width)
        distance = np.arange(tokens)[None, :] - np.arange(tokens)[:, None]
        if relative_bias is not None:
            scores += relative_bias[:, distance + relative_bias.shape[1] // 2]
        if reach >= 0:
            scores[:, np.abs(distance) > reach] = -np.inf
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        result[start:end] = (weights @ value).swapaxes(0, 1).reshape(tokens, -1)
    return result


def rotate(x, cosines, sines):
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cosines - second * sines, second * cosines + first * sines], axis=-1)


OPERATORS = {
    ("ortembed", "Embed"): embed,
    ("ortembed", "Layer"): layer,
    ("ortembed", "Norm"): norm,
    ("", "Identity"): lambda value: value,
}
