"""The public class: texts in, one numpy array out."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ortembed.asynchronous import AsyncEncoding
from ortembed.background import Background
from ortembed.control import UNWATCHED
from ortembed.cores import choose_threads
from ortembed.description import Description, arguments_of
from ortembed.encoding import encode_many, encode_texts, encode_tokens
from ortembed.errors import InvalidInputError, OrtembedError, ServiceUnavailableError
from ortembed.load_request import LoadRequest, choose_here
from ortembed.loading import load
from ortembed.manifest import DEFAULT_MODEL
from ortembed.options import DOCUMENT, QUERY, check_int, check_known, check_offsets, first_known
from ortembed.recipe import Prompt
from ortembed.responses import EmbeddingResponse, Usage
from ortembed.similarity import similarity
from ortembed.streaming import check_stream_recipe, encode_stream
from ortembed.token_embeddings import TokenEmbeddings
from ortembed.tokenization import Tokenization
from ortembed.tokenizer import TokenizedTexts, check_iterable, check_texts
from ortembed.truncation import TruncationNotice
from ortembed.windows import MAX_CHUNK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Unpack

    from ortembed.options import EncodeOptions, RecipeOptions
    from ortembed.output import Vectors
    from ortembed.providers import Providers


class Embedder(AsyncEncoding, TokenEmbeddings, Tokenization, Description):
    """A sentence embedding model, loaded and ready.

    Thread-safe: any number of threads may call one Embedder at once, and the GIL is released while the model
    runs. It does not survive ``fork()``; make one in each process.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        dtype: str = "float32",
        form: str | None = None,
        providers: Providers = None,
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
            dtype: "float32"; "bfloat16": faster, and almost the same vectors; "int8": faster still, smaller, and not
                quite the same vectors. See docs/packed.md and docs/int8.md.
            form: "packed" or "cpu": ortembed's own operators, or the runtime's over padded batches; by default what
                suits dtype, providers, model and this CPU best. model_info() tells which, and why.
            providers: What runs the model, in order of preference: "cpu", "coreml", ["coreml", "cpu"], or whatever
                else the installed ONNX Runtime has; a Provider with options. By default those of ORTEMBED_PROVIDERS,
                else CoreML where there is one, if it gives the CPU's vectors and gives them sooner, by a test at the
                first load, else the CPU.
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
            ProviderUnavailableError: A provider is not in this runtime, or fails without "cpu" to take over.
            InvalidInputError: An argument is out of range.
        """
        name = os.fspath(model) if isinstance(model, os.PathLike) else model
        if not isinstance(name, str) or not name:
            raise InvalidInputError(f"model is {model!r}, neither a name nor a folder")
        choose_threads(threads)  # before the work of preparing
        request = LoadRequest(
            name,
            choose_here(providers),
            dtype=dtype,
            form=form,
            threads=threads,
            max_seq_length=max_seq_length,
            revision=revision,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            onnx_file=onnx_file,
            on_truncation=TruncationNotice(),
        )
        self._loaded = load(request)
        self._model = name
        self._arguments = arguments_of(request, self._loaded)
        self._pipeline = self._loaded.pipeline
        self._settings = self._pipeline.settings
        self._background = Background(self._pipeline.threads + 1)  # so that one tokenizes while others run

    def encode(
        self,
        texts: str | Iterable[str],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool | None = None,
        truncate_dim: int | None = None,
        precision: str = "float32",
        ranges: npt.ArrayLike | None = None,
        show_progress_bar: bool | None = None,
        out: Vectors | None = None,
    ) -> Vectors:
        """Turn texts into vectors. A text that comes more than once runs once.

        Args:
            texts: One text, or any iterable of them. Texts longer than max_seq_length are truncated, with a
                TruncationWarning the first time.
            prompt_name: Name of the model's prompt to put before each text; by default the model's default.
            prompt: Words to put before each text, whatever the model's prompts.
            normalize_embeddings: Scale to norm 1; by default as the model's own files say.
            truncate_dim: Keep the first so many dimensions, cut before normalization.
            precision: "float32", "float16", "int8", "uint8", "binary" or "ubinary": see quantize_embeddings.
            ranges: For int8 and uint8, floats [2, dimension], the smallest and largest value of each dimension; by
                default those of this call's vectors, whose codes then compare with no other call's.
            show_progress_bar: By default where the work is long and stderr is a terminal.
            out: Array to write into, C-contiguous, of the dtype and shape of the result.

        Returns:
            float32, or the precision's dtype, [n, dimension] for n texts, [dimension] for one text; binary and
            ubinary have ceil(dimension / 8) columns. An empty iterable gives [0, dimension].

        Raises:
            InvalidInputError: Something that is not a text, or an option that does not fit; nothing has run.
            InferenceError: The model failed, or a vector is not finite.
            ServiceUnavailableError: This process was forked from the one that made the Embedder.
        """
        recipe = self._pipeline.recipe(
            prompt_name=prompt_name,
            prompt=prompt,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
            precision=precision,
            ranges=ranges,
        )
        return encode_texts(self._pipeline, texts, recipe, out, show_progress_bar=show_progress_bar)

    def iter_encode(
        self,
        texts: Iterable[str],
        *,
        chunk_size: int = 2048,
        prompt_name: str | None = None,
        **options: Unpack[RecipeOptions],
    ) -> Iterator[Vectors]:
        """Turn a stream of texts into vectors, in constant memory; the stream may be endless.

        The first 16 texts make a chunk, then 64, 256 and so on up to chunk_size. While one runs, the next is read and
        tokenized, so that up to two chunks more are read than vectors are given; none before the first vector is
        asked for. Texts are read in the caller's thread. Closing or dropping the iterator frees everything; the
        iterable is not closed then, only let go.

        Args:
            texts: Any iterable of texts.
            chunk_size: Most texts that run together. More wastes less on padding, and takes more memory and time
                until the next vectors come; 1 gives a slow stream's vectors one by one.
            prompt_name: As for encode.
            **options: As for encode.

        Yields:
            float32 [dimension] for each text, an array of its own. ``numpy.fromiter`` and ``numpy.stack`` over
            ``itertools.islice`` make larger ones; ``encode`` is the way to a single array.

        Raises:
            InvalidInputError: An option that does not fit, at once; something that is not a text, named by its index,
                after the vectors of the texts before it. An error of the iterable itself passes in the same way.
            InferenceError, ServiceUnavailableError: As for encode.
        """
        check_known("iter_encode", options)
        recipe = self._pipeline.recipe(prompt_name=prompt_name, **options)
        check_stream_recipe(recipe)
        check_int("chunk_size", chunk_size, MAX_CHUNK)
        return encode_stream(self._pipeline, check_iterable(texts), recipe, chunk_size)

    def encode_query(
        self, texts: str | Iterable[str], *, prompt_name: str | None = None, **options: Unpack[EncodeOptions]
    ) -> Vectors:
        """Encode with the model's prompt for queries, where it has one. Options as for encode."""
        name = first_known(self._settings.prompts, QUERY) if prompt_name is None else prompt_name
        return self.encode(texts, prompt_name=name, **options)

    def encode_document(
        self, texts: str | Iterable[str], *, prompt_name: str | None = None, **options: Unpack[EncodeOptions]
    ) -> Vectors:
        """Encode with the model's prompt for documents (document, passage or corpus). Options as for encode."""
        name = first_known(self._settings.prompts, DOCUMENT) if prompt_name is None else prompt_name
        return self.encode(texts, prompt_name=name, **options)

    def encode_ids(
        self,
        ids: npt.NDArray[np.int32 | np.int64],
        offsets: npt.NDArray[np.int64],
        *,
        normalize_embeddings: bool | None = None,
        truncate_dim: int | None = None,
        precision: str = "float32",
        ranges: npt.ArrayLike | None = None,
        skip_tokens: int = 0,
        out: Vectors | None = None,
    ) -> Vectors:
        """Turn texts that are tokenized already into vectors: the pre-encoded interface.

        Args:
            ids: int32 or int64 [total_tokens], C-contiguous: the texts end to end, special tokens included.
            offsets: int64 [n + 1], C-contiguous; text i has ids[offsets[i]:offsets[i + 1]].
            normalize_embeddings: As for encode.
            truncate_dim: As for encode.
            precision: As for encode.
            ranges: As for encode.
            skip_tokens: Tokens at the start of each text that pooling leaves out; see tokenize.
            out: As for encode.

        Returns:
            float32, or the precision's dtype, [n, dimension]; binary and ubinary have ceil(dimension / 8) columns.

        Raises:
            InvalidInputError: An array or option does not fit; the message names the row, id or offset, and
                nothing has run. Rows longer than max_seq_length are refused, not truncated.
            InferenceError, ServiceUnavailableError: As for encode.
        """
        recipe = self._pipeline.recipe(
            prompt="",
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
            precision=precision,
            ranges=ranges,
        )
        check_offsets(ids, offsets)
        check_int("skip_tokens", skip_tokens, self.max_seq_length, minimum=0)
        skipping = recipe._replace(prompt=Prompt("", skip_tokens))
        return encode_tokens(self._pipeline, TokenizedTexts(ids, offsets, 0, skip_tokens), skipping, out)

    def embed(
        self,
        texts: str | Iterable[str],
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool | None = None,
        truncate_dim: int | None = None,
    ) -> EmbeddingResponse:
        """Encode, and report the tokens and time that it took. The vectors are [n, dimension], for one text too."""
        start = time.perf_counter()
        checked = check_texts([texts] if isinstance(texts, str) else texts)
        recipe = self._pipeline.recipe(
            prompt_name=prompt_name,
            prompt=prompt,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
        )
        encoded = encode_many(self._pipeline, checked, recipe, None, UNWATCHED)
        duration_ms = (time.perf_counter() - start) * 1000
        usage = Usage(encoded.tokens, duration_ms, encoded.encoded_tokens)
        return EmbeddingResponse(self._model, encoded.rows, usage)

    def similarity(self, a: npt.ArrayLike, b: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Compare two sets of vectors, [n, d] and [m, d], with the model's similarity function: float32 [n, m]."""
        return similarity(self._settings.similarity, a, b)

    def health_check(self) -> None:
        """Make one embedding.

        Raises:
            ServiceUnavailableError: It cannot be made; the cause says why.
        """
        try:
            self.encode("health check")
        except OrtembedError as error:
            raise ServiceUnavailableError(f"an embedding cannot be made: {error}") from error
