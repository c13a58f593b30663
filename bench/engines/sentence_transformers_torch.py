"""sentence-transformers on torch, its default backend; the other backends build on this one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from bench.engines.base import Engine, Environment, Setup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

BATCH_SIZE = 32  # the library's default; it sorts by length before it batches


class Competitor(Engine):
    """SentenceTransformer on the CPU with torch's own threads."""

    name = "sentence-transformers-torch"
    label = "sentence-transformers, torch"
    dtype = "float32"
    environment = Environment(
        "sentence-transformers-torch", ("torch==2.13.0", "transformers==5.23.0 sentence-transformers==6.2.0")
    )
    packages = ("sentence-transformers", "transformers", "torch")
    settings = "encode(batch_size=32), torch.set_num_threads"
    backend: ClassVar[str] = "torch"

    def import_library(self) -> None:
        """Import the package."""
        import sentence_transformers  # noqa: PLC0415

        self._package = sentence_transformers

    def load(self, setup: Setup) -> None:
        """Load the model from a folder with the backend's options."""
        import torch  # noqa: PLC0415 - it is imported already

        torch.set_num_threads(setup.threads)
        self._model = self._package.SentenceTransformer(
            str(self.folder(setup)), device="cpu", backend=self.backend, model_kwargs=dict(self.options(setup))
        )
        self._model.max_seq_length = setup.max_tokens

    def encode(self, texts: Sequence[str]) -> npt.NDArray[Any]:
        """Encode a list."""
        return self._model.encode(list(texts), batch_size=BATCH_SIZE, show_progress_bar=False)

    def encode_one(self, text: str) -> npt.NDArray[Any]:
        """Encode one text."""
        return self._model.encode(text, show_progress_bar=False)

    def folder(self, setup: Setup) -> str:
        """Give the folder that the model is loaded from."""
        return str(setup.model)

    def options(self, setup: Setup) -> Mapping[str, Any]:
        """Give the backend's options."""
        del setup
        return {}
