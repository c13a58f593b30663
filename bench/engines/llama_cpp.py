"""llama.cpp through llama-cpp-python, built for the machine, with 8-bit weights."""

from __future__ import annotations

import ctypes
import logging
from typing import TYPE_CHECKING, Any, ClassVar

from bench.engines.base import REDUCED_COSINE, Engine, Environment, Setup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt

# A batch is one attention of all its tokens to all, with a mask, so that larger ones cost more a token.
BATCH_TOKENS = 256
BATCH_TEXTS = 64
_UNUSED_PARTS = ("APP", "COMMON", "EXAMPLES", "SERVER", "TESTS", "TOOLS")


class Competitor(Engine):
    """llama.cpp's C interface, as its own llama-embedding uses it: many sequences in a batch, one after another.

    The class ``Llama`` of the package fills batches token by token in Python, and cuts off the last special token of
    texts that it truncates.
    """

    name = "llama.cpp-q8_0"
    label = "llama.cpp, Q8_0"
    dtype = "int8"
    # Built from source, for this machine: the binary package there is, xllamacpp, is for AVX2 and no more.
    # It is llama.cpp's own build that runs, of the library alone: the package's adds images and chat.
    environment = Environment(
        "llama_cpp",
        (
            "numpy==2.4.6 gguf==0.19.0 safetensors==0.8.0 typing-extensions==4.16.0 diskcache==5.6.3 jinja2==3.1.6",
            "llama-cpp-python==0.3.36",
        ),
        variables={
            "CMAKE_ARGS": " ".join(
                [
                    "-DGGML_NATIVE=ON -DCMAKE_INSTALL_LIBDIR=llama_cpp/lib -DCMAKE_INSTALL_RPATH=$ORIGIN",
                    *(f"-DLLAMA_BUILD_{part}=OFF" for part in _UNUSED_PARTS),
                ]
            ),
            "SKBUILD_CMAKE_SOURCE_DIR": "vendor/llama.cpp",
        },
    )
    packages = ("llama-cpp-python", "gguf", "numpy")
    settings = (
        f"built with -march=native; packed batches of {BATCH_TOKENS} tokens, which are faster than larger ones; "
        "n_threads and n_threads_batch set"
    )
    min_cosine = REDUCED_COSINE
    other_tokens: ClassVar[Mapping[int, str]] = {
        16: "Hangul is not taken apart into its letters, which the vocabulary has",
        21: "combining vowels that have a width are stripped as if they were accents",
        26: "words of over 100 characters are split instead of being unknown",
    }
    weights: ClassVar[str] = "Q8_0"

    def prepare(self, setup: Setup) -> None:
        """Write the model as GGUF."""
        from bench.engines.gguf_model import convert  # noqa: PLC0415 - its packages are in this environment only

        convert(setup.model, setup.made / self.name / "model.gguf", self.weights)

    def import_library(self) -> None:
        """Import the package."""
        import llama_cpp  # noqa: PLC0415

        self._library = llama_cpp

    def load(self, setup: Setup) -> None:
        """Load the model, and make a context for embeddings on the CPU."""
        logging.getLogger("llama-cpp-python").setLevel(logging.ERROR)
        library = self._library
        library.llama_backend_init()
        path = str(setup.made / self.name / "model.gguf").encode()
        model = library.llama_model_load_from_file(path, library.llama_model_default_params())
        parameters = library.llama_context_default_params()
        parameters.embeddings = True
        parameters.kv_unified = True  # each text may be as long as the whole context
        parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = max(BATCH_TOKENS, setup.max_tokens)
        parameters.n_seq_max = BATCH_TEXTS
        parameters.n_threads = parameters.n_threads_batch = setup.threads
        self._context = library.llama_init_from_model(model, parameters)
        if not self._context:
            raise RuntimeError("llama.cpp cannot load the model; its log above tells why")
        self._vocabulary = library.llama_model_get_vocab(model)
        self._separator = library.llama_vocab_sep(self._vocabulary)
        self._dimension = library.llama_model_n_embd(model)
        self._max_tokens = setup.max_tokens
        self._batch = _Batch(library, parameters.n_batch)

    def encode(self, texts: Sequence[str]) -> npt.NDArray[Any]:
        """Tokenize, run in batches in order of arrival, which need no padding, and normalize."""
        import numpy as np  # noqa: PLC0415 - it is imported already

        vectors = np.empty((len(texts), self._dimension), np.float32)
        row = 0
        for ids in self._batches(texts):
            self._batch.fill(ids)
            if status := self._library.llama_encode(self._context, self._batch.native):
                raise RuntimeError(f"llama_encode gave {status}")
            for sequence in range(len(ids)):
                vector = self._library.llama_get_embeddings_seq(self._context, sequence)
                ctypes.memmove(vectors[row:].ctypes.data, vector, vectors.itemsize * self._dimension)
                row += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _batches(self, texts: Sequence[str]) -> Iterator[list[npt.NDArray[Any]]]:
        batch: list[npt.NDArray[Any]] = []
        room = self._batch.size
        for text in texts:
            ids = self._tokenize(text)
            if len(ids) > room or len(batch) == BATCH_TEXTS:
                yield batch
                batch, room = [], self._batch.size
            batch.append(ids)
            room -= len(ids)
        if batch:
            yield batch

    def _tokenize(self, text: str) -> npt.NDArray[Any]:
        """Give a text's ids; llama.cpp does not truncate, so the separator is put back behind what fits."""
        import numpy as np  # noqa: PLC0415 - it is imported already

        data = text.encode()
        buffer = np.empty(len(data) + 2, np.int32)  # no token is shorter than a byte, but for the two special ones
        pointer = buffer.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))
        count = self._library.llama_tokenize(self._vocabulary, data, len(data), pointer, len(buffer), True, True)  # noqa: FBT003
        if count > self._max_tokens:
            buffer[self._max_tokens - 1] = self._separator
        return buffer[: min(count, self._max_tokens)]


class _Batch:
    """A llama_batch over numpy arrays, filled without a loop over tokens."""

    def __init__(self, library: Any, size: int) -> None:  # noqa: ANN401 - the package's module
        import numpy as np  # noqa: PLC0415 - it is imported already

        self.size = size
        self._ids, self._positions, self._sequences, counts = np.ones((4, size), np.int32)
        outputs = np.ones(size, np.int8)
        # llama.cpp wants a pointer to each token's list of sequences.
        pointers = self._sequences.ctypes.data + np.arange(size, dtype=np.uintp) * self._sequences.itemsize
        self._kept = (counts, outputs, pointers)  # by this object, as long as the batch points to them
        self._counted = np.arange(size, dtype=np.int32)
        self.native = library.llama_batch()
        for name, array in (
            ("token", self._ids),
            ("pos", self._positions),
            ("n_seq_id", counts),
            ("seq_id", pointers),
            ("logits", outputs),
        ):
            kind = dict(self.native._fields_)[name]
            setattr(self.native, name, ctypes.cast(array.ctypes.data, kind))

    def fill(self, texts: Sequence[npt.NDArray[Any]]) -> None:
        """Lay texts one behind another; the sequence of each is its place among them."""
        end = 0
        for sequence, ids in enumerate(texts):
            start, end = end, end + len(ids)
            self._ids[start:end] = ids
            self._positions[start:end] = self._counted[: len(ids)]
            self._sequences[start:end] = sequence
        self.native.n_tokens = end
