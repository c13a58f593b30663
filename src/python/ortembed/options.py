"""The caller's options, checked and joined with the model's own settings: each a plain value, decided here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from ortembed.config import PROMPTS_OF_ALL_MODELS
from ortembed.errors import InvalidInputError
from ortembed.tokenizer import check_unicode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from ortembed.config import ModelSettings


# Names of prompts, the first that a model has being taken.
QUERY = ("query",)
DOCUMENT = ("document", "passage", "corpus")


class RecipeOptions(TypedDict, total=False):
    """What every way to encode takes beside texts and prompt_name."""

    prompt: str | None
    normalize_embeddings: bool | None
    truncate_dim: int | None
    precision: str
    ranges: npt.ArrayLike | None


class EncodeOptions(RecipeOptions, total=False):
    """What encode, encode_query, encode_document and their like take beside texts and prompt_name."""

    show_progress_bar: bool | None
    out: npt.NDArray[Any] | None


def check_known(method: str, options: Mapping[str, object]) -> None:
    """Raise TypeError, as Python does, for what is none of the options of every way to encode."""
    unknown = options.keys() - RecipeOptions.__annotations__.keys()
    if unknown:
        raise TypeError(f"Embedder.{method}() got an unexpected keyword argument {min(unknown)!r}")


def check_offsets(ids: object, offsets: object) -> None:
    """Check as much of the pre-encoded interface's arrays as decides the size of the result.

    The core checks the rest. Without this, a few bytes of offsets that repeat themselves could ask for terabytes.
    """
    if not isinstance(offsets, np.ndarray) or offsets.ndim != 1 or offsets.size == 0:
        raise InvalidInputError("offsets must be a 1-dimensional numpy array of one value more than there are rows")
    if isinstance(ids, np.ndarray) and offsets.size - 1 > ids.size:
        raise InvalidInputError(f"offsets has {offsets.size - 1} rows for {ids.size} ids; no row may be empty")


def choose_max_seq_length(settings: ModelSettings, asked: int | None) -> int:
    """Give the length asked for, else the model's own; the weights set the upper limit."""
    if asked is None:
        return settings.max_seq_length
    check_int("max_seq_length", asked, settings.max_positions)
    return asked


def choose_dimension(dimension: int, truncate_dim: int | None, settings: ModelSettings) -> int:
    """Give the length of the vectors to return: the one asked for, else the one that the model's own files set."""
    if truncate_dim is None:
        return dimension if settings.truncate_dim is None else min(dimension, settings.truncate_dim)
    check_int("truncate_dim", truncate_dim, dimension)
    return truncate_dim


def choose_normalize(settings: ModelSettings, asked: object) -> bool:
    """Give whether to scale vectors to norm 1."""
    if asked is None:
        return settings.normalize
    return check_flag("normalize_embeddings", asked)


def choose_prompt(settings: ModelSettings, *, prompt: str | None, prompt_name: str | None) -> str:
    """Give the prompt, empty for none: the words given, else the name given, else the model's default.

    Every model knows the names "query" and "document", as in sentence-transformers; it may have no words for them.
    """
    if prompt is not None:
        return check_words("prompt", prompt)
    name = prompt_name if prompt_name is not None else settings.default_prompt_name
    if name is None:
        return ""
    if isinstance(name, str) and name in PROMPTS_OF_ALL_MODELS:
        return settings.prompts.get(name, "")
    if not isinstance(name, str) or name not in settings.prompts:
        known = ", ".join(sorted(settings.prompts)) or "none"
        raise InvalidInputError(f"the model has no prompt named {name!r}; it has {known}")
    return settings.prompts[name]


def first_known(prompts: Mapping[str, str], names: Sequence[str]) -> str:
    """Give the first of the names that are among a model's prompts, else the first.

    Never the model's default prompt: as in sentence-transformers, a query without a prompt of its own has none.
    """
    return next((name for name in names if name in prompts), names[0])


def check_flag(name: str, value: object) -> bool:
    """Refuse what is not a bool."""
    if not isinstance(value, bool):
        raise InvalidInputError(f"{name} is {value!r}, not a bool")
    return value


def check_words(name: str, value: object) -> str:
    """Refuse what is not a str of valid Unicode."""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name} is {type(value).__name__}, not str")
    check_unicode(value, name)
    return value


def check_int(name: str, value: object, maximum: int, minimum: int = 1) -> None:
    """Refuse what is not an int from the minimum to the maximum."""
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise InvalidInputError(f"{name} is {value!r}, not an int from {minimum} to {maximum}")
