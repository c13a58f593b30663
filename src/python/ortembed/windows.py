"""How many texts are taken at a time: windows that are planned together, blocks that are tokenized together.

A window is wide enough for batches of like lengths: 0.6% of the tokens of Python's docstrings are padding with 4,096
texts and 1,024 tokens a batch, 3.9% with 512 texts. Its token ids are bounded too, to a few MB. A block is small,
since the tokenizer's objects take some hundred bytes a token.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ortembed.tokenizer import check_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_CHUNK = 1 << 16
_WINDOW_TEXTS = 4096
WINDOW_TOKENS = 1 << 20
_BLOCK_TEXTS = 256
_FIRST_CHUNK = 16  # small, so that the first vectors of a stream come soon
_GROWTH = 4


class Chunk(NamedTuple):
    """Checked texts of a stream, in their order.

    Attributes:
        texts: The texts.
        errors: At most one: what came instead of a further text, if that ended the stream. Who raises it takes it out
            of here: it knows frames that know the chunk, and a cycle would keep the model in memory.
        is_last: Whether the stream ends with them.
    """

    texts: Sequence[str]
    errors: list[Exception]
    is_last: bool = False


def windows(texts: Sequence[str], max_tokens: int, window_tokens: int = WINDOW_TOKENS) -> Iterator[Sequence[str]]:
    """Cut texts into windows. A text counts as its characters, mostly more than its tokens, or max_tokens."""
    start = tokens = 0
    for i, text in enumerate(texts):
        size = min(len(text), max_tokens)
        if i - start == _WINDOW_TEXTS or (i > start and tokens + size > window_tokens):
            yield texts[start:i]
            start, tokens = i, 0
        tokens += size
    if start < len(texts):
        yield texts[start:]


def blocks(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a window into blocks; no text gives one empty block."""
    for start in range(0, len(texts) or 1, _BLOCK_TEXTS):
        yield texts[start : start + _BLOCK_TEXTS]


def chunks(texts: Iterable[object], chunk_size: int, max_tokens: int) -> Iterator[Chunk]:
    """Read an iterable in chunks, which grow from 16 to chunk_size texts. Only the last may be empty."""
    source = iter(texts)
    size, index = _FIRST_CHUNK, 0
    while True:
        chunk = _read(source, index, min(size, chunk_size), max_tokens)
        yield chunk
        if chunk.is_last:
            return
        index += len(chunk.texts)
        size = min(size * _GROWTH, chunk_size)


def _read(source: Iterator[object], index: int, size: int, max_tokens: int) -> Chunk:
    texts: list[str] = []
    tokens = 0
    try:
        for item in source:
            text = check_text(item, index + len(texts))
            texts.append(text)
            tokens += min(len(text), max_tokens)
            if len(texts) == size or tokens >= WINDOW_TOKENS:
                return Chunk(texts, [])
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the caller's, and raised in its turn
        return Chunk(texts, [error], is_last=True)
    return Chunk(texts, [], is_last=True)
