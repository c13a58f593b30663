"""Text to vectors: an Embedder over a C++ core on ONNX Runtime."""

from ortembed import main_interpreter  # noqa: F401 - has to come before what loads numpy
from ortembed.embedder import Embedder
from ortembed.errors import (
    CancelledError,
    InferenceError,
    IntegrityError,
    InvalidInputError,
    ModelLoadError,
    ModelNotFoundError,
    OrtembedError,
    ProviderUnavailableError,
    RuntimeLibraryError,
    ServiceUnavailableError,
)
from ortembed.loading import ProviderReport
from ortembed.partition import Partition
from ortembed.precision import quantize_embeddings
from ortembed.providers import CoreMLOptions, Provider
from ortembed.responses import (
    CacheWarning,
    CalibrationWarning,
    EmbeddingResponse,
    ModelInfo,
    ProviderWarning,
    Stats,
    TruncationWarning,
    Usage,
)
from ortembed.tokenizer import TokenizedTexts
from ortembed.whole_rows import Token

__all__ = [
    "CacheWarning",
    "CalibrationWarning",
    "CancelledError",
    "CoreMLOptions",
    "Embedder",
    "EmbeddingResponse",
    "InferenceError",
    "IntegrityError",
    "InvalidInputError",
    "ModelInfo",
    "ModelLoadError",
    "ModelNotFoundError",
    "OrtembedError",
    "Partition",
    "Provider",
    "ProviderReport",
    "ProviderUnavailableError",
    "ProviderWarning",
    "RuntimeLibraryError",
    "ServiceUnavailableError",
    "Stats",
    "Token",
    "TokenizedTexts",
    "TruncationWarning",
    "Usage",
    "quantize_embeddings",
]
