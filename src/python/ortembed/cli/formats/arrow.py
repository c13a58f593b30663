"""pyarrow, which Parquet files need, and which is imported only for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from types import ModuleType

    Table = Any  # pyarrow has no types of its own
    Schema = Any


class Arrow(NamedTuple):
    """The modules of pyarrow that are used."""

    base: ModuleType
    compute: ModuleType
    parquet: ModuleType


def arrow(label: str) -> Arrow:
    """Give pyarrow, to read or write the file so named.

    Raises:
        InvalidInputError: It is not installed.
    """
    try:
        import pyarrow as pa  # noqa: PLC0415 - an optional dependency
        from pyarrow import compute, parquet  # noqa: PLC0415
    except ImportError as error:
        raise InvalidInputError(
            f"{label} needs pyarrow, which cannot be imported ({error}); run: pip install 'ortembed[parquet]'"
        ) from error
    return Arrow(pa, compute, parquet)
