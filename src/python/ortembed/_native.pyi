"""The C++ core of ortembed."""

from collections.abc import Callable, Sequence
import os

import numpy


class OrtembedError(Exception):
    """Base class of every error that ortembed raises."""

class InvalidInputError(OrtembedError, ValueError):
    """
    A text, id, offset, array or option given by the caller is wrong. Also a ValueError.
    """

class ModelNotFoundError(OrtembedError):
    """
    No place that may hold the model has it; the message lists what was tried and why it failed.
    """

class ModelLoadError(OrtembedError):
    """
    The model's files were found and cannot be used; the message names the file and the reason.
    """

class IntegrityError(OrtembedError):
    """
    A file's sha256 is not the one in the model's manifest; the message gives both.
    """

class RuntimeLibraryError(OrtembedError):
    """The ONNX Runtime library is missing, too old, or cannot be loaded."""

class ProviderUnavailableError(OrtembedError):
    """
    An execution provider that was asked for is not in this runtime, or cannot run the model rightly here.
    """

class InferenceError(OrtembedError):
    """The model failed to run, or gave a value that is not finite."""

class ServiceUnavailableError(OrtembedError):
    """This embedder cannot make an embedding in this process at this time."""

class CancelledError(OrtembedError):
    """The call was asked to stop before it was done."""

def runtime_version(library: str | os.PathLike) -> str:
    """
    Loads the ONNX Runtime library at an absolute path, as an Engine does, and gives its version, such as
    '1.31.1'. Raises RuntimeLibraryError.
    """

def available_providers(library: str | os.PathLike) -> list[str]:
    """
    Gives the execution providers that the ONNX Runtime library was built with, such as
    'CPUExecutionProvider', in its order of preference. Raises RuntimeLibraryError.
    """

def available_isas() -> list[str]:
    """
    Gives the instruction sets of this machine that ortembed's own operators are built for, the fastest
    first; 'plain' is the last.
    """

def chosen_isa() -> str:
    """
    Gives the instruction set that they use: the one that ORTEMBED_ISA names, read at the first call, else
    the fastest. Raises InvalidInputError.
    """

class HeadStep:
    """
    One step that pooled vectors go through. Arrays are float32, C-contiguous, and copied;
    what does not fit raises InvalidInputError.
    """

    @staticmethod
    def dense(weight: numpy.ndarray, bias: numpy.ndarray | None = None, activation: str = 'identity') -> HeadStep:
        """
        activation(weight @ x + bias), with weight [outputs, inputs] as torch's Linear has it and bias
        [outputs]. activation: identity, tanh, relu, gelu (exact), sigmoid or silu.
        """

    @staticmethod
    def layer_norm(scale: numpy.ndarray, bias: numpy.ndarray | None, epsilon: float) -> HeadStep:
        """
        (x - mean(x)) / sqrt(var(x) + epsilon) * scale + bias, with scale and bias [width].
        """

    @staticmethod
    def normalize() -> HeadStep:
        """x scaled to norm 1; zeros stay zeros."""

class EmbeddingTable:
    """
    The embedding lookup of a graph that takes `hidden` and `mask`: word + position, then layer normalization.
    """

    def __init__(self, word: numpy.ndarray, position: numpy.ndarray | None = None, scale: numpy.ndarray | None = None, bias: numpy.ndarray | None = None, epsilon: float = 1e-12, padding_id: int | None = None) -> None:
        """
        word: [vocab, width]; position: [positions, width], the token type's embedding added in. Both are
        borrowed, and may be mapped from a file. scale, bias: [width], copied; without scale there is no layer
        normalization. All float32, C-contiguous. padding_id: count positions as RoBERTa does, with row 0 of
        position for tokens that are padding_id and rows 1, 2, ... for the others in their order.
        Raises InvalidInputError.
        """

    @property
    def width(self) -> int:
        """Length of an embedding."""

    def lookup(self, ids: numpy.ndarray) -> numpy.ndarray:
        """
        The embeddings of one text, float32 [tokens, width]; ids: int64 [tokens].
        Raises InvalidInputError for an id or position that the arrays have no row for.
        """

class KnownWords:
    """
    Words whose tokens a tokenizer has told, for one that splits texts at white space and
    ASCII punctuation, and tokenizes each word by itself. Thread-safe; keeps 65,536 words.
    """

    def __init__(self, is_lowercase: bool, added: Sequence[str], before: Sequence[int], after: Sequence[int]) -> None:
        """
        is_lowercase: ASCII letters are made small first. added: tokens that are found anywhere in a text, small
        where is_lowercase; a text with one is not read. before, after: special tokens of each text.
        Raises InvalidInputError for an added token that is not of visible ASCII characters.
        """

    def read(self, texts: list[str], longest: int, *, cuts_left: bool) -> tuple[numpy.ndarray, numpy.ndarray, int, list[str]]:
        """
        Gives the ids of those texts that could be read, end to end and each cut to `longest`: int32; the tokens
        of each text before it was cut, special ones included, or -1 for one that could not be read: int64 [n];
        how many of those there are; and the words for whose lack that was, 16,384 of them at most. Raises InvalidInputError.
        """

    def learn(self, words: list[str], ids: numpy.ndarray, offsets: numpy.ndarray) -> None:
        """
        Keeps the ids of unknown words: int32, end to end; offsets: int64 [words + 1]. One of more than 64 bytes
        or 32 ids is not kept. Raises InvalidInputError.
        """

