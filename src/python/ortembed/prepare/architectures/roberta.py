"""RoBERTa (Liu et al. 2019, arXiv:1907.11692), XLM-RoBERTa and CamemBERT: BERT with positions counted otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError
from ortembed.prepare.architectures import bert
from ortembed.prepare.architectures.config import ConfigReader

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortembed.prepare.architectures.post_norm import Shape

PREFIXES = ("roberta.",)

build = bert.build


def read_config(config: Mapping[str, Any]) -> Shape:
    """Check a parsed config.json; ModelLoadError names what is missing or not supported."""
    shape = bert.read_config(config)
    padding_id = ConfigReader(config).integer("pad_token_id", default=1, least=0)
    if padding_id + 1 >= shape.positions:
        raise ModelLoadError(
            f"config.json: pad_token_id {padding_id} leaves none of {shape.positions} max_position_embeddings"
        )
    return replace(shape, padding_id=padding_id)
