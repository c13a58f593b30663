"""The pure-Python path as it is mostly written: AutoTokenizer, the onnxruntime module and numpy."""

from __future__ import annotations

from bench.engines import pure_tokenizers


class Competitor(pure_tokenizers.Competitor):
    """The same with transformers' AutoTokenizer."""

    name = "pure-python"
    label = "onnxruntime + AutoTokenizer + numpy"
    packages = ("onnxruntime", "transformers", "tokenizers", "numpy")
    form = "AutoTokenizer"

    def import_library(self) -> None:
        """Import transformers' tokenizers too."""
        super().import_library()
        from transformers import AutoTokenizer  # noqa: F401, PLC0415
