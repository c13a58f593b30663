"""The bridge's client: an embedding model in a process of its own, which is started anew when it dies."""

from __future__ import annotations

import os
import sys
import time
import weakref
from collections import deque
from itertools import count, islice
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ortembed.bridge import vectors
from ortembed.bridge.calls import Call
from ortembed.bridge.choices import to_fields
from ortembed.bridge.process import own_descriptor
from ortembed.bridge.supervisor import Supervisor
from ortembed.errors import ServiceUnavailableError
from ortembed.hub import full_name
from ortembed.manifest import DEFAULT_MODEL
from ortembed.responses import ModelInfo
from ortembed.tokenizer import check_texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import IO, Literal

    import numpy.typing as npt
    from typing_extensions import Self

    from ortembed.bridge.calls import Answer

    Floats = npt.NDArray[np.float32]

_TEXTS = 1024  # in one request
_CHARACTERS = 1 << 20  # in one request of several; of 6 bytes at most each, which is less than a bridge takes
_AHEAD = 4  # requests of one call that are on their way at once
_JOIN_SECONDS = 5.0
_START = "import sys; sys.path[:] = {paths!r}; from ortembed.cli import main; raise SystemExit(main())"


class BridgeClient:
    """A model in a process of its own.

    Thread-safe: calls of several threads are on their way at once. A process that dies is started anew, and what it
    had not answered is sent again. It ends with ``close``, the ``with`` block, the client's last reference, or this
    interpreter; and by itself when this process is killed. It does not survive ``fork()``.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        arguments: Sequence[str] = (),
        command: Sequence[str] | None = None,
        timeout: float | None = 60.0,
        start_timeout: float = 600.0,
        stderr: int | IO[Any] | None = None,
    ) -> None:
        """Start a bridge, and do not wait for it.

        Args:
            model: What it loads: a short name, a name on the hub, or a folder.
            arguments: Further ones of ``ortembed bridge``, such as ["--dtype", "int8"].
            command: What to start instead of this interpreter's ``ortembed bridge``; arguments follow it.
            timeout: Seconds that a call may take, where it does not say itself; None for any number. The start of
                a process counts.
            start_timeout: Seconds that a process has to load the model.
            stderr: Where its standard error goes: a descriptor or file, of which a copy is taken, or
                subprocess.DEVNULL; by default this process's own.

        Raises:
            InvalidInputError: stderr is not open, or subprocess.PIPE or STDOUT.
        """
        start = _this_interpreter() if command is None else command
        opening = {"method": "load_model", "params": {"model": full_name(os.fspath(model))}}
        self._timeout = timeout
        self._identities = count(1)
        self._process = os.getpid()
        self._supervisor = Supervisor(
            (*start, *arguments), opening, stderr=own_descriptor(stderr), limit=start_timeout
        )
        self._finalizer = weakref.finalize(self, _end, self._supervisor, self._process)

    def encode(
        self,
        texts: str | Iterable[str],
        *,
        input_type: Literal["query", "document"] | None = None,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize_embeddings: bool | None = None,
        truncate_dim: int | None = None,
        timeout: float | None = None,
    ) -> Floats:
        """Turn texts into vectors, as Embedder.encode does.

        Args:
            texts: One text, or any iterable of them. Many are sent in several requests.
            input_type: "query" and "document" stand for what encode_query and encode_document do.
            prompt_name: As for Embedder.encode.
            prompt: As for Embedder.encode.
            normalize_embeddings: As for Embedder.encode.
            truncate_dim: As for Embedder.encode.
            timeout: Seconds that all of it may take; by default the client's.

        Returns:
            float32 [n, dimension] for n texts, [dimension] for one text.

        Raises:
            InvalidInputError: Something that is not a text, or an option that does not fit.
            ServiceUnavailableError: No answer in time, no process that lives long enough, or the client is closed.
            OrtembedError: Whatever else Embedder raises, for loading too.
        """
        options = to_fields(
            input_type=input_type,
            prompt_name=prompt_name,
            prompt=prompt,
            normalize_embeddings=normalize_embeddings,
            truncate_dim=truncate_dim,
        )
        is_one = isinstance(texts, str)
        checked = check_texts([texts] if isinstance(texts, str) else texts)
        requests = ({"texts": part, "encoding": "base64", **options} for part in _parts(checked))
        rows = [
            vectors.from_base64(answer["embeddings"], answer["dimension"])
            for answer in self._answers(requests, self._deadline(timeout))
        ]
        array = np.concatenate(rows)
        return array[0] if is_one else array

    def ping(self, *, timeout: float | None = None) -> None:
        """Return when the bridge answers, its model being loaded; errors as for encode."""
        self._ask("ping", timeout)

    def health(self, *, timeout: float | None = None) -> None:
        """Return when the bridge has made an embedding; errors as for encode."""
        self._ask("health", timeout)

    def model_info(self, *, timeout: float | None = None) -> ModelInfo:
        """Describe the model and what runs it; errors as for encode."""
        answer = self._ask("model_info", timeout)
        values = {name: answer[name] for name in ModelInfo.__annotations__}
        return ModelInfo(**{**values, "providers": tuple(values["providers"])})

    def close(self) -> None:
        """End the process. Calls under way, and later ones, get a ServiceUnavailableError."""
        self._finalizer()
        if os.getpid() == self._process:
            self._supervisor.join(_JOIN_SECONDS)

    def __enter__(self) -> Self:
        """Give the client itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _ask(self, method: str, timeout: float | None) -> Answer:
        return next(self._answers(iter([{"method": method}]), self._deadline(timeout)))

    def _answers(self, requests: Iterator[Mapping[str, Any]], deadline: _Deadline) -> Iterator[Answer]:
        """Send requests, a few ahead of the answers, and give these in order."""
        calls = (self._submit(request) for request in requests)
        under_way = deque(islice(calls, _AHEAD))
        try:
            while under_way:
                yield deadline.wait_for(under_way[0])
                under_way.popleft()
                under_way.extend(islice(calls, 1))
        finally:
            for call in under_way:
                self._supervisor.give_up(call)

    def _submit(self, request: Mapping[str, Any]) -> Call:
        if os.getpid() != self._process:
            raise ServiceUnavailableError("this process was forked from the one that made the BridgeClient")
        call = Call(next(self._identities), request)
        self._supervisor.submit(call)
        return call

    def _deadline(self, timeout: float | None) -> _Deadline:
        seconds = self._timeout if timeout is None else timeout
        return _Deadline(seconds, None if seconds is None else time.monotonic() + seconds)


