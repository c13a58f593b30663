"""The picture of a run, drawn with matplotlib in an environment of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.drawing import draw_apart, save, styled_pyplot
from bench.figures import all_figures

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

    from bench.figures import Figures

_OURS, _PEER = "#0072b2", "#b8b8b8"  # distinct without colours too, by lightness
_WIDTH, _ROW, _MARGIN = 13.0, 0.34, 1.5  # inches
_ROOM = 1.18  # of an axis beyond its longest bar, for the number beside that


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
    bars(panels[0], figures, [row.p50_ms for row in figures], "one query, p50 in ms\n(lower is better)", "{:.1f}")
    rates = [row.texts_per_s["mixed"] for row in figures]
    bars(panels[1], figures, rates, "corpus of mixed texts, texts/s\n(higher is better)", "{:.0f}")
    peaks = [row.peak_mb for row in figures]
    bars(panels[2], figures, peaks, "peak memory of the corpus job in MB\n(lower is better)", "{:.0f}")
    drawing.suptitle(title(result), fontsize=10)
    save(drawing, folder, "benchmark")


def bars(axes: Axes, figures: Sequence[Figures], values: Sequence[float], heading: str, form: str) -> None:
    """Draw one panel; its axis starts at zero, and each bar has its number."""
    drawn = axes.barh([row.label for row in figures], values, color=[_OURS if row.ours else _PEER for row in figures])
    axes.bar_label(drawn, labels=[form.format(value) for value in values], padding=3)
    axes.set_title(heading, fontsize=10)
    axes.set_xlim(0, max(values) * _ROOM)
    axes.spines[["top", "right"]].set_visible(False)
    for label, row in zip(axes.get_yticklabels(), figures, strict=False):  # a shared axis labels one panel only
        label.set_fontweight("bold" if row.ours else "normal")
    if not axes.yaxis_inverted():  # the panels share the axis
        axes.invert_yaxis()


def title(result: Mapping[str, Any]) -> str:
    """Name the model, the machine and the date."""
    machine = result["machine"]
    return (
        f"all-MiniLM-L6-v2 on {machine['threads_used']} cores of an {machine['processor']}, {result['date']}; "
        "same texts, vectors checked"
    )


if __name__ == "__main__":
    main()
