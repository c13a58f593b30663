"""Vectors as JSON."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import Response

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

MANY_VALUES = 32_768  # from which on making JSON of them would hold the event loop up for a millisecond and more


def to_json(value: object) -> bytes:
    """Give a value as JSON; float32 arrays as lists of the shortest numbers that are read as the same float32."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def to_base64(vector: Floats) -> str:
    """Give a vector's little-endian float32 values as base64."""
    return base64.b64encode(vector.astype("<f4", copy=False).data).decode("ascii")


def values_of(vectors: Sequence[Floats]) -> int:
    """Count the values of vectors."""
    return sum(vector.size for vector in vectors)


class JsonResponse(Response):
    """An answer that is JSON: bytes as they are, or a value to make JSON of."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - as the base class has it
        """Give the body."""
        return content if isinstance(content, bytes) else to_json(content)
