"""A model on CoreML, loaded when it is needed, and tested against the same model on the CPU."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from ortembed import _native
from ortembed.backend import Backend
from ortembed.compiled_cache import CompiledCache
from ortembed.cores import choose_threads
from ortembed.errors import InvalidInputError
from ortembed.hardware import processor, system_build
from ortembed.options import choose_max_seq_length
from ortembed.providers import CoreMLOptions
from ortembed.runtime_library import find_runtime_library
from ortembed.self_test import judge
from ortembed.verdicts import get_or_judge, known_verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ortembed.load_request import LoadRequest
    from ortembed.pipeline import Pipeline
    from ortembed.prepared_model import PreparedModel
    from ortembed.self_test import Verdict

_TEST_VERSION = 2  # raise it when the same machine could give another verdict

# Each shape is compiled with all the weights in it, twice: as it is written, and as the system compiles it.
_COPIES = 2
# What is left to ortembed has to stay modest: of larger graphs, seven shapes take gigabytes. By name, any size goes.
LARGEST_AUTOMATIC_BYTES = 500_000_000


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
        self.on_cpu: Pipeline | None = None
        material = {
            "model": prepared.folder.name,
            "options": dict(self._accelerator.native[1]),
            "runtime": _native.runtime_version(find_runtime_library()),
            "system": system_build(),
            "processor": processor(),
        }
        self._cache = CompiledCache(request.accelerator_cache, material)

    def refusal(self) -> str:
        """Tell why it is not even tried; empty where it is."""
        size = self._prepared.graph.stat().st_size
        if self._request.choice.is_automatic and size > LARGEST_AUTOMATIC_BYTES:
            return (
                f"its graph has {size / 1e6:.0f} MB, and is compiled {len(self._buckets)} times; name it to have it"
            )
        free = shutil.disk_usage(self._prepared.folder).free
        if free >= _COPIES * len(self._buckets) * size:  # mostly; then nobody need look what is there
            return ""
        missing = self._cache.missing(self._buckets)
        needed = _COPIES * missing * size
        if free < needed:
            return f"compiling {missing} shapes takes about {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB free"
        return ""

    def known_verdict(self) -> Verdict | None:
        """Give the verdict of a test that has been made; None where none has."""
        return known_verdict(self._verdict_path())

    def verdict(self) -> tuple[Verdict, bool]:
        """Give the verdict on it, and whether it was made now. What a model that is not kept compiled is deleted."""
        verdict, is_new = get_or_judge(self._verdict_path(), self._judge, again=self._request.test_again)
        if is_new and not verdict.is_kept:
            self._cache.remove(self._buckets)
        return verdict, is_new

    def pipeline(self) -> Pipeline:
        """Give the model on CoreML, with the first of its shapes open.

        Raises:
            ProviderUnavailableError: Not even the first program can be made.
        """
        backend = Backend(
            providers=(self._accelerator.native,),
            buckets=self._buckets,
            open_bucket=self._cache.open_bucket,
            may_use_cpu=self._request.choice.may_use_cpu,
        )
        return self._request.pipeline(self._prepared, backend)

    def _verdict_path(self) -> Path:
        """Give the file of the verdict, named by all that decides how right and how fast CoreML and CPU are."""
        more: dict[str, Any] = {
            "test": _TEST_VERSION,
            "threads": choose_threads(self._request.threads),
            "buckets": self._buckets,
        }
        return self._request.accelerator_cache / f"{self._cache.key(**more)}.verdict.json"

    def _judge(self, start: Callable[[], None]) -> Verdict:
        """Test it. What it loads for the test goes afterwards: every shape is open then, and few will be needed."""
        self._cache.remove_unused()
        self.on_cpu = self._request.pipeline(self._request.prepare())
        start()
        return judge(self.pipeline, self.on_cpu, self._buckets)
