"""LlamaIndex's embedding model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ortembed.errors import InvalidInputError
from ortembed.integrations.shared_model import ModelArguments, SharedModel, share
from ortembed.manifest import DEFAULT_MODEL

try:
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.bridge.pydantic import Field
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
        model_name, dtype, form, revision, max_seq_length, onnx_file, truncate_dim: What it was made with.
    """

    model_name: str = Field(frozen=True)
    dtype: str = Field(frozen=True)
    form: str | None = Field(frozen=True)
    revision: str | None = Field(frozen=True)
    max_seq_length: int | None = Field(frozen=True)
    onnx_file: str | None = Field(frozen=True)
    truncate_dim: int | None = Field(frozen=True)

    def __init__(self, model: str | os.PathLike[str] | Embedder | None = None, **options: Any) -> None:  # noqa: ANN401 - LlamaIndex's
        """Load a model, or take an Embedder; options as Embedder's, truncate_dim, and LlamaIndex's own."""
        model = _one_of(model, options.pop("model_name", None))
        if unknown := options.keys() - type(self).model_fields.keys():
            raise InvalidInputError(
                f"{min(unknown)!r} is none of its arguments: model, {', '.join(sorted(type(self).model_fields))}"
            )
        arguments = {name: options.pop(name) for name in options.keys() & ModelArguments.__annotations__.keys()}
        config = share(model, **arguments).config()
        super().__init__(**{"embed_batch_size": _LARGEST_BATCH, **options}, model_name=config.pop("model"), **config)

    @classmethod
    def class_name(cls) -> str:
        """Give the name that LlamaIndex keeps with a pipeline."""
        return "OrtembedEmbedding"

    @property
    def _shared(self) -> SharedModel:
        """What the fields say: also in a copy that pydantic made with others."""
        return SharedModel(self.model_name, **{name: getattr(self, name) for name in ModelArguments.__annotations__})

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


def _one_of(
    model: str | os.PathLike[str] | Embedder | None, model_name: str | None
) -> str | os.PathLike[str] | Embedder:
    """Give the model under the name of the other adapters' argument, or of LlamaIndex's."""
    if model is not None and model_name is not None:
        raise InvalidInputError("model and model_name are two names of one argument; give one")
    given = model if model is not None else model_name
    return DEFAULT_MODEL if given is None else given
