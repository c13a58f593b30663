"""A model on CoreML, loaded when it is needed, and tested against the same model on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ortembed import _native
from ortembed.backend import Backend
from ortembed.compiled_cache import CompiledCache
from ortembed.cores import choose_threads
from ortembed.errors import InvalidInputError
from ortembed.options import choose_max_seq_length
from ortembed.providers import CoreMLOptions
from ortembed.runtime_library import find_runtime_library
from ortembed.self_test import judge

if TYPE_CHECKING:
    from pathlib import Path

    from ortembed.load_request import LoadRequest
    from ortembed.pipeline import Pipeline
    from ortembed.prepared_model import PreparedModel
    from ortembed.self_test import Verdict

_VERDICT_VERSION = 1  # of what the self-test does: raise it when the same machine could give another verdict


class CoreMLTrial:
    """One request for CoreML.

    Attributes:
        on_cpu: The model on the CPU, once it has been loaded for the test.
    """

    def __init__(self, request: LoadRequest, prepared: PreparedModel) -> None:
        """Plan the trial of a model that is prepared in CoreML's form.

        Raises:
            InvalidInputError: Texts may be longer than what CoreML gets, and the CPU may not be used.
        """
        self._request = request
        self._prepared = prepared
        (self._accelerator,) = request.choice.accelerators
        options = self._accelerator.coreml or CoreMLOptions()
        longest_text = choose_max_seq_length(prepared.settings, request.max_seq_length)
        if longest_text > options.longest and not request.choice.may_use_cpu:
            raise InvalidInputError(
                f"texts may have {longest_text} tokens, and the longest shape for CoreML has {options.longest}; give "
                f"max_seq_length={options.longest}, longer sequence_lengths in CoreMLOptions, or 'cpu' as well"
            )
        self._buckets = options.buckets(longest_text)
        self._pipeline: Pipeline | None = None
        self.on_cpu: Pipeline | None = None
        runtime = _native.runtime_version(find_runtime_library())
        material = {"model": prepared.folder.name, "options": dict(self._accelerator.native[1]), "runtime": runtime}
        self._cache = CompiledCache(request.accelerator_cache, material)

    @property
    def verdict_path(self) -> Path:
        """The file that keeps the verdict: of all that decides how right and how fast CoreML and CPU are."""
        more: dict[str, Any] = {
            "verdict": _VERDICT_VERSION,
            "threads": choose_threads(self._request.threads),
            "buckets": self._buckets,
        }
        return self._request.accelerator_cache / f"{self._cache.key(**more)}.verdict.json"

    def pipeline(self) -> Pipeline:
        """Give the model on CoreML.

        Raises:
            ProviderUnavailableError: Not even the first program can be made.
        """
        if self._pipeline is None:
            backend = Backend(
                providers=(self._accelerator.native,),
                buckets=self._buckets,
                open_bucket=self._cache.open_bucket,
                may_use_cpu=self._request.choice.may_use_cpu,
            )
            self._pipeline = self._request.pipeline(self._prepared, backend)
        return self._pipeline

    def judge(self) -> Verdict:
        """Test it."""
        self.on_cpu = self._request.pipeline(self._request.prepare("cpu"))
        return judge(self.pipeline, self.on_cpu, self._buckets)
