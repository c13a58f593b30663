"""A graph of fused operators compared with plain ones, on this machine and runtime, before it is trusted.

Both are made from the same weights; what differs is all that the fused operators do, and where embeddings are
looked up. A kernel that is wrong on this machine, or in this version of the runtime, is found here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ortembed.errors import InferenceError, ModelLoadError
from ortembed.pipeline import Pipeline

if TYPE_CHECKING:
    import numpy.typing as npt

    from ortembed.prepared_model import PreparedModel

# Two ways to compute in float32 differ by up to about 1e-5 of the largest value; a mistake by far more.
_TOLERANCE = 1e-3
_LONGEST = 256  # tokens; more would take long with a large model
# Models that take more tokens than this may attend to long texts by other operators: these see one that is longer.
_SHORT_MODEL = 512
_LONGEST_OF_LONG = 640
_TEXTS = (
    "A short text.",
    "Where is the nearest railway station, and when does the last train leave?",
    "def median(values): return sorted(values)[len(values) // 2]",
    "Die Straße ist lang. 道は長い。 Дорога длинная. الطريق طويل",
    "one two three four five six seven eight nine ten " * 12,
)
_LONG_TEXT = "Ten little boats went out to sea, nine came home again. " * 60


def check_agreement(prepared: PreparedModel, other: PreparedModel) -> float:
    """Compare the vectors of some texts; give the largest difference over the largest value.

    Raises:
        ModelLoadError: They differ by more than float32 arithmetic explains, or are not finite.
    """
    ours, reference = _vectors(prepared), _vectors(other)
    difference = float(np.abs(ours - reference).max() / max(np.abs(reference).max(), 1e-12))
    if not difference <= _TOLERANCE:
        raise ModelLoadError(
            f"the graph in {prepared.folder} gives vectors that differ from the same weights in other operators by "
            f"{difference:.1e} of the largest value: a fault of this ONNX Runtime on this machine, or of ortembed. "
            "Try another version of onnxruntime"
        )
    return difference


def _vectors(prepared: PreparedModel) -> npt.NDArray[np.float32]:
    most = prepared.settings.max_seq_length
    is_long = most > _SHORT_MODEL
    pipeline = Pipeline(prepared, max_seq_length=min(most, _LONGEST_OF_LONG if is_long else _LONGEST))
    alone = [_TEXTS[:1], [_LONG_TEXT]] if is_long else [_TEXTS[:1]]
    try:
        return np.concatenate([pipeline.raw(texts) for texts in (_TEXTS, *alone)])
    except InferenceError as error:
        raise ModelLoadError(f"the model cannot embed a few plain texts: {error}") from error
