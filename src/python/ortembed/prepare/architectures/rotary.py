"""Reading the entries of config.json about rotary positions, in transformers' older and newer spellings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ortembed.errors import ModelLoadError
from ortembed.prepare.architectures.config import ConfigReader

if TYPE_CHECKING:
    from collections.abc import Mapping

LAYER_TYPES = ("full_attention", "sliding_attention")


def read_theta(reader: ConfigReader, *keys: str, default: float) -> float:
    """Give the base of the frequencies where all layers share one.

    Newer files have rope_parameters; older ones rope_scaling and, under one of these keys, the base.
    """
    reader.require({"partial_rotary_factor": 1.0})
    what = "rope_scaling" if reader.get("rope_scaling") else "rope_parameters"
    return _theta(reader.get(what), what, reader.number(*keys, default=default))


def read_thetas(reader: ConfigReader, defaults: Mapping[str, float]) -> dict[str, float]:
    """Give the base of the frequencies for each of LAYER_TYPES, which rope_parameters may have apart."""
    reader.require({"rope_scaling": None, "partial_rotary_factor": 1.0})
    entries = reader.get("rope_parameters") or {}
    if not isinstance(entries, dict) or not set(entries) <= set(LAYER_TYPES):
        raise ModelLoadError(
            f"config.json: rope_parameters is {entries!r}, not an object of {' and '.join(LAYER_TYPES)}"
        )
    return {kind: _theta(entries.get(kind), f"rope_parameters.{kind}", defaults[kind]) for kind in LAYER_TYPES}


def read_layer_types(reader: ConfigReader, otherwise: list[str]) -> list[str]:
    """Give layer_types, one of LAYER_TYPES for each layer; where there is none, what other entries mean."""
    types = reader.get("layer_types")
    if types is None:
        return otherwise
    layers = len(otherwise)
    if not isinstance(types, list) or len(types) != layers or not all(kind in LAYER_TYPES for kind in types):
        names = " or ".join(LAYER_TYPES)
        raise ModelLoadError(f"config.json: layer_types is {types!r:.80}, not {names} for each of {layers} layers")
    return types


def _theta(entry: Any, what: str, default: float) -> float:  # noqa: ANN401 - from a file
    if entry is None:
        return default
    if not isinstance(entry, dict):
        raise ModelLoadError(f"config.json: {what} is {entry!r}, not an object")
    kind = entry.get("rope_type", entry.get("type", "default"))
    if kind != "default":
        raise ModelLoadError(f"config.json: {what} has rope_type {kind!r}; the exporter does only 'default'")
    reader = ConfigReader(entry)
    reader.require({"partial_rotary_factor": 1.0})
    return reader.number("rope_theta", default=default)
