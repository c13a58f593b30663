"""The picture of a run, drawn with matplotlib in an environment of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.drawing import draw_apart, save, styled_pyplot
from bench.figures import all_figures
from bench.limits import MIXED, QUERY, limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from bench.figures import Figures

_OURS, _PEER, _LIMIT = "#0072b2", "#b8b8b8", "#d55e00"  # distinct without colours too, by lightness and shape
_WIDTH, _ROW, _MARGIN = 13.0, 0.34, 1.5  # inches
_ROOM = 1.18  # of an axis beyond its longest bar, for the number beside that
_NUMBER = 0.12  # of the longest bar, about the width of a number


def draw(folder: Path) -> None:
    """Draw benchmark.svg and benchmark.png from the benchmark.json of a folder.

    Raises:
        EngineError: The environment cannot be made, or the drawing fails.
    """
    draw_apart("bench.picture", folder)


def main() -> None:
    """Draw, in the environment: one panel a figure, one row an engine."""
    folder = Path(sys.argv[1])
    result = json.loads((folder / "benchmark.json").read_text("utf-8"))
    figures = all_figures(result)
    size = _WIDTH, _ROW * len(figures) + _MARGIN
    drawing, panels = styled_pyplot().subplots(1, 3, figsize=size, sharey=True, layout="constrained")
    marks = {row.label: {limit.what: limit.limit for limit in limits(row, result)} for row in figures if row.ours}
    queries = [row.p50_ms for row in figures]
    bars(panels[0], figures, queries, "one query, p50 in ms\n(lower is better)", "{:.2f}", marks_of(marks, QUERY))
    rates = [row.texts_per_s["mixed"] for row in figures]
    corpus = marks_of(marks, MIXED)
    bars(panels[1], figures, rates, "corpus of mixed texts, texts/s\n(higher is better)", "{:.0f}", corpus)
    peaks = [row.peak_mb for row in figures]
    bars(panels[2], figures, peaks, "peak memory of the corpus job in MB\n(lower is better)", "{:.0f}", {})
    drawing.suptitle(title(result), fontsize=10)
    save(drawing, folder, "benchmark")


def marks_of(limits_by_label: Mapping[str, Mapping[str, float]], what: str) -> dict[str, float]:
    """Give one kind of limit by label, of the engines that have it."""
    return {label: found[what] for label, found in limits_by_label.items() if what in found}


def bars(
    axes: Axes,
    figures: Sequence[Figures],
    values: Sequence[float],
    heading: str,
    form: str,
    marks: Mapping[str, float],
) -> None:
    """Draw one panel: its axis starts at zero, each bar has its number, some have a mark at the machine's limit."""
    axes.barh([row.label for row in figures], values, color=[_OURS if row.ours else _PEER for row in figures])
    most = max([*values, *marks.values()])
    for row, value in zip(figures, values, strict=True):
        mark = marks.get(row.label, 0)
        at = mark if 0 < mark - value < _NUMBER * most else value  # the number does not lie on the mark
        axes.annotate(form.format(value), (at, row.label), (4, 0), textcoords="offset points", va="center")
    axes.set_title(heading, fontsize=10)
    axes.set_xlim(0, most * _ROOM)
    if marks:
        style = {"color": _LIMIT, "marker": "|", "markersize": 16, "markeredgewidth": 2.5, "linestyle": "none"}
        axes.plot(list(marks.values()), list(marks), label="the machine's limit", **style)
        axes.legend(loc="lower right", frameon=False, fontsize=9, markerscale=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    for label, row in zip(axes.get_yticklabels(), figures, strict=False):  # a shared axis labels one panel only
        label.set_fontweight("bold" if row.ours else "normal")
    axes.set_ylim(len(figures) - 0.4, -0.6)  # the first on top


def title(result: Mapping[str, Any]) -> str:
    """Name the model, the machine and the date."""
    machine = result["machine"]
    return (
        f"all-MiniLM-L6-v2 on {machine['threads_used']} cores of an {machine['processor']}, {result['date']}; "
        "same texts, vectors checked"
    )


if __name__ == "__main__":
    main()
