"""What a model is loaded with: the arguments of an Embedder in one value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ortembed.pipeline import Pipeline
from ortembed.prepare import COREML as COREML_FORM
from ortembed.prepare import prepare
from ortembed.prepare.store import default_cache_dir
from ortembed.providers import COREML, CPU, asked_providers, choose_providers
from ortembed.runtime_library import available_providers

if TYPE_CHECKING:
    from collections.abc import Callable

    from ortembed.backend import Backend
    from ortembed.prepared_model import PreparedModel
    from ortembed.providers import ProviderChoice, Providers


def choose_here(providers: Providers) -> ProviderChoice:
    """Join what the caller asked for, or ORTEMBED_PROVIDERS, with what this machine's runtime has.

    Raises:
        InvalidInputError, ProviderUnavailableError, RuntimeLibraryError: As Embedder's.
    """
    return choose_providers(asked_providers(providers), available_providers())


@dataclass(frozen=True)
class LoadRequest:
    """What a model is loaded with; attributes as Embedder's arguments, checked there or where they are used."""

    name: str
    choice: ProviderChoice
    dtype: str = "float32"
    form: str | None = None
    threads: int | None = None
    max_seq_length: int | None = None
    revision: str | None = None
    cache_dir: str | Path | None = None
    local_files_only: bool = False
    onnx_file: str | None = None
    on_truncation: Callable[[int], object] | None = None
    test_again: bool = False

    def prepare(self, provider: str = CPU) -> PreparedModel:
        """Give the prepared model as a provider runs it, by ONNX Runtime's name of it."""
        return prepare(
            self.name,
            revision=self.revision,
            cache_dir=self.cache_dir,
            local_files_only=self.local_files_only,
            dtype=self.dtype,
            form=COREML_FORM if provider == COREML else self.form,
            provider=provider,
            onnx_file=self.onnx_file,
        )

    def pipeline(self, prepared: PreparedModel, backend: Backend | None = None) -> Pipeline:
        """Load a prepared model."""
        return Pipeline(
            prepared,
            threads=self.threads,
            max_seq_length=self.max_seq_length,
            on_truncation=self.on_truncation,
            backend=backend,
        )

    @property
    def accelerator_cache(self) -> Path:
        """The folder of what an accelerator compiled, and of verdicts on it."""
        return (Path(self.cache_dir) if self.cache_dir else default_cache_dir()) / "accelerators"
