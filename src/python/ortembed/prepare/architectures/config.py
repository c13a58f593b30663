"""Reading the entries of config.json that shape a graph, each checked where it is read."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_fast": "gelu_tanh",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}


# Beyond any model's vocabulary, length or depth: bounds the tables and lists that are made from a number in a file.
_LARGEST = 1 << 20


class ConfigReader:
    """A parsed config.json. Every method raises ModelLoadError naming the entry that does not fit.

    A key may be given with older names after it, of which the first that is there counts.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Wrap the parsed object."""
        self._config = config

    def integer(self, *keys: str, default: int | None = None, least: int = 1, most: int = _LARGEST) -> int:
        """Give an integer within bounds, a positive one unless told otherwise."""
        value = self._first(keys, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            kind = "a positive integer" if least == 1 else f"an integer of at least {least}"
            raise ModelLoadError(f"config.json: {keys[0]} is {value!r}, not {kind}")
        if value > most:
            raise ModelLoadError(f"config.json: {keys[0]} is {value}; more than {most} is not supported")
        return value

    def number(self, *keys: str, default: float | None = None) -> float:
        """Give a positive finite number."""
        value = self._first(keys, default)
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < math.inf:
            raise ModelLoadError(f"config.json: {keys[0]} is {value!r}, not a positive number")
        return float(value)

    def flag(self, *keys: str, default: bool) -> bool:
        """Give a boolean."""
        value = self._first(keys, default)
        if not isinstance(value, bool):
            raise ModelLoadError(f"config.json: {keys[0]} is {value!r}, neither true nor false")
        return value

    def get(self, key: str) -> Any:  # noqa: ANN401 - the shape is the caller's to check
        """Give an entry as it is, None when it is not there."""
        return self._config.get(key)

    def activation(self, *keys: str, default: str) -> str:
        """Give an activation by the name that Blocks.activation takes."""
        value = self._first(keys, default)
        if not isinstance(value, str) or value not in _ACTIVATIONS:
            raise ModelLoadError(f"config.json: {keys[0]} is {value!r}; supported are {', '.join(_ACTIVATIONS)}")
        return _ACTIVATIONS[value]

    def heads(self, width: int, heads: int, names: tuple[str, str] = ("hidden_size", "num_attention_heads")) -> int:
        """Give the width of one head."""
        if width % heads:
            raise ModelLoadError(f"config.json: {names[0]} {width} is no multiple of {names[1]} {heads}")
        return width // heads

    def require(self, supported: Mapping[str, Any]) -> None:
        """Refuse switches that are set to something else than the one value that is supported.

        Entries that are missing or null are as the value says.
        """
        for key, value in supported.items():
            given = self._config.get(key)
            if given is not None and given != value:
                does = "does not do that" if value is None else f"does only {value!r}"
                raise ModelLoadError(f"config.json: {key} is {repr(given)[:80]}; the exporter {does}")

    def refuse_own_code(self, known: str | None = None) -> None:
        """Refuse a model whose vectors come from code in its own repository instead of the published encoder.

        Args:
            known: The end of the name of the one class of such code that the exporter does.
        """
        own = self._config.get("auto_map")
        name = own.get("AutoModel") if isinstance(own, dict) else None
        if name is not None and not (known and str(name).endswith(known)):
            raise ModelLoadError(
                f"config.json: auto_map says that the model has code of its own ({name}), which is never run"
            )

    def _first(self, keys: tuple[str, ...], default: object) -> Any:  # noqa: ANN401
        return next((self._config[key] for key in keys if self._config.get(key) is not None), default)
