"""What a service is started with: limits, times and keys, each a plain value, checked here."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from ortembed.errors import InvalidInputError

MOST_TEXTS = 65_536  # of a request, whatever the limits say: what is more is not even read


@dataclass(frozen=True)
class Limits:
    """What one client, and all of them together, may ask.

    Attributes:
        max_client_batch_size: Texts of one request.
        max_text_characters: Characters of one text, which are all tokenized before those beyond the model's are cut.
        max_answer_values: Numbers in one answer, which are many where there is a vector for each token.
        max_body_bytes: Bytes of one request's body.
        max_pending_bytes: Bytes of all the bodies that are read or waiting.
        max_concurrent_requests: Requests that are read, waiting or running.
        max_queue_tokens: Tokens that wait for a model.
        max_batch_tokens: Tokens that go to the engine together.
        request_timeout: Seconds until a request is given up; a client may ask for fewer.
        body_timeout: Seconds in which a request's body has to arrive.
        head_timeout: Seconds in which a request's headers have to arrive, and a quarter of what is left of an answer
            has to be read.
        drain_timeout: Seconds for which requests may go on after SIGTERM.
    """

    max_client_batch_size: int = 2048
    max_text_characters: int = 500_000
    max_answer_values: int = 2**24
    max_body_bytes: int = 8 * 2**20
    max_pending_bytes: int = 128 * 2**20
    max_concurrent_requests: int = 512
    max_queue_tokens: int = 2**20
    max_batch_tokens: int = 1536
    request_timeout: float = 60.0
    body_timeout: float = 30.0
    head_timeout: float = 15.0
    drain_timeout: float = 20.0

    def __post_init__(self) -> None:
        """Refuse what is not positive.

        Raises:
            InvalidInputError: The message names the limit.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise InvalidInputError(f"{field.name} is {value!r}, not a positive number")
        if self.max_client_batch_size > MOST_TEXTS:
            raise InvalidInputError(f"max_client_batch_size is {self.max_client_batch_size}, more than {MOST_TEXTS}")


@dataclass(frozen=True)
class Settings:
    """How a service answers.

    Attributes:
        limits: What may be asked of it.
        api_keys: Keys of which a client has to show one; none for a service that is open.
        auto_truncate: Whether texts that are too long are cut where a request does not say.
        allowed_origins: Web pages that may call it from a browser, such as https://example.com; * for any.
    """

    limits: Limits = Limits()
    api_keys: tuple[str, ...] = ()
    auto_truncate: bool = True
    allowed_origins: tuple[str, ...] = ()