def quantize(vectors: numpy.ndarray, precision: str, *, out: numpy.ndarray, ranges: numpy.ndarray | None = None) -> None:
    """
    Writes each row of vectors, float32 [n, d], in another precision into out.

    out: float32 or float16 [n, d]; int8 or uint8 [n, d] for "int8" and "uint8", which need ranges, float32
    [2, d]; int8 or uint8 [n, ceil(d / 8)] for "binary" and "ubinary". All C-contiguous. The GIL is
    released. Raises InvalidInputError.
    """

def column_ranges(vectors: numpy.ndarray) -> numpy.ndarray:
    """
    Gives the smallest and the largest value of each column of vectors, float32 [n, d]: float32 [2, d].

    The GIL is released. Raises InvalidInputError for no rows and for values that are not finite.
    """

class Cancellation:
    """Asks calls that were given it to stop, from any thread."""

    def __init__(self) -> None: ...

    def cancel(self) -> None:
        """
        Ask. A call stops before its next batch; one that waits for a core, when its turn comes.
        """

    @property
    def cancelled(self) -> bool:
        """Whether cancel() was called."""

class Engine:
    """An encoder graph, loaded and ready to turn token ids into vectors."""

    def __init__(self, *, library: str | os.PathLike, model: str | os.PathLike, pooling: str | Sequence[str], vocab_size: int, max_tokens: int, max_batch_tokens: int, threads: int, head: Sequence[HeadStep] = (), embeddings: EmbeddingTable | None = None, providers: Sequence[tuple[str, Sequence[tuple[str, str]]]] = (), buckets: Sequence[tuple[int, int]] = (), open_bucket: object | None = None, may_use_cpu: bool = True) -> None:
        """
        library: absolute path of the ONNX Runtime library. model: path of the graph. pooling: a mode of
        sentence-transformers' pooling config, or several, whose results are concatenated in their order.
        max_tokens: longest row. max_batch_tokens: tokens a run, padding among them, at most 65,536. threads:
        cores, which all calls share. head: what the pooled vector goes through. embeddings: for a graph that
        takes `hidden` and `mask`, and only for one. providers: names, without ExecutionProvider, each with its
        options, best first; the CPU takes what they leave. buckets: (rows, tokens) of the only batches that
        run, for a provider that wants fixed shapes; the graph's open dimensions are named batch and sequence,
        and it is not one of packed texts.
        open_bucket: called as open_bucket(rows, tokens, make) when a bucket is first needed, on the thread that
        needs it; it calls make(folder), for compiled programs, or make(None). may_use_cpu: for buckets that
        fail and for longer texts.
        Raises RuntimeLibraryError, ProviderUnavailableError, ModelLoadError (a graph, head or embeddings that
        do not fit one another), InvalidInputError (unknown pooling, limits beyond what the embeddings have
        rows for, buckets that are none).
        """

    @property
    def dimension(self) -> int:
        """Length of a full vector, after pooling and head."""

    @property
    def assignment(self) -> list[tuple[str, list[str]]]:
        """
        (provider, operators) of each part of the graph that runs on one provider, where providers were
        given and the runtime is 1.24 or newer.
        """

    @property
    def buckets(self) -> list[tuple[int, int, bool, str, list[tuple[str, list[str]]]]]:
        """
        (rows, tokens, is_open, failure, assignment) of each bucket. Raises ServiceUnavailableError after a fork.
        """

    @property
    def failed_buckets(self) -> int:
        """How many buckets are not used any more."""

    @property
    def runtime_version(self) -> str:
        """Version of the ONNX Runtime library."""

    def encode_ids(self, ids: numpy.ndarray, offsets: numpy.ndarray, *, out: numpy.ndarray, normalize: bool, skip_tokens: int = 0, precision: str = 'float32', ranges: numpy.ndarray | None = None, dimensions: int | None = None, progress: Callable[[int], object] | None = None, cancellation: Cancellation | None = None) -> None:
        """
        Writes the vector of ids[offsets[i]:offsets[i + 1]] into out[i].

        ids: int32 or int64 [total_tokens]; offsets: int64 [n + 1]; out: [n, d] of the precision's dtype, d up
        to `dimension`, where fewer truncate before normalization. All C-contiguous. The GIL is released.
        precision: as for quantize(); binary and ubinary take [n, ceil(dimensions / 8)]. ranges: float32 [2, d].
        dimensions: of a vector, where eight of them share a column; all of the model's by default.
        skip_tokens: the first so many tokens of each row, a prompt's, run but take no part in pooling.
        progress: called on this thread between batches, at most every 50 ms and once at the end, with the
        number of rows finished since; what it raises ends the call. Signals are handled then too.
        Raises InvalidInputError before anything runs, InferenceError, ServiceUnavailableError after a fork,
        CancelledError within a batch after cancellation.cancel().
        """

    @property
    def hidden_size(self) -> int:
        """
        Length of a token's hidden state. Raises InvalidInputError for a graph that gives none, since it
        pools by itself.
        """

    def hidden_states(self, ids: numpy.ndarray, offsets: numpy.ndarray, *, out: numpy.ndarray, progress: Callable[[int], object] | None = None, cancellation: Cancellation | None = None) -> None:
        """
        Writes the model's last hidden state of ids[j] into out[j], without pooling, head or normalization.

        out: float32 [total_tokens, hidden_size], C-contiguous. The rest as for encode_ids; a graph that pools
        by itself is an InvalidInputError.
        """

    def stats(self) -> dict:
        """
        Counters since the engine was made: calls, texts, tokens, padded_tokens (tokens and padding that ran),
        batches, and plan_seconds (checks, plan, tensors), run_seconds (the model) and pool_seconds (pooling to
        the final row), summed over threads.
        """
