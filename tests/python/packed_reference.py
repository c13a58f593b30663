"""What the operators Embed, Layer and Norm give, in float64, text by text."""

from __future__ import annotations

import itertools
from math import erf, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.python.packed_graphs import ATTRIBUTES, WIDTH

if TYPE_CHECKING:
    from tests.python.packed_graphs import Weights


def exactly(weights: Weights, linear: str) -> np.ndarray:
    """What a linear multiplies by."""
    matrix = weights[linear].astype(np.float64)
    matrix = matrix * weights.get(f"{linear}_scale", 1.0) * weights.get(f"{linear}_input_scale", np.ones(1))[:, None]
    if f"{linear}_float_channels" in weights:
        matrix[weights[f"{linear}_float_channels"]] += weights[f"{linear}_float_weight"]
    return matrix


def normed(x: np.ndarray, weight: np.ndarray | None, bias: np.ndarray | None, epsilon: float) -> np.ndarray:
    if weight is None:
        return x
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon) * weight.astype(np.float64)
    return scaled if bias is None else scaled + bias


ACTIVATIONS = {
    "gelu": np.vectorize(lambda x: x * (1 + erf(x / sqrt(2))) / 2, otypes=[float]),
    "gelu_tanh": lambda x: x * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2,
    "relu": lambda x: np.maximum(x, 0),
    "silu": lambda x: x * (1 + np.tanh(x / 2)) / 2,
}


def embed_reference(ids, offsets, weights: Weights, padding_id: int = -1, epsilon: float = 1e-12) -> np.ndarray:
    hidden = (weights["word"].astype(np.float64) * weights.get("word_scale", np.ones(1))[:, None])[ids]
    for start, end in itertools.pairwise(offsets):
        text = np.asarray(ids[start:end])
        counts = np.cumsum(text != padding_id)
        positions = np.arange(len(text)) if padding_id < 0 else np.where(text == padding_id, 0, counts)
        if "position" in weights:
            hidden[start:end] += weights["position"][positions]
    return normed(hidden, weights.get("norm_weight"), weights.get("norm_bias"), epsilon)


def layer_reference(hidden, offsets, weights: Weights, **attributes: Any) -> np.ndarray:
    """One layer for each text by itself."""
    settings = ATTRIBUTES | attributes
    parts = [
        _layer_of_text(np.asarray(hidden[start:end], np.float64), weights, settings)
        for start, end in itertools.pairwise(offsets)
        if end > start
    ]
    return np.concatenate(parts) if parts else np.empty((0, WIDTH))


def _layer_of_text(x, weights, settings):
    def linear(name, values):
        return values @ exactly(weights, name) + weights.get(f"{name}_bias", 0)

    def norm(name, values):
        parts = (weights.get(f"{name}_norm_{part}") for part in ("weight", "bias"))
        return normed(values, *parts, settings["epsilon"])

    def feed_forward(values):
        inner = linear("inner", values)
        plain = 1
        if settings["gated"]:
            inner, plain = np.split(inner, 2, axis=1)
        return linear("outer", ACTIVATIONS[settings["activation"]](inner) * plain)

    def attention(values):
        return linear("attention_output", _attend(linear("query_key_value", values), weights, settings))

    if settings["norms_first"]:
        x = x + attention(norm("attention", x))
        return x + feed_forward(norm("output", x))
    x = norm("attention", x + attention(x))
    return norm("output", x + feed_forward(x))


def _attend(rows, weights, settings):
    heads, tokens = settings["heads"], len(rows)
    query, key, value = (part.reshape(tokens, heads, -1).swapaxes(0, 1) for part in np.split(rows, 3, axis=1))
    if "cosines" in weights:
        query, key = (_turned(part, weights["cosines"][:tokens], weights["sines"][:tokens]) for part in (query, key))
    scores = query @ key.swapaxes(1, 2) / sqrt(query.shape[-1])
    distance = np.arange(tokens)[None, :] - np.arange(tokens)[:, None]
    if "relative_bias" in weights:
        table = weights["relative_bias"]
        scores = scores + table[:, distance + table.shape[1] // 2]
    if settings["reach"] >= 0:
        scores = np.where(np.abs(distance) <= settings["reach"], scores, -np.inf)
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return (powers / powers.sum(-1, keepdims=True) @ value).swapaxes(0, 1).reshape(tokens, -1)


def _turned(x, cosines, sines):
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cosines - second * sines, second * cosines + first * sines], axis=-1)
