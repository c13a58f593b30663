"""Tokenizes texts in two threads at once, or those that come next while the present ones run."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from threading import Thread
from typing import TYPE_CHECKING, TypeVar

from ortembed.tokenizer import TokenizedTexts, join_tokens
from ortembed.windows import blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from ortembed.control import Control

    Tokenize = Callable[[Sequence[str]], TokenizedTexts]

T = TypeVar("T")

_FEWEST_SHARED = 128  # texts, from which on a second thread costs nothing beside the work


def tokenize_now(tokenize: Tokenize, texts: Sequence[str], control: Control) -> TokenizedTexts:
    """Tokenize a window block by block, between which the call may be stopped; many texts in two threads.

    The tokenizer has threads of its own, but right after a run one call often wakes them all on one core, where they
    stay for milliseconds; of two calls each wakes its own. 384 texts that the tokenizer is asked for whole
    then take 12 ms on two cores instead of 17.
    """
    if len(texts) < _FEWEST_SHARED:
        return join_tokens(list(_in_turn(tokenize, texts, control)))
    half = len(texts) // 2
    with closing(_Tokens(tokenize, texts[:half], control)) as first:
        rest = list(_in_turn(tokenize, texts[half:], control))
        return join_tokens([first.result(), *rest])


def tokenize_ahead(
    tokenize: Tokenize, windows: Iterable[tuple[Sequence[str], T]], control: Control
) -> Generator[tuple[T, TokenizedTexts], None, None]:
    """Give the tokens of each window of texts, with what goes with it, while those of the next are made.

    The windows are taken in the caller's thread. Close the generator: that ends its thread.
    """
    waiting: list[tuple[T, _Tokens]] = []  # one, but for the first and last
    try:
        for texts, companion in windows:
            done = [(before, tokens.result()) for before, tokens in waiting]
            waiting = [(companion, _Tokens(tokenize, texts, control))]
            yield from done
        for companion, tokens in waiting:
            yield companion, tokens.result()
    finally:
        for _, tokens in waiting:
            tokens.close()


class _Tokens:
    """Texts that are tokenized in a thread of their own; in the caller's, where none can be started.

    To be closed: an error that nobody took knows it, and the cycle would keep the model in memory.
    """

    def __init__(self, tokenize: Tokenize, texts: Sequence[str], control: Control) -> None:
        """Begin."""
        self._parts: list[TokenizedTexts] = []
        self._errors: list[BaseException] = []
        self._is_closed = False
        work = partial(self._work, tokenize, texts, control)
        self._threads = [Thread(target=work, args=(BaseException,), name="ortembed-tokenizer")]
        try:
            self._threads[0].start()
        except RuntimeError:  # the system has no more threads, or the interpreter ends
            self._threads.clear()
        except BaseException:  # an interrupt; the thread may have begun
            self._is_closed = True
            raise
        if not self._threads:
            work(Exception)  # an interrupt is the caller's at once

    def result(self) -> TokenizedTexts:
        """Wait for the tokens, or raise what went wrong."""
        self._wait()
        if self._errors:
            raise self._errors.pop()
        return join_tokens(self._parts)

    def close(self) -> None:
        """End the thread, after the block that it is at."""
        self._is_closed = True
        self._wait()
        self._errors.clear()

    def _wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _work(self, tokenize: Tokenize, texts: Sequence[str], control: Control, put_off: type[BaseException]) -> None:
        try:
            for tokens in _in_turn(tokenize, texts, control):
                self._parts.append(tokens)
                if self._is_closed:
                    break
        except put_off as error:  # for the one who waits
            self._errors.append(error)


def _in_turn(tokenize: Tokenize, texts: Sequence[str], control: Control) -> Generator[TokenizedTexts, None, None]:
    for block in blocks(texts):
        control.check()
        yield tokenize(block)
