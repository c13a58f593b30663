"""A worker that gives a graph as CoreML's provider sees it: dimensions fixed, then the runtime's basic optimizations.

The provider chooses its nodes after these, and before those that depend on the provider.
"""

from __future__ import annotations

from typing import Any

from ortembed.prepare.worker import serve

_CONFIG = {
    "optimization.disable_specified_optimizers": "MatMulAddFusion",  # as ort/session_options.cpp does for CoreML
    "session.optimized_model_external_initializers_file_name": "weights",
    "session.optimized_model_external_initializers_min_size_in_bytes": "1024",
}


def main() -> None:
    """Answer the request of coreml.check."""
    serve(_fold)


def _fold(request: dict[str, Any]) -> dict[str, Any]:
    import onnxruntime  # noqa: PLC0415 - only where the worker runs

    for output, dimensions in zip(request["outputs"], request["dimensions"], strict=True):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.log_severity_level = 3
        options.optimized_model_filepath = output
        for key, value in _CONFIG.items():
            options.add_session_config_entry(key, value)
        for name, size in dimensions.items():
            options.add_free_dimension_override_by_name(name, size)
        onnxruntime.InferenceSession(request["graph"], options, providers=["CPUExecutionProvider"])
    return {}
