"""How far a model's vectors are from reference ones, and whether that is near enough."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ortembed.errors import InvalidInputError, ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

_MOST_NEIGHBOURS = 10
_MOST_ALONE = 200  # texts that are encoded one at a time, spread over all
_COUNTS = ("texts", "worst_text")
_ROWS_AT_ONCE = 1024  # of the matrix of similarities


class Encoder(Protocol):
    """What is compared."""

    def encode(self, texts: list[str], /) -> Floats:
        """Give vectors, float32 [n, dimension], of any norm."""
        ...


@dataclass(frozen=True)
class Floor:
    """The least that a candidate has to reach."""

    cosine_min: float
    cosine_mean: float


@dataclass(frozen=True)
class QualityReport:
    """How a candidate's vectors compare with the reference's.

    Attributes:
        cosine_min: The cosine to the reference's vector, of the worst text, alone or among the others.
        cosine_mean: The same, mean over texts.
        max_difference: The largest difference of any value between vectors scaled to norm 1.
        neighbour_overlap: For each text, the share of its ten nearest others (or all, where there are fewer) by the
            reference's vectors that are among as many nearest by the candidate's; mean over texts.
        batch_effect: The largest 1 - cosine between a candidate's vectors of a text alone and among the others.
        texts: How many texts were compared.
        worst_text: The index of the text that cosine_min is of.
    """

    cosine_min: float
    cosine_mean: float
    max_difference: float
    neighbour_overlap: float
    batch_effect: float
    texts: int
    worst_text: int

    def to_json(self) -> str:
        """Write as JSON."""
        return json.dumps(asdict(self), indent=2)

    def reaches(self, floor: Floor) -> bool:
        """Tell whether the cosines are at least the floor's; one that is no number is not."""
        return self.cosine_min >= floor.cosine_min and self.cosine_mean >= floor.cosine_mean

    def shortfall(self, floor: Floor) -> str:
        """Say that a floor is missed, with the figures."""
        return (
            f"cosine {self.cosine_min:.4f} at least and {self.cosine_mean:.4f} on average over {self.texts} texts, "
            f"where {floor.cosine_min:g} and {floor.cosine_mean:g} are asked"
        )

    @classmethod
    def from_json(cls, text: str) -> QualityReport:
        """Read what to_json wrote.

        Raises:
            ModelLoadError: It is something else.
        """
        try:
            entries = json.loads(text)
            values: dict[str, Any] = {
                f.name: (int if f.name in _COUNTS else float)(entries[f.name]) for f in fields(cls)
            }
            return cls(**values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelLoadError(f"not a quality report: {error!r}; prepare the model again") from error


# What bfloat16 and int8 are held to, and what float32 differs by among machines and operators.
FLOORS = {
    "float32": Floor(cosine_min=0.9999, cosine_mean=0.9999),
    "bfloat16": Floor(cosine_min=0.999, cosine_mean=0.9999),
    "int8": Floor(cosine_min=0.98, cosine_mean=0.993),
}


def measure(reference: Floats, candidate: Encoder, texts: Sequence[str]) -> QualityReport:
    """Compare an encoder with the reference's vectors of at least one text, float32 [texts, dimension].

    Raises:
        InvalidInputError: The encoder's vectors have another dimension.
    """
    expected = _unit(reference)
    together = _unit(candidate.encode(list(texts)))
    if together.shape != expected.shape:
        raise InvalidInputError(
            f"the vectors are {list(together.shape)}, those to compare with {list(expected.shape)}"
        )
    chosen = np.unique(np.linspace(0, len(texts) - 1, min(len(texts), _MOST_ALONE)).astype(int))
    alone = np.concatenate([_unit(candidate.encode([texts[index]])) for index in chosen])
    least = _cosines(expected, together)
    least[chosen] = np.minimum(least[chosen], _cosines(expected[chosen], alone))
    return QualityReport(
        cosine_min=float(least.min()),
        cosine_mean=float(least.mean()),
        max_difference=float(np.abs(together - expected).max()),
        neighbour_overlap=_overlap(expected, together),
        batch_effect=float(np.maximum(1 - _cosines(together[chosen], alone), 0).max()),
        texts=len(texts),
        worst_text=int(least.argmin()),
    )


def cosines(a: Floats, b: Floats) -> npt.NDArray[np.float64]:
    """Give the cosine of each pair of rows, [n, d] and [n, d]: float64 [n]; 0 for zeros, NaN where a value is."""
    return _cosines(_unit(a), _unit(b))


def _unit(vectors: Floats) -> npt.NDArray[np.float64]:
    rows = vectors.astype(np.float64)
    unit: npt.NDArray[np.float64] = rows / np.maximum(
        np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float32).tiny
    )
    return unit


def _cosines(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    products: npt.NDArray[np.float64] = (a * b).sum(axis=1)
    return products


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
