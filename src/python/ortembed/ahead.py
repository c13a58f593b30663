"""Tokenizes the texts that come next in a thread of its own, while the present ones run."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, TypeVar

from ortembed.tokenizer import TokenizedTexts, join_tokens
from ortembed.windows import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence
    from concurrent.futures import Future

    from ortembed.control import Control

    Tokenize = Callable[[Sequence[str]], TokenizedTexts]

T = TypeVar("T")


def tokenize_now(tokenize: Tokenize, texts: Sequence[str], control: Control) -> TokenizedTexts:
    """Tokenize a window block by block, between which the call may be stopped."""
    parts = []
    for block in blocks(texts):
        control.check()
        parts.append(tokenize(block))
    return join_tokens(parts)


def tokenize_ahead(
    tokenize: Tokenize, windows: Iterable[tuple[Sequence[str], T]], control: Control
) -> Generator[tuple[T, TokenizedTexts], None, None]:
    """Give the tokens of each window of texts, with what goes with it, while those of the next are made.

    The windows are taken in the caller's thread. Close the generator: that ends its thread.
    """
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - short calls do without

    executor = ThreadPoolExecutor(1, thread_name_prefix="ortembed-tokenizer")
    try:
        waiting: tuple[T, deque[Future[TokenizedTexts]]] | None = None
        for texts, companion in windows:
            started = deque(executor.submit(tokenize, block) for block in blocks(texts))
            if waiting:
                yield waiting[0], _joined(waiting[1], control)
            waiting = companion, started
        if waiting:
            yield waiting[0], _joined(waiting[1], control)
    finally:
        executor.shutdown(cancel_futures=True)


def _joined(started: deque[Future[TokenizedTexts]], control: Control) -> TokenizedTexts:
    parts = []
    while started:  # no name for a future that fails: its error knows this frame, and a cycle would keep the model
        control.check()
        parts.append(started.popleft().result())
    return join_tokens(parts)
