"""A client's options, checked in its own process as Embedder checks them, and put as a request has them."""

from __future__ import annotations

from ortembed.bridge.requests import INPUT_TYPES
from ortembed.errors import InvalidInputError
from ortembed.options import check_flag, check_words


def to_fields(
    *,
    input_type: object,
    prompt_name: object,
    prompt: object,
    normalize_embeddings: object,
    truncate_dim: object,
) -> dict[str, object]:
    """Give the fields of a request; what only the model can tell is left to the bridge.

    Raises:
        InvalidInputError: An option is of another type than Embedder takes, or no option at all.
    """
    if input_type is not None and input_type not in INPUT_TYPES:
        raise InvalidInputError(f"input_type is {input_type!r}, none of {', '.join(INPUT_TYPES)}")
    for name, text in (("prompt_name", prompt_name), ("prompt", prompt)):
        if text is not None:
            check_words(name, text)
    if normalize_embeddings is not None:
        check_flag("normalize_embeddings", normalize_embeddings)
    if truncate_dim is not None and not _is_count(truncate_dim):
        raise InvalidInputError(f"truncate_dim is {truncate_dim!r}, not an int from 1 on")
    return {
        "input_type": input_type,
        "prompt_name": prompt_name,
        "prompt": prompt,
        "normalize": normalize_embeddings,
        "truncate_dim": truncate_dim,
    }


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
