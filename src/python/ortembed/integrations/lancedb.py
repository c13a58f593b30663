"""LanceDB's embedding function. Import this module before opening a table that was made with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ortembed.integrations.shared_model import SharedModel, share
from ortembed.manifest import DEFAULT_MODEL

try:
    from lancedb.embeddings import TextEmbeddingFunction, register
except ImportError as error:
    raise ImportError(f"ortembed.integrations.lancedb needs LanceDB ({error}): pip install lancedb") from error

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Unpack

    from ortembed.embedder import Embedder
    from ortembed.integrations.shared_model import ModelArguments

    Rows = list[npt.NDArray[np.float32] | None]


@register("ortembed")
class OrtembedEmbeddings(TextEmbeddingFunction):
    """Embeds a table's texts and queries, each with the model's prompts for them.

    Attributes:
        shared: What LanceDB keeps with the table, as arguments of ``create``.
    """

    shared: SharedModel

    @classmethod
    def create(
        cls, model: str | os.PathLike[str] | Embedder = DEFAULT_MODEL, **arguments: Unpack[ModelArguments]
    ) -> OrtembedEmbeddings:
        """Load a model, or take an Embedder; arguments as Embedder's, and truncate_dim."""
        return cls(shared=share(model, **arguments))

    def safe_model_dump(self) -> dict[str, Any]:
        """Give what LanceDB keeps with the table."""
        return self.shared.config()

    def ndims(self) -> int:
        """Give the length of the vectors."""
        return self.shared.dimension

    def generate_embeddings(self, texts: Sequence[str | None]) -> Rows:
        """Embed documents; a null has no vector."""
        rows = iter(self.shared.documents([text for text in texts if text is not None]))
        return [None if text is None else next(rows) for text in texts]

    def compute_query_embeddings(self, query: str) -> Rows:
        """Embed a query."""
        return [self.shared.queries(query)]

    def compute_source_embeddings_with_retry(self, texts: Any) -> Rows:  # noqa: ANN401 - Arrow's arrays among others
        """Embed documents, once: what fails in this process fails again, and LanceDB would wait minutes for it."""
        return self.compute_source_embeddings(texts)

    def compute_query_embeddings_with_retry(self, query: str) -> Rows:
        """Embed a query, once, for the same reason."""
        return self.compute_query_embeddings(query)
