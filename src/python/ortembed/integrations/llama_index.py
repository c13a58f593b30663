"""LlamaIndex's embedding model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ortembed.integrations.shared_model import DEFAULT_MODEL, ModelArguments, SharedModel, share

try:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.bridge.pydantic import PrivateAttr
except ImportError as error:
    raise ImportError(
        f"ortembed.integrations.llama_index needs LlamaIndex's core ({error}): pip install llama-index-core"
    ) from error

if TYPE_CHECKING:
    import os

    from ortembed.embedder import Embedder

_LARGEST_BATCH = 2048  # that LlamaIndex allows: the more texts a call has, the less of it is padding


class OrtembedEmbedding(BaseEmbedding):
    """Embeds documents and queries, each with the model's prompts for them.

    Attributes:
        model_name, dtype, revision, max_seq_length, onnx_file, truncate_dim: What it was made with.
    """

    dtype: str
    revision: str | None
    max_seq_length: int | None
    onnx_file: str | None
    truncate_dim: int | None
    _shared: SharedModel = PrivateAttr()

    def __init__(self, model_name: str | os.PathLike[str] | Embedder = DEFAULT_MODEL, **options: Any) -> None:  # noqa: ANN401 - LlamaIndex's
        """Load a model, or take an Embedder; options as Embedder's, truncate_dim, and LlamaIndex's own."""
        arguments = {name: options.pop(name) for name in options.keys() & ModelArguments.__annotations__.keys()}
        shared = share(model_name, **arguments)
        config = shared.config()
        super().__init__(**{"embed_batch_size": _LARGEST_BATCH, **options}, model_name=config.pop("model"), **config)
        self._shared = shared

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex keeps with a pipeline."""
        return "OrtembedEmbedding"

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._shared.documents(texts).tolist()

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._shared.queries(query).tolist()

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._aget_text_embeddings([text]))[0]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return (await self._shared.adocuments(texts)).tolist()

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return (await self._shared.aqueries(query)).tolist()
