"""The public class's coroutines: encode and its like for programs with an event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ortembed.encoding import encode_texts
from ortembed.options import DOCUMENT, QUERY, check_known, first_known

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt
    from typing_extensions import Unpack

    from ortembed.background import Background
    from ortembed.options import EncodeOptions, RecipeOptions
    from ortembed.pipeline import Pipeline

    Vectors = npt.NDArray[Any]


class AsyncEncoding:
    """What an Embedder does for asyncio."""

    _pipeline: Pipeline
    _background: Background

    async def aencode(
        self,
        texts: str | Iterable[str],
        *,
        prompt_name: str | None = None,
        show_progress_bar: bool | None = None,
        out: Vectors | None = None,
        **options: Unpack[RecipeOptions],
    ) -> Vectors:
        """Encode without blocking the event loop. Arguments, result and errors as for encode.

        The call runs in one of a few threads of the Embedder's, tokenization included; an iterable of texts is read
        there. Any number may be awaited at once; those beyond the threads wait for their turn.

        Cancelling the task ends it at once. A call that was waiting then never runs; one that was running stops
        within one batch of the model, until when it may still write to ``out``. The exit of the interpreter stops
        calls in the same way. Works under asyncio and what builds on it (uvloop, anyio on asyncio), not under trio.
        """
        check_known("aencode", options)
        recipe = self._pipeline.recipe(prompt_name=prompt_name, **options)
        return await self._background.run(
            partial(encode_texts, self._pipeline, texts, recipe, out, show_progress_bar=show_progress_bar)
        )

    async def aencode_query(
        self, texts: str | Iterable[str], *, prompt_name: str | None = None, **options: Unpack[EncodeOptions]
    ) -> Vectors:
        """Encode as encode_query does, without blocking the event loop. See aencode."""
        name = first_known(self._pipeline.settings.prompts, QUERY) if prompt_name is None else prompt_name
        return await self.aencode(texts, prompt_name=name, **options)

    async def aencode_document(
        self, texts: str | Iterable[str], *, prompt_name: str | None = None, **options: Unpack[EncodeOptions]
    ) -> Vectors:
        """Encode as encode_document does, without blocking the event loop. See aencode."""
        name = first_known(self._pipeline.settings.prompts, DOCUMENT) if prompt_name is None else prompt_name
        return await self.aencode(texts, prompt_name=name, **options)
