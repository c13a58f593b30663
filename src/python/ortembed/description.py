"""What the public class tells of its model and of its work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortembed.hub import full_name
from ortembed.prepare import FLOAT32
from ortembed.responses import ModelInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortembed.config import ModelSettings
    from ortembed.load_request import LoadRequest
    from ortembed.loading import Loaded, ProviderReport
    from ortembed.pipeline import Pipeline
    from ortembed.responses import Stats


def arguments_of(request: LoadRequest, loaded: Loaded) -> dict[str, str | int | None]:
    """Give the arguments that decide an Embedder's vectors, as plain values."""
    return {
        "model": full_name(request.name),  # now, since the working folder may change
        "dtype": request.dtype,
        "form": request.form if request.dtype == FLOAT32 else loaded.pipeline.prepared.facts.form,
        "revision": request.revision,
        "max_seq_length": request.max_seq_length,
        "onnx_file": request.onnx_file,
    }


class Description:
    """What an Embedder tells without embedding anything."""

    _model: str
    _arguments: Mapping[str, str | int | None]
    _loaded: Loaded
    _settings: ModelSettings
    _pipeline: Pipeline

    def __repr__(self) -> str:
        """Name the model, its dimension and its longest text."""
        return f"Embedder({self._model!r}, dimension={self.dimension}, max_seq_length={self.max_seq_length})"

    @property
    def dimension(self) -> int:
        """Length of a full vector."""
        return self._pipeline.dimension

    @property
    def max_seq_length(self) -> int:
        """Tokens of the longest text, special tokens included; longer ones are truncated."""
        return self._pipeline.max_seq_length

    @property
    def threads(self) -> int:
        """Cores that it uses."""
        return self._pipeline.threads

    @property
    def pooling(self) -> tuple[str, ...]:
        """How tokens become one vector: "mean", "cls" and so on; several of them are put end to end."""
        return self._settings.pooling

    @property
    def prompts(self) -> dict[str, str]:
        """The model's prompts by name."""
        return dict(self._settings.prompts)

    @property
    def fingerprint(self) -> str:
        """Key of the prepared model: it changes with weights, settings, dtype, form, exporter and runtime.

        Not with the machine, whose instructions change vectors a little: docs/packed.md tells how much.
        """
        return self._pipeline.prepared.folder.name

    @property
    def similarity_fn_name(self) -> str:
        """The model's similarity function: "cosine", "dot", "euclidean" or "manhattan"."""
        return self._settings.similarity

    def config(self) -> dict[str, str | int | None]:
        """Give the arguments that decide its vectors, as plain values that a file or a database can keep.

        ``Embedder(**config)`` gives the same vectors, on another machine too where the model is no folder, as near as
        its arithmetic comes. A revision that was not given is not in it: where no manifest pins the model, give one
        to be sure of the same vectors.
        The form of bfloat16 and int8 is in it, whoever chose it; that of float32, where forms give the same vectors,
        only if it was asked for.
        """
        return dict(self._arguments)

    def model_info(self) -> ModelInfo:
        """Describe the model and what runs it."""
        prepared = self._pipeline.prepared
        return ModelInfo(
            model=self._model,
            dimension=self.dimension,
            max_tokens=self.max_seq_length,
            dtype=prepared.facts.dtype,
            providers=self._loaded.providers,
            runtime_version=self._pipeline.engine.runtime_version,
            form=prepared.facts.form,
            form_reason=prepared.form_reason,
        )

    def provider_report(self) -> ProviderReport:
        """Tell what runs the model and why: self-test, partition of the graph, and what was passed over."""
        return self._loaded.report()

    def stats(self) -> Stats:
        """Give counters of what has been done so far, and the time that each stage took."""
        return self._pipeline.stats()
