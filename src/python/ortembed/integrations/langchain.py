"""LangChain's embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortembed.integrations.shared_model import share
from ortembed.manifest import DEFAULT_MODEL

try:
    from langchain_core.embeddings import Embeddings
except ImportError as error:
    raise ImportError(
        f"ortembed.integrations.langchain needs LangChain's core ({error}): pip install langchain-core"
    ) from error

if TYPE_CHECKING:
    import os

    from typing_extensions import Unpack

    from ortembed.embedder import Embedder
    from ortembed.integrations.shared_model import ModelArguments


class OrtembedEmbeddings(Embeddings):
    """Embeds documents and queries, each with the model's prompts for them."""

    def __init__(
        self, model: str | os.PathLike[str] | Embedder = DEFAULT_MODEL, **arguments: Unpack[ModelArguments]
    ) -> None:
        """Load a model, or take an Embedder; arguments as Embedder's, and truncate_dim."""
        self._shared = share(model, **arguments)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed documents."""
        return self._shared.documents(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        """Embed a query."""
        return self._shared.queries(text).tolist()

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed documents without blocking the event loop; cancelling stops it."""
        return (await self._shared.adocuments(texts)).tolist()

    async def aembed_query(self, text: str) -> list[float]:
        """Embed a query in the same way."""
        return (await self._shared.aqueries(text)).tolist()