class _Deadline(NamedTuple):
    seconds: float | None
    moment: float | None

    def wait_for(self, call: Call) -> Answer:
        left = None if self.moment is None else min(TIMEOUT_MAX, max(0.0, self.moment - time.monotonic()))
        if not call.wait(left):
            raise ServiceUnavailableError(f"the bridge gave no answer within {self.seconds:g} seconds")
        return call.result()


def _parts(texts: list[str]) -> Iterator[list[str]]:
    """Cut a list into requests; one of no texts makes one request too, whose answer tells the dimension."""
    part: list[str] = []
    characters = 0
    for text in texts:
        if part and (len(part) == _TEXTS or characters + len(text) > _CHARACTERS):
            yield part
            part, characters = [], 0
        part.append(text)
        characters += len(text)
    yield part


def _this_interpreter() -> Sequence[str]:
    """Give the command of a bridge that imports what this process does, and nothing of its working folder."""
    paths = [os.path.abspath(path) for path in sys.path if path]  # noqa: PTH100 - of any strings, "zip" ones too
    return (sys.executable, "-c", _START.format(paths=paths), "bridge")


def _end(supervisor: Supervisor, process: int) -> None:
    if os.getpid() == process:  # not in a forked child, at whose exit this runs as well
        supervisor.close()
