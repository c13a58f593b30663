"""Chroma's embedding function. Import this module before opening a collection that was made with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ortembed.integrations.shared_model import check_config, check_same, share
from ortembed.manifest import DEFAULT_MODEL

try:
    from chromadb.api.types import Documents, EmbeddingFunction
    from chromadb.utils.embedding_functions import register_embedding_function
except ImportError as error:
    raise ImportError(f"ortembed.integrations.chroma needs Chroma ({error}): pip install chromadb") from error

if TYPE_CHECKING:
    import os

    from chromadb.api.types import Embeddings, Space
    from typing_extensions import Unpack

    from ortembed.embedder import Embedder
    from ortembed.integrations.shared_model import ModelArguments

_SPACES = {"cosine": "cosine", "dot": "ip", "euclidean": "l2", "manhattan": "l2"}


@register_embedding_function
class OrtembedEmbeddingFunction(EmbeddingFunction[Documents]):
    """Embeds a collection's documents and queries, each with the model's prompts for them."""

    def __init__(
        self, model: str | os.PathLike[str] | Embedder = DEFAULT_MODEL, **arguments: Unpack[ModelArguments]
    ) -> None:
        """Load a model, or take an Embedder; arguments as Embedder's, and truncate_dim."""
        self._shared = share(model, **arguments)

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 - Chroma checks the name
        """Embed documents."""
        return list(self._shared.documents(input))

    def embed_query(self, input: Documents) -> Embeddings:  # noqa: A002 - the same
        """Embed queries."""
        return list(self._shared.queries(input))

    @staticmethod
    def name() -> str:
        """Give the name under which Chroma finds this class again."""
        return "ortembed"

    def default_space(self) -> Space:
        """Give the distance that is the model's own; Chroma has no Manhattan distance."""
        return _SPACES[self._shared.embedder.similarity_fn_name]

    def get_config(self) -> dict[str, Any]:
        """Give what Chroma keeps with the collection."""
        return self._shared.config()

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> OrtembedEmbeddingFunction:
        """Make it anew from what Chroma has kept."""
        return OrtembedEmbeddingFunction(**config)

    @staticmethod
    def validate_config(config: dict[str, Any]) -> None:
        """Refuse arguments that are not known."""
        check_config(config)

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """Refuse another model for vectors that are there."""
        check_same(old_config, new_config)
