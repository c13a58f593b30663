"""The verdict on a graph: how far its vectors are from another's, and whether that is near enough."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ortembed.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_MOST_NEIGHBOURS = 10
_MOST_ALONE = 200  # texts that are encoded one at a time, spread over all
_ROWS_AT_ONCE = 1024  # of the matrix of similarities


class Encoder(Protocol):
    """What is compared."""

    def encode(self, texts: list[str], /) -> Floats:
        """Give vectors, float32 [n, dimension], of any norm."""
        ...


@dataclass(frozen=True)
class QualityReport:
    """How a candidate's vectors compare with the reference's.

    Attributes:
        cosine_min: The cosine to the reference's vector, of the worst text, alone or among the others.
        cosine_mean: The same, mean over texts.
        neighbour_overlap: For each text, the share of its ten nearest others (or all, where there are fewer) by the
            reference's vectors that are among as many nearest by the candidate's; mean over texts.
        batch_effect: The largest 1 - cosine between a candidate's vectors of a text alone and among the others.
        texts: How many texts were compared.
    """

    cosine_min: float
    cosine_mean: float
    neighbour_overlap: float
    batch_effect: float
    texts: int

    def to_json(self) -> str:
        """Write as JSON."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> QualityReport:
        """Read what to_json wrote.

        Raises:
            ModelLoadError: It is something else.
        """
        try:
            entries = json.loads(text)
            return cls(
                **{field.name: float(entries.pop(field.name)) for field in fields(cls) if field.name != "texts"},
                texts=int(entries["texts"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelLoadError(f"not a quality report: {error!r}; prepare the model again") from error


@dataclass(frozen=True)
class Floor:
    """The least that a candidate has to reach."""

    cosine_min: float
    cosine_mean: float


INT8_FLOOR = Floor(cosine_min=0.98, cosine_mean=0.993)


def measure(reference: Encoder, candidate: Encoder, texts: Sequence[str]) -> QualityReport:
    """Compare two encoders on at least one text."""
    expected = _unit(reference.encode(list(texts)))
    together = _unit(candidate.encode(list(texts)))
    chosen = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), _MOST_ALONE)).astype(int))
    alone = np.concatenate([_unit(candidate.encode([texts[index]])) for index in chosen])
    cosines = _cosines(expected, together)
    cosines_alone = _cosines(expected[chosen], alone)
    cosines[chosen] = np.minimum(cosines[chosen], cosines_alone)
    return QualityReport(
        cosine_min=float(cosines.min()),
        cosine_mean=float(cosines.mean()),
        neighbour_overlap=_overlap(expected, together),
        batch_effect=float(np.maximum(1 - _cosines(together[chosen], alone), 0).max()),
        texts=len(texts),
    )


def check(report: QualityReport, floor: Floor) -> None:
    """Refuse a candidate that is below its floor.

    Raises:
        ModelLoadError: It is, with the figures.
    """
    # Written so that a cosine that is no number is refused too.
    if report.cosine_min >= floor.cosine_min and report.cosine_mean >= floor.cosine_mean:
        return
    raise ModelLoadError(
        f"the graph's vectors are too far from float32's: cosine {report.cosine_min:.4f} at least and "
        f"{report.cosine_mean:.4f} on average over {report.texts} texts, where {floor.cosine_min} and "
        f"{floor.cosine_mean} are asked (neighbour overlap {report.neighbour_overlap:.3f}); use dtype='float32'"
    )


def _unit(vectors: Floats) -> npt.NDArray[np.float64]:
    rows = vectors.astype(np.float64)
    unit: npt.NDArray[np.float64] = rows / np.maximum(
        np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny
    )
    return unit


def _cosines(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    cosines: npt.NDArray[np.float64] = (a * b).sum(axis=1)
    return cosines


def _overlap(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> float:
    count = min(_MOST_NEIGHBOURS, len(a) - 1)
    if count == 0:
        return 1.0
    shared = 0
    for start in range(0, len(a), _ROWS_AT_ONCE):
        rows = slice(start, start + _ROWS_AT_ONCE)
        pairs = zip(_neighbours(a, rows, count), _neighbours(b, rows, count), strict=True)
        shared += sum(len(np.intersect1d(left, right)) for left, right in pairs)
    return shared / (count * len(a))


def _neighbours(vectors: npt.NDArray[np.float64], rows: slice, count: int) -> npt.NDArray[np.intp]:
    """Give each row's nearest others; equals in order of their index."""
    scores = vectors[rows] @ vectors.T
    own = np.arange(len(vectors))[rows]
    scores[np.arange(len(own)), own] = -np.inf
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]
