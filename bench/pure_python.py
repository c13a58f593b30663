"""The pure-Python path: tokenizers or AutoTokenizer, the onnxruntime module and numpy, as in a typical script."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Ids = npt.NDArray[np.int64]
    Floats = npt.NDArray[np.float32]
    Tokenize = Callable[[Sequence[str]], dict[str, Ids]]

BATCH_SIZE = 32  # the default of sentence-transformers, which scripts follow
FORMS = ("tokenizers", "AutoTokenizer")


class PurePythonEmbedder:
    """Texts to unit vectors in batches in order of arrival, each padded to its longest text; mean pooling."""

    def __init__(self, graph: Path, tokenize: Tokenize, *, threads: int, batch_size: int = BATCH_SIZE) -> None:
        """Open an ordinary ONNX export with the runtime's own defaults, but for the number of threads."""
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read once, when the module is imported
        import onnxruntime  # noqa: PLC0415

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self._inputs = [value.name for value in self._session.get_inputs()]
        self._batch_size = batch_size
        self.tokenize = tokenize

    def run(self, tokens: dict[str, Ids]) -> Floats:
        """Run the model on one padded batch: float32 [batch, sequence, width]."""
        feed = {name: tokens[name] if name in tokens else np.zeros_like(tokens["input_ids"]) for name in self._inputs}
        hidden: Floats = self._session.run(None, feed)[0]
        return hidden

    @staticmethod
    def pool(hidden: Floats, mask: Ids) -> Floats:
        """Average each text's tokens and scale to norm 1: float32 [batch, width]."""
        weights = mask[..., None].astype(np.float32)
        mean = (hidden * weights).sum(axis=1) / np.clip(weights.sum(axis=1), 1e-9, None)
        unit: Floats = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return unit

    def encode(self, texts: Sequence[str]) -> Floats:
        """Embed texts: float32 [n, width]."""
        vectors = []
        for start in range(0, len(texts), self._batch_size):
            tokens = self.tokenize(texts[start : start + self._batch_size])
            vectors.append(self.pool(self.run(tokens), tokens["attention_mask"]))
        return np.concatenate(vectors)


def make_tokenize(form: str, folder: Path, *, max_tokens: int) -> Tokenize:
    """Give the function that makes one padded batch of texts: input_ids and attention_mask, int64 [batch, sequence].

    Args:
        form: One of FORMS; the second needs transformers.
        folder: The model's own files.
        max_tokens: Longest text, special tokens included; longer ones are cut.

    Raises:
        ImportError: transformers is not there.
    """
    makers = {"tokenizers": _with_tokenizers, "AutoTokenizer": _with_auto_tokenizer}
    return makers[form](folder, max_tokens)


def _with_tokenizers(folder: Path, max_tokens: int) -> Tokenize:
    import tokenizers  # noqa: PLC0415

    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens)
    tokenizer.enable_padding()

    def tokenize(texts: Sequence[str]) -> dict[str, Ids]:
        encodings = tokenizer.encode_batch(texts)
        return {
            "input_ids": np.array([encoding.ids for encoding in encodings], np.int64),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], np.int64),
        }

    return tokenize


def _with_auto_tokenizer(folder: Path, max_tokens: int) -> Tokenize:
    from transformers import AutoTokenizer  # noqa: PLC0415

    tokenizer = AutoTokenizer.from_pretrained(str(folder))

    def tokenize(texts: Sequence[str]) -> dict[str, Ids]:
        tokens = tokenizer(list(texts), padding=True, truncation=True, max_length=max_tokens, return_tensors="np")
        return dict(tokens)

    return tokenize
