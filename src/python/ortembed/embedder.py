"""The public class: texts in, one numpy array out."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ortembed.cores import choose_threads
from ortembed.errors import InvalidInputError, OrtembedError, ServiceUnavailableError
from ortembed.options import (
    check_offsets,
    choose_dimension,
    choose_normalize,
    choose_prompt,
    first_known,
)
from ortembed.pipeline import CHUNK, Pipeline
from ortembed.prepare import prepare
from ortembed.responses import EmbeddingResponse, ModelInfo, Usage
from ortembed.similarity import similarity
from ortembed.tokenizer import check_texts
from ortembed.truncation import TruncationNotice

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy.typing as npt
    from typing_extensions import Unpack

    from ortembed.options import EncodeOptions

    Floats = npt.NDArray[np.float32]


class Embedder:
    """A sentence embedding model, loaded and ready.

    Thread-safe: any number of threads may call one Embedder at once, and the GIL is released while the model
    runs. It does not survive ``fork()``; make one in each process.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "all-minilm-l6-v2",
        *,
        dtype: str = "float32",
        threads: int | None = None,
        max_seq_length: int | None = None,
        revision: str | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        onnx_file: str | None = None,
    ) -> None:
        """Load a model, preparing it first where that has not been done.

        Args:
            model: A short name (``all-minilm-l6-v2``), a name on the Hugging Face hub, or a folder.
            dtype: "float32", or "int8": faster, smaller, and not quite the same vectors; see docs/int8.md.
            threads: Cores to use; by default ORTEMBED_NUM_THREADS, else as many as affinity and cgroup let this
                process use.
            max_seq_length: Longest text in tokens, special tokens included; by default what the model's files say.
            revision: A branch, tag or commit on the hub; by default the manifest's, else the main branch as
                it was when it was first downloaded.
            cache_dir: Where prepared models are kept; by default ORTEMBED_CACHE_DIR, else ``~/.cache/ortembed``.
                Downloads go to huggingface_hub's own cache.
            local_files_only: Never touch the network.
            onnx_file: Path in the model's repository of an ONNX file to use, whatever other weights there are.

        Raises:
            ModelNotFoundError: No place has the model.
            ModelLoadError: Its files cannot be used.
            IntegrityError: A file does not hash as the manifest says.
            RuntimeLibraryError: ONNX Runtime is missing or too old.
            InvalidInputError: An argument is out of range.
        """
        name = os.fspath(model) if isinstance(model, os.PathLike) else model
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"model is {model!r}, neither a name nor a folder")
        choose_threads(threads)  # before the work of preparing
        prepared = prepare(
            name,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            dtype=dtype,
            onnx_file=onnx_file,
        )
        self._model = name
        self._dtype = prepared.facts.dtype
        self._settings = prepared.settings
        self._pipeline = Pipeline(
            prepared, threads=threads, max_seq_length=max_seq_length, on_truncation=TruncationNotice()
        )

    def __repr__(self) -> str:
        """Name the model, its dimension and its longest text."""
        return f"Embedder({self._model!r}, dimension={self.dimension}, max_seq_length={self.max_seq_length})"

    @property
    def dimension(self) -> int:
        """Length of a full vector."""
        return self._pipeline.dimension

    @property
    def max_seq_length(self) -> int:
        """Tokens of the longest text, special tokens included; longer ones are truncated."""
        return self._pipeline.max_seq_length

    @property
    def prompts(self) -> dict[str, str]:
        """The model's prompts by name."""
        return dict(self._settings.prompts)

    def encode(
        self,
        texts: str | Iterable[str],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool | None = None,
        truncate_dim: int | None = None,
        show_progress_bar: bool | None = None,
        out: Floats | None = None,
    ) -> Floats:
        """Turn texts into vectors.

        Args:
            texts: One text, or any iterable of them. Texts longer than max_seq_length are truncated, with a
                TruncationWarning the first time.
            prompt_name: Name of the model's prompt to put before each text; by default the model's default.
            prompt: Words to put before each text, whatever the model's prompts.
            normalize_embeddings: Scale to norm 1; by default as the model's own files say.
            truncate_dim: Keep the first so many dimensions, cut before normalization.
            show_progress_bar: By default where the work is long and stderr is a terminal.
            out: Array to write into, float32, C-contiguous, of the shape of the result.

        Returns:
            float32 [n, dimension] for n texts, [dimension] for one text. An empty iterable gives [0, dimension].

        Raises:
            InvalidInputError: Something that is not a text, or an option that does not fit; nothing has run.
            InferenceError: The model failed, or a vector is not finite.
            ServiceUnavailableError: This process was forked from the one that made the Embedder.
        """
        single = isinstance(texts, str)
        checked = check_texts([texts] if single else texts)
        prefix = choose_prompt(self._settings, prompt=prompt, prompt_name=prompt_name)
        normalize = choose_normalize(self._settings, normalize_embeddings)
        columns = choose_dimension(self.dimension, truncate_dim, self._settings)
        rows = _prepare_out(out, (len(checked), columns), single=single)
        self._encode_into(rows, checked, prefix, normalize=normalize, show_progress_bar=show_progress_bar)
        if out is not None:
            return out
        return rows[0] if single else rows

    def encode_query(
        self, texts: str | Iterable[str], *, prompt_name: str | None = None, **options: Unpack[EncodeOptions]
    ) -> Floats:
        """Encode with the model's prompt for queries, where it has one. Options as for encode."""
        name = first_known(self._settings, "query") if prompt_name is None else prompt_name
        return self.encode(texts, prompt_name=name, **options)

    def encode_document(
        self, texts: str | Iterable[str], *, prompt_name: str | None = None, **options: Unpack[EncodeOptions]
    ) -> Floats:
        """Encode with the model's prompt for documents (document, passage or corpus). Options as for encode."""
        name = first_known(self._settings, "document", "passage", "corpus") if prompt_name is None else prompt_name
        return self.encode(texts, prompt_name=name, **options)

    def encode_ids(
        self,
        ids: npt.NDArray[np.int32 | np.int64],
        offsets: npt.NDArray[np.int64],
        *,
        normalize_embeddings: bool | None = None,
        truncate_dim: int | None = None,
        out: Floats | None = None,
    ) -> Floats:
        """Turn texts that are tokenized already into vectors: the pre-encoded interface.

        Args:
            ids: int32 or int64 [total_tokens], C-contiguous: the texts end to end, special tokens included.
            offsets: int64 [n + 1], C-contiguous; text i has ids[offsets[i]:offsets[i + 1]].
            normalize_embeddings: As for encode.
            truncate_dim: As for encode.
            out: As for encode.

        Returns:
            float32 [n, dimension].

        Raises:
            InvalidInputError: An array or option does not fit; the message names the row, id or offset, and
                nothing has run. Rows longer than max_seq_length are refused, not truncated.
            InferenceError, ServiceUnavailableError: As for encode.
        """
        normalize = choose_normalize(self._settings, normalize_embeddings)
        columns = choose_dimension(self.dimension, truncate_dim, self._settings)
        check_offsets(ids, offsets)
        rows = _prepare_out(out, (len(offsets) - 1, columns), single=False)
        self._pipeline.engine.encode_ids(ids, offsets, out=rows, normalize=normalize)
        return rows if out is None else out

    def embed(
        self, texts: str | Iterable[str], *, prompt_name: str | None = None, prompt: str | None = None
    ) -> EmbeddingResponse:
        """Encode, and report the tokens and time that it took. The vectors are [n, dimension], for one text too."""
        start = time.perf_counter()
        checked = check_texts([texts] if isinstance(texts, str) else texts)
        prefix = choose_prompt(self._settings, prompt=prompt, prompt_name=prompt_name)
        rows = np.empty((len(checked), choose_dimension(self.dimension, None, self._settings)), np.float32)
        tokens = self._encode_into(rows, checked, prefix, normalize=self._settings.normalize, show_progress_bar=False)
        duration_ms = (time.perf_counter() - start) * 1000
        return EmbeddingResponse(self._model, rows, Usage(tokens, duration_ms))

    def token_count(self, texts: str | Iterable[str]) -> npt.NDArray[np.int64]:
        """Count each text's tokens, special tokens included and without truncation: int64 [n]."""
        return self._pipeline.tokenizer.count(check_texts([texts] if isinstance(texts, str) else texts))

    def similarity(self, a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
        """Compare two sets of vectors, [n, d] and [m, d], with the model's similarity function: float32 [n, m]."""
        return similarity(self._settings.similarity, a, b)

    def model_info(self) -> ModelInfo:
        """Describe the model and what runs it."""
        return ModelInfo(
            model=self._model,
            dimension=self.dimension,
            max_tokens=self.max_seq_length,
            dtype=self._dtype,
            providers=("CPUExecutionProvider",),
            runtime_version=self._pipeline.engine.runtime_version,
        )

    def health_check(self) -> None:
        """Make one embedding.

        Raises:
            ServiceUnavailableError: It cannot be made; the cause says why.
        """
        try:
            self.encode("health check")
        except OrtembedError as error:
            raise ServiceUnavailableError(f"an embedding cannot be made: {error}") from error

    def _encode_into(
        self, rows: Floats, texts: list[str], prompt: str, *, normalize: bool, show_progress_bar: bool | None
    ) -> int:
        """Encode into rows; give the number of tokens."""
        encode = partial(self._pipeline.encode_into, rows, texts, self._pipeline.prompt(prompt), normalize=normalize)
        if not (len(texts) > CHUNK if show_progress_bar is None else show_progress_bar):
            return encode()
        from tqdm import tqdm  # noqa: PLC0415 - a quarter of what importing ortembed would take

        disable = None if show_progress_bar is None else False  # None: shown only on a terminal
        with tqdm(total=len(texts), desc="embedding", unit="text", disable=disable) as progress:
            return encode(progress=progress.update)


def _prepare_out(out: Floats | None, shape: tuple[int, int], *, single: bool) -> Floats:
    """Give the [n, d] array to write into: a new one, or the caller's, checked."""
    if out is None:
        return np.empty(shape, np.float32)
    expected = shape[1:] if single else shape
    if not isinstance(out, np.ndarray) or out.shape != expected:
        found = f"shape {out.shape}" if isinstance(out, np.ndarray) else type(out).__name__
        raise InvalidInputError(f"out must be a float32 array of shape {expected}, not {found}")
    return out[np.newaxis] if single else out
