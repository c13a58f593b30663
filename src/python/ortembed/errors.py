"""The errors that ortembed raises; the classes themselves are made by the C++ core, one for each of its codes.

Every one derives from OrtembedError, so ``except OrtembedError`` catches them all.
"""

from ortembed._native import (
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

__all__ = [
    "CancelledError",
    "InferenceError",
    "IntegrityError",
    "InvalidInputError",
    "ModelLoadError",
    "ModelNotFoundError",
    "OrtembedError",
    "ProviderUnavailableError",
    "RuntimeLibraryError",
    "ServiceUnavailableError",
]
