"""How much work texts are for the model: tokens, and floating-point operations of matrix products and attention."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Workload:
    """Sums over texts, without any padding."""

    texts: int
    tokens: int
    matmul_flop: float  # of the linear layers
    attention_flop: float  # of scores and of their products with the values


def workloads(model: Path, texts: Mapping[str, Sequence[str]], max_tokens: int) -> dict[str, Workload]:
    """Measure each list of texts."""
    from tokenizers import Tokenizer  # noqa: PLC0415 - where pictures are drawn, there is none

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.no_padding()
    config = json.loads((model / "config.json").read_text("utf-8"))
    return {
        name: workload([len(encoding.ids) for encoding in tokenizer.encode_batch(list(some))], config)
        for name, some in texts.items()
    }


def workload(lengths: Sequence[int], config: Mapping[str, int]) -> Workload:
    """Give the work for texts of these lengths in tokens, for a BERT of this config.json."""
    width, inner, layers = (config[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    weights = layers * (4 * width * width + 2 * width * inner)
    return Workload(
        len(lengths),
        sum(lengths),
        2.0 * weights * sum(lengths),
        4.0 * width * layers * sum(length * length for length in lengths),
    )
