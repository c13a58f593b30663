"""The bridge as a process: a line in, a line out, until the input ends or the process is told to."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from traceback import format_exc
from typing import TYPE_CHECKING

from ortembed.bridge import vectors
from ortembed.bridge.frame import INTERNAL_ERROR, Form, Frame, error_type
from ortembed.bridge.lines import read_lines
from ortembed.bridge.requests import (
    CheckHealth,
    DescribeModel,
    Embed,
    LoadModel,
    read_action,
    read_frame,
    read_object,
)
from ortembed.bridge.stopping import Stopping, Terminated
from ortembed.bridge.streams import Streams
from ortembed.errors import InvalidInputError
from ortembed.options import DOCUMENT, QUERY, first_known

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ortembed.bridge.models import Models
    from ortembed.bridge.requests import Action
    from ortembed.embedder import Embedder


@dataclass(frozen=True)
class Limits:
    """The most that a request may have.

    Attributes:
        texts: Texts in one request.
        line_bytes: Bytes of its line.
    """

    texts: int
    line_bytes: int


class Bridge:
    """Answers lines, one after the other. Not thread-safe: a process has one input."""

    def __init__(self, models: Models, limits: Limits, log: Callable[[str], object]) -> None:
        """Answer with some models.

        Args:
            models: Those that are loaded, and how further ones are.
            limits: What is refused.
            log: Gets a few words on each failure that is not the caller's.
        """
        self._models = models
        self.limits = limits
        self._log = log

    def load(self, model: str) -> None:
        """Load a model ahead of the first request; errors are Embedder's."""
        self._models.load(model)

    def answer(self, line: bytes | None) -> bytes:
        """Answer a line, None for one that was too long. Whatever goes wrong with it becomes its answer."""
        frame = Frame(Form.UNKNOWN)
        try:
            request = read_object(self._whole(line))
            frame = read_frame(request)
            action = read_action(frame.form, request, max_texts=self.limits.texts)
            return frame.success(self._perform(action, frame.form))
        except Exception as error:  # noqa: BLE001 - no line may end the process
            if error_type(error) == INTERNAL_ERROR:
                self._log(f"a request failed inside: {format_exc()}")
            elif not isinstance(error, InvalidInputError):
                self._log(f"{type(error).__name__}: {error}")
            return frame.failure(error)

    def _whole(self, line: bytes | None) -> bytes:
        if line is None:
            raise InvalidInputError(f"the line is longer than {self.limits.line_bytes} bytes")
        return line

    def _perform(self, action: Action, form: Form) -> Mapping[str, object]:
        if isinstance(action, Embed):
            return self._embed(action, form)
        if isinstance(action, LoadModel):
            return self._load(action)
        if isinstance(action, DescribeModel):
            return asdict(self._models.loaded(action.model).model_info())
        if isinstance(action, CheckHealth):
            self._models.loaded(action.model).health_check()
            return {"message": "an embedding can be made"}
        return {"message": "pong"}

    def _load(self, action: LoadModel) -> Mapping[str, object]:
        found = self._models.load(action.model, action.cache_dir)
        info = found.embedder.model_info()
        message = "Model already loaded" if found.was_loaded else "Model loaded successfully"
        return {"message": message, "dimension": info.dimension, "providers": info.providers}

    def _embed(self, action: Embed, form: Form) -> Mapping[str, object]:
        models = self._models
        embedder = models.loaded(action.model) if action.must_be_loaded else models.own()
        response = embedder.embed(
            action.texts,
            prompt=action.prompt,
            prompt_name=_prompt_name(embedder, action),
            normalize_embeddings=action.normalize,
            truncate_dim=action.truncate_dim,
        )
        rows = response.embeddings
        encode = vectors.to_base64 if action.base64 else vectors.to_decimals
        found: dict[str, object] = {"embeddings": encode(rows)}
        if form is Form.METHOD:
            found["count"] = len(rows)
        if action.base64:
            found["dimension"] = rows.shape[1]
        if action.usage:
            found["usage"] = asdict(response.usage)
        return found


def serve(bridge: Bridge, model: str | None) -> None:
    """Load a model where one is named, then answer lines of standard input on standard output.

    Returns when the input ends, nobody reads the answers any more, or SIGTERM comes. Errors of loading pass.
    """
    stopping, streams = Stopping(), Streams()

    def read() -> bytes:
        with stopping.waiting():
            return streams.read()

    try:
        if model is not None:
            with stopping.waiting():
                bridge.load(model)
        for line in read_lines(read, bridge.limits.line_bytes):
            if (line is None or line.strip(b" \t\r")) and not streams.write(bridge.answer(line)):
                return
            stopping.check()
    except Terminated:
        pass


def _prompt_name(embedder: Embedder, action: Embed) -> str | None:
    """Give the name of the prompt that was asked for, by itself or by what the texts are."""
    if action.input_type is None:
        return action.prompt_name
    if action.prompt_name is not None or action.prompt is not None:
        raise InvalidInputError("give one of input_type, prompt_name and prompt")
    names = QUERY if action.input_type == "query" else DOCUMENT
    return first_known(embedder.prompts, names)
