"""What the pictures share: the environment that has matplotlib, the style, and the files that are written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.engines.base import Environment
from bench.environments import make_environment, python_of, run_step

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

_ENVIRONMENT = Environment("picture", ("matplotlib==3.11.2",))


def draw_apart(module: str, folder: Path) -> None:
    """Run a module that draws what lies in a folder, in the environment that has matplotlib.

    Raises:
        EngineError: The environment cannot be made, or the drawing fails.
    """
    make_environment(_ENVIRONMENT)
    run_step([str(python_of(_ENVIRONMENT)), "-m", module, str(folder)], {"MPLBACKEND": "Agg"})


def styled_pyplot() -> Any:  # noqa: ANN401 - a module that only that environment has
    """Give matplotlib's pyplot in our style: text as text, and equal input to equal files."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - that environment alone has it

    plt.rcParams.update({"font.size": 10, "svg.hashsalt": "ortembed", "svg.fonttype": "none"})
    return plt


def save(drawing: Figure, folder: Path, stem: str) -> None:
    """Write a drawing as SVG and PNG."""
    for name in (f"{stem}.svg", f"{stem}.png"):
        drawing.savefig(folder / name, dpi=150, facecolor="white", metadata={"Date": None} if "svg" in name else None)
