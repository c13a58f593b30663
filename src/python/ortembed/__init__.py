"""Text to vectors: an Embedder over a C++ core on ONNX Runtime."""

from ortembed.embedder import Embedder
from ortembed.errors import (
    CancelledError,
    InferenceError,
    IntegrityError,
    InvalidInputError,
    ModelLoadError,
    ModelNotFoundError,
    OrtembedError,
    RuntimeLibraryError,
    ServiceUnavailableError,
)
from ortembed.responses import CacheWarning, EmbeddingResponse, ModelInfo, TruncationWarning, Usage

__all__ = [
    "CacheWarning",
    "CancelledError",
    "Embedder",
    "EmbeddingResponse",
    "InferenceError",
    "IntegrityError",
    "InvalidInputError",
    "ModelInfo",
    "ModelLoadError",
    "ModelNotFoundError",
    "OrtembedError",
    "RuntimeLibraryError",
    "ServiceUnavailableError",
    "TruncationWarning",
    "Usage",
]
