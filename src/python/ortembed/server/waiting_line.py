"""Decides which of the waiting texts run together next. Knows no clock, thread or event loop."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


class Ticket:
    """A request's place in line, and which of its texts have been taken."""

    __slots__ = ("_next", "_order", "kind", "lengths")

    def __init__(self, kind: Hashable, lengths: Sequence[int]) -> None:
        """Take the tokens of each text, at least one text. Only tickets of one kind can run together."""
        self.kind = kind
        self.lengths = lengths
        # Longest first: texts that are taken together are of like lengths, and the engine pads little.
        self._order = sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True)
        self._next = 0

    @property
    def is_served(self) -> bool:
        """Whether all of the texts have been taken."""
        return self._next == len(self._order)

    @property
    def next_length(self) -> int:
        """Tokens of the text that would be taken next."""
        return self.lengths[self._order[self._next]]

    def take(self) -> int:
        """Take the next text; give its index in the request."""
        self._next += 1
        return self._order[self._next - 1]


AnyTicket = TypeVar("AnyTicket", bound=Ticket)


class WaitingLine(Generic[AnyTicket]):
    """Tickets in the order in which they are served.

    A batch holds texts of one kind, that of the first in line, up to a number of tokens. Each request gets an equal
    share of it, and at least a text where that fits; what is left goes to the first in line. Who has been served and
    has more texts goes to the end. So a small request waits for the batches of those before it and not for the large
    requests that they belong to, and a large one alone gets all of every batch.
    """

    def __init__(self, batch_tokens: int) -> None:
        """Start with nobody waiting. A text of more than the tokens of a batch runs alone."""
        self._batch_tokens = batch_tokens
        self._tickets: deque[AnyTicket] = deque()
        self.tokens = 0  # of the texts that wait

    def __len__(self) -> int:
        """Count the requests that wait."""
        return len(self._tickets)

    def join(self, ticket: AnyTicket) -> None:
        """Put a request at the end of the line."""
        self._tickets.append(ticket)
        self.tokens += sum(ticket.lengths)

    def leave(self, ticket: AnyTicket) -> None:
        """Take a request out of the line, if it is still there."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)
            while not ticket.is_served:
                self.tokens -= ticket.lengths[ticket.take()]

    def next_batch(self) -> list[tuple[AnyTicket, list[int]]]:
        """Take the texts that run next: requests with the indices of their texts; none when nobody waits."""
        if not self._tickets:
            return []
        kind = self._tickets[0].kind
        mates = [ticket for ticket in self._tickets if ticket.kind == kind]
        batch = _Batch[AnyTicket](self._batch_tokens)
        share = self._batch_tokens // len(mates)
        for ticket in mates:
            batch.take(ticket, share)
        for ticket in mates:
            batch.take(ticket, self._batch_tokens)
        self.tokens -= batch.tokens
        self._move_back(batch.rows)
        return list(batch.rows.items())

    def _move_back(self, taken: dict[AnyTicket, list[int]]) -> None:
        served = [ticket for ticket in taken if not ticket.is_served]
        self._tickets = deque(ticket for ticket in self._tickets if ticket not in taken)
        self._tickets.extend(served)


class _Batch(Generic[AnyTicket]):
    """Texts that have been taken for one batch."""

    def __init__(self, most_tokens: int) -> None:
        self._most_tokens = most_tokens
        self.tokens = 0
        self.rows: dict[AnyTicket, list[int]] = {}

    def take(self, ticket: AnyTicket, most_tokens: int) -> None:
        """Take a ticket's texts as far as the batch holds them: the first one at least, more up to so many tokens."""
        rows = self.rows.get(ticket, [])
        own = sum(ticket.lengths[row] for row in rows)
        while not ticket.is_served:
            length = ticket.next_length
            if (rows and own + length > most_tokens) or (self.tokens and self.tokens + length > self._most_tokens):
                break
            rows.append(ticket.take())
            own += length
            self.tokens += length
        if rows:
            self.rows[ticket] = rows
