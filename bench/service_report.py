"""The figures of the service as tables in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SATURATION = ("in process, texts/s", "over HTTP, texts/s", "ratio", "p50 ms", "p99 ms", "statuses", "client's cores")
_ONE = ("in process, p50 ms", "over HTTP, p50 ms", "difference ms", "over HTTP, p99 ms")


def tables(results: Mapping[str, Any]) -> str:
    """Give a table of saturation, one of a client alone, and one of overload and memory, with a row a dtype."""
    figures = {dtype: values for dtype, values in results.items() if dtype != "machine"}
    return "\n".join([*_saturation(figures), "", *_one_client(figures), "", *_overload(figures)])


def _saturation(figures: Mapping[str, Any]) -> Iterator[str]:
    yield from _head("64 clients", *_SATURATION)
    for dtype, values in figures.items():
        for load, row in values["saturation"].items():
            yield _row([f"{dtype}, {load}", *(row[name] for name in _SATURATION)])


def _one_client(figures: Mapping[str, Any]) -> Iterator[str]:
    yield from _head("one client, one query", *_ONE)
    for dtype, values in figures.items():
        yield _row([dtype, *(values["one client"][name] for name in _ONE)])


def _overload(figures: Mapping[str, Any]) -> Iterator[str]:
    yield from _head(
        "256 clients, 32 requests at most", "statuses", "resident MB, round by round", "after the loads above"
    )
    for dtype, values in figures.items():
        overload = values["overload"]
        yield _row([dtype, overload["statuses"], overload["resident_mb"], values["resident_mb"]])


def _head(*names: str) -> Iterator[str]:
    yield _row(names)
    yield _row(["---"] * len(names))


def _row(cells: Sequence[object]) -> str:
    return f"| {' | '.join(map(_text, cells))} |"


def _text(cell: object) -> str:
    if isinstance(cell, dict):
        return ", ".join(f"{number} x {status}" for status, number in sorted(cell.items()))
    if isinstance(cell, list):
        return ", ".join(map(str, cell))
    return str(cell)
