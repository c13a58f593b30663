"""The table of a run in Markdown, as the README shows it, and the summary of goals and limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.figures import Figures, all_figures
from bench.limits import limits
from bench.roofline import describe, read_peaks
from bench.targets import Target, targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEADER = (
    "engine", "import + load + first (s)", "query p50 / p95 / p99 (ms)", "short", "mixed", "long (texts/s)",
    "CPU (ms/text)", "peak RSS (MB)", "cosine min / mean",
)  # fmt: skip
_IDLE = 0.02  # cores, of an engine that is idle
_DIGITS, _MORE_DIGITS = 3, 5  # of a figure, and of one that is near 1
_NEAR_ONE = 0.98
_EXACT = 0.99999  # cosines above are shown as 1


def markdown(result: Mapping[str, Any]) -> str:
    """Give the whole report."""
    figures = all_figures(result)
    parts = [
        heading(result),
        table(figures),
        left_out(result),
        settings(result),
        idle_note(figures),
        limit_table(result),
        goal_table(result),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def heading(result: Mapping[str, Any]) -> str:
    """Say on what machine, with what texts and by which command."""
    machine, texts = result["machine"], result["texts"]
    corpora = ", ".join(
        f"{load['texts']} {name} ({load['tokens'] / load['texts']:.0f} tokens on average)"
        for name, load in texts.items()
    )
    features = ", ".join(machine["instructions"]) or "no special instructions"
    return (
        f"{machine['processor']} ({features}), {machine['threads_used']} of {machine['cores']} cores, "
        f"{machine['memory_gb']} GB, {machine['system']}, {result['date']}: `{result['command']}`. "
        f"Texts: {corpora}; truncated at {result['max_tokens']} tokens."
    )


def table(figures: Sequence[Figures]) -> str:
    """Give the table of engines; ours are in bold."""
    return rows_of(_HEADER, [_row(row) for row in figures])


def _row(row: Figures) -> list[str]:
    rates = row.texts_per_s
    cells = [
        row.label,
        f"{row.ready_s:.2f}",
        f"{row.p50_ms:.2f} / {row.p95_ms:.2f} / {row.p99_ms:.2f}",
        *(f"{rates[name]:.0f}" for name in ("short", "mixed", "long")),
        f"{row.cpu_ms_per_text:.1f}",
        f"{row.peak_mb:.0f}",
        f"{cosine(row.min_cosine)} / {cosine(row.mean_cosine)}",
    ]
    return [f"**{cell}**" for cell in cells] if row.ours else cells


def cosine(value: float) -> str:
    """Write a cosine with as many digits as tell something."""
    return "1" if value > _EXACT else f"{value:.4f}"


def left_out(result: Mapping[str, Any]) -> str:
    """Name the engines that took no part, each with its reason."""
    failed = [record for record in result["engines"] if record["failure"]]
    lines = [f"- {record['label']}: {record['failure'].splitlines()[0]}" for record in failed]
    return "\n".join(["Not measured:", "", *lines]) if lines else ""


def settings(result: Mapping[str, Any]) -> str:
    """Tell each engine's versions and settings, and the golden texts that it was not compared with."""
    lines = []
    for record in result["engines"]:
        if record["failure"]:
            continue
        versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
        told = [versions, record["settings"], record["remark"]]
        lines.append(f"- {record['label']}: {'; '.join(part for part in told if part)}")
        if reasons := record["agreement"]["left_out"].values():
            lines[-1] += (
                f". Not compared: {len(reasons)} golden texts that it tokenizes otherwise ({'; '.join(reasons)})"
            )
    return "\n".join(lines)


def idle_note(figures: Sequence[Figures]) -> str:
    """Name the engines that use CPU time while nobody asks them anything."""
    busy = [f"{row.label} ({row.idle_cores:.2f})" for row in figures if row.idle_cores > _IDLE]
    if not busy:
        return ""
    return (
        "Every process is stopped while others are measured. Left running, these keep cores busy for a while after a "
        f"query: {', '.join(busy)} (cores, in the half second after it)."
    )


def limit_table(result: Mapping[str, Any]) -> str:
    """Set our figures beside the machine's limits."""
    if not result["roofline"]:
        return ""
    found = [
        [row.label, limit.what, *map(limit.in_words, (limit.reached, limit.limit)), f"{limit.fraction:.0%}"]
        for row in all_figures(result)
        if row.ours
        for limit in limits(row, result)
    ]
    shown = rows_of(("engine", "job", "reached", "limit", "part of it"), found)
    return f"The machine's limits, measured in the same run:\n\n{describe(read_peaks(result['roofline']))}\n\n{shown}"


def goal_table(result: Mapping[str, Any]) -> str:
    """Give each goal of the project with what was reached."""
    found = [
        [target.what, _wanted(target), _reached(target), _verdict(target)]
        for target in targets(all_figures(result), result)
    ]
    return rows_of(("goal", "wanted", "reached", "met"), found) if found else ""


def _wanted(target: Target) -> str:
    return f"{target.bound} {target.value} {target.unit}".strip()


def _reached(target: Target) -> str:
    digits = _DIGITS if target.reached < _NEAR_ONE or target.reached >= 1 else _MORE_DIGITS
    return "" if target.met is None else f"{target.reached:.{digits}g} {target.unit}".strip()


def _verdict(target: Target) -> str:
    return {True: "yes", False: "no", None: "not measured"}[target.met]


def rows_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table in Markdown, its columns aligned so that it reads in a terminal too."""
    widths = [max(len(cells[i]) for cells in [header, *rows]) for i in range(len(header))]
    ruled = ["-" * width for width in widths]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
        for cells in [header, ruled, *rows]
    )
