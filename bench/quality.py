"""How near the vectors of bfloat16 and int8 are to float32's, and what the texts beside a text do to its vector.

Run by ``python -m bench.quality [--texts 5000] [--threads N]``, some minutes; writes quality.json and quality.md.
"""

from __future__ import annotations

import argparse
import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import ortembed
from bench.agreement import golden_texts
from bench.corpora.selection import evenly
from bench.corpora.stdlib_docstrings import docstrings
from bench.machine import describe_machine
from bench.model import MODEL
from bench.report import rows_of
from ortembed.cores import choose_threads
from ortembed.quality import cosines, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

ROOT = Path(__file__).resolve().parents[1]
DOCSTRINGS = 5_000
VARIANTS = (("float32", None), ("bfloat16", None), ("int8", None), ("int8", "cpu"))  # dtype, form that is asked for


@dataclass(frozen=True)
class Goal:
    """The least that the vectors of a dtype have to reach on each list of texts."""

    cosine_mean: float
    cosine_min: float = -1.0
    neighbour_overlap: float = 0.0


# Of ortembed's own operators, which also have to give a text the same bits whatever is beside it.
GOALS = {"bfloat16": Goal(0.9999), "int8": Goal(0.999, 0.996, 0.96)}


@dataclass(frozen=True)
class Quality:
    """The vectors of one model over one list of texts.

    Attributes:
        model: dtype and form.
        reason: Why it has that form.
        corpus: What the texts are, and ``texts`` how many.
        cosine_mean: Of the cosines to float32's vectors.
        cosine_min: The least of them, of texts alone and among the others.
        neighbour_overlap: The share of the ten nearest texts by float32's vectors that are so by these.
        spread: The largest 1 - cosine between a text's vectors alone and among the others.
        identical: Of how many texts these two have the same bits.
        goal_met: None where there is no goal.
    """

    model: str
    reason: str
    corpus: str
    texts: int
    cosine_mean: float
    cosine_min: float
    neighbour_overlap: float
    spread: float
    identical: int
    goal_met: bool | None


def main() -> None:
    """Compare, print the table, and write it."""
    parser = argparse.ArgumentParser(prog="bench.quality", description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=DOCSTRINGS, help="docstrings (default %(default)s)")
    parser.add_argument("--threads", type=int, help="of each model (default: the cores that there are)")
    parser.add_argument("--output", type=Path, default=ROOT / "build/bench/results", help="folder of the results")
    options = parser.parse_args()
    warnings.simplefilter("ignore", ortembed.TruncationWarning)  # long docstrings are cut, as they should be
    threads = choose_threads(options.threads)
    found_texts = [docstring.text for docstring in docstrings()]
    corpora = {"golden texts": golden_texts(), "docstrings": evenly(found_texts, options.texts)}
    rows = list(compare(corpora, threads))
    machine = describe_machine(threads)
    text = f"{machine['processor']}, {threads} threads.\n\n{table(rows)}\n\n{reasons(rows)}\n"
    print(text)
    options.output.mkdir(parents=True, exist_ok=True)
    result = {"machine": machine, "rows": [asdict(row) for row in rows]}
    (options.output / "quality.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    (options.output / "quality.md").write_text(text, "utf-8")


def compare(corpora: dict[str, list[str]], threads: int) -> Iterable[Quality]:
    """Compare each of VARIANTS with float32 on each list of texts."""
    reference: dict[str, Floats] = {}
    for dtype, form in VARIANTS:
        embedder = ortembed.Embedder(MODEL, dtype=dtype, form=form, threads=threads)
        for corpus, texts in corpora.items():
            reference.setdefault(corpus, embedder.encode(texts))
            yield quality(embedder, corpus, texts, reference[corpus])


def quality(embedder: ortembed.Embedder, corpus: str, texts: list[str], reference: Floats) -> Quality:
    """Compare a model with the reference's vectors, and with itself, each text alone and among the others."""
    info = embedder.model_info()
    report = measure(reference, embedder, texts)
    together = embedder.encode(texts)
    alone = np.stack([embedder.encode(text) for text in texts])
    identical = (together.view(np.uint32) == alone.view(np.uint32)).all(axis=1)
    goal = GOALS.get(info.dtype) if info.form == "packed" else None
    reaches = goal and all(getattr(report, name) >= least for name, least in asdict(goal).items())
    return Quality(
        model=f"{info.dtype}, {info.form}",
        reason=info.form_reason,
        corpus=corpus,
        texts=len(texts),
        cosine_mean=report.cosine_mean,
        cosine_min=min(report.cosine_min, float(cosines(reference, alone).min())),
        neighbour_overlap=report.neighbour_overlap,
        spread=float(np.maximum(1 - cosines(together, alone), 0).max()),
        identical=int(identical.sum()),
        goal_met=None if goal is None else bool(reaches and identical.all()),
    )


def table(rows: Sequence[Quality]) -> str:
    """Format as a Markdown table."""
    header = ("model", "texts", "mean cosine", "least cosine", "ten nearest", "alone and among others: 1 - cosine",
              "the same bits", "goal")  # fmt: skip
    return rows_of(
        header,
        [
            [
                row.model,
                f"{row.texts} {row.corpus}",
                f"{row.cosine_mean:.5f}",
                f"{row.cosine_min:.5f}",
                f"{row.neighbour_overlap:.3f}",
                f"at most {row.spread:.1e}" if row.identical < row.texts else "0",
                f"{row.identical} of {row.texts}",
                {True: "met", False: "missed", None: ""}[row.goal_met],
            ]
            for row in rows
        ],
    )


def reasons(rows: Iterable[Quality]) -> str:
    """Tell why each model has its form."""
    return "\n".join(dict.fromkeys(f"- {row.model}: {row.reason}" for row in rows))


if __name__ == "__main__":
    main()
