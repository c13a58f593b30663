"""The picture of the scaling curves: one panel a curve, on logarithmic axes, with the fitted power law."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.drawing import draw_apart, save, styled_pyplot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

FILE = "scaling.json"
_COLORS, _MARKERS = ("#0072b2", "#d55e00", "#009e73"), "os^"  # distinct without colours too, by marker
_COLUMNS = 3
_PANEL = 4.2, 3.4  # inches
_LEAST_RANGE = 10.0  # of an axis with times or rates


def draw(folder: Path) -> None:
    """Draw scaling.svg and scaling.png from the scaling.json of a folder.

    Raises:
        EngineError: The environment cannot be made, or the drawing fails.
    """
    draw_apart("bench.scaling_picture", folder)


def main() -> None:
    """Draw, in the environment that has matplotlib."""
    folder = Path(sys.argv[1])
    result = json.loads((folder / FILE).read_text("utf-8"))
    names = list(dict.fromkeys(curve["name"] for curve in result["curves"]))
    rows = -(-len(names) // _COLUMNS)
    size = _PANEL[0] * _COLUMNS, _PANEL[1] * rows
    drawing, panels = styled_pyplot().subplots(rows, _COLUMNS, figsize=size, squeeze=False, layout="constrained")
    for axes, name in zip(panels.flat, names, strict=False):
        panel(axes, name, [curve for curve in result["curves"] if curve["name"] == name])
    for axes in list(panels.flat)[len(names) :]:
        axes.axis("off")
    machine = result["machine"]
    drawing.suptitle(f"all-MiniLM-L6-v2 on {machine['threads_used']} cores of an {machine['processor']}", fontsize=10)
    save(drawing, folder, "scaling")


def panel(axes: Axes, name: str, curves: Sequence[Mapping[str, Any]]) -> None:
    """Draw the curves of one name, one a dtype."""
    for curve, color, marker in zip(curves, _COLORS, _MARKERS, strict=False):
        x, fit = curve["x"], curve["fit"]
        label = curve["dtype"]
        if fit:
            label += f", exponent {fit['exponent']:.2f}"
            axes.plot(x, [fit["factor"] * n ** fit["exponent"] for n in x], color=color, linewidth=1, linestyle=":")
        axes.plot(x, curve["y"], color=color, marker=marker, linestyle="none" if fit else "-", label=label)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < _LEAST_RANGE * low:  # noise would look like a trend
        middle = (low * high) ** 0.5
        axes.set_ylim(middle / _LEAST_RANGE**0.5, middle * _LEAST_RANGE**0.5)
    axes.set_xticks(curves[0]["x"], [str(n) for n in curves[0]["x"]], fontsize=8)
    axes.set_title(name, fontsize=10)
    axes.set_xlabel(curves[0]["x_name"])
    axes.set_ylabel(curves[0]["y_name"])
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)


if __name__ == "__main__":
    main()
