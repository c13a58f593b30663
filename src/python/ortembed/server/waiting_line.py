"""Decides which of the waiting texts run together next. Knows no clock, thread or event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


class Ticket:
    """A request's place in line, and which of its texts have been taken."""

    __slots__ = ("_next", "_order", "kind", "lengths", "served_tokens")

    def __init__(self, kind: Hashable, lengths: Sequence[int]) -> None:
        """Take the tokens of each text, at least one text. Only tickets of one kind can run together."""
        self.kind = kind
        self.lengths = lengths
        self.served_tokens = 0
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
        self.served_tokens += self.next_length
        self._next += 1
        return self._order[self._next - 1]


AnyTicket = TypeVar("AnyTicket", bound=Ticket)


class WaitingLine(Generic[AnyTicket]):
    """Requests that wait, and whose turn it is.

    Batches are led in turn by the request that came first and by the one that has been served least. The leader takes
    texts up to half of the batch; the other half is shared equally by those of its kind, the least served first, each
    getting a text where one fits; what is left then goes to those who came first.

    So large requests are done in the order in which they came and not all at the end, none waits for ever, and a
    small one waits for a batch or two and not for the large ones before it.
    """

    def __init__(self, batch_tokens: int) -> None:
        """Start with nobody waiting. A text of more than the tokens of a batch runs alone."""
        self._batch_tokens = batch_tokens
        self._tickets: dict[AnyTicket, None] = {}  # in the order in which they came
        self._first_leads = True
        self.tokens = 0  # of the texts that wait

    def __len__(self) -> int:
        """Count the requests that wait."""
        return len(self._tickets)

    def join(self, ticket: AnyTicket) -> None:
        """Put a request at the end of the line."""
        self._tickets[ticket] = None
        self.tokens += sum(ticket.lengths)

    def leave(self, ticket: AnyTicket) -> None:
        """Take a request out of the line, if it is still there."""
        if ticket in self._tickets:
            del self._tickets[ticket]
            self.tokens -= sum(ticket.lengths) - ticket.served_tokens

    def next_batch(self) -> list[tuple[AnyTicket, list[int]]]:
        """Take the texts that run next: requests with the indices of their texts; none when nobody waits."""
        if not self._tickets:
            return []
        least_served = sorted(self._tickets, key=lambda ticket: ticket.served_tokens)  # equals as they came
        leader = next(iter(self._tickets)) if self._first_leads else least_served[0]
        self._first_leads = not self._first_leads
        batch = _Batch[AnyTicket](self._batch_tokens)
        batch.take(leader, self._batch_tokens // 2)
        mates = [ticket for ticket in least_served if ticket.kind == leader.kind and ticket is not leader]
        share = (self._batch_tokens - batch.tokens) // max(1, len(mates))
        for ticket in mates:
            batch.take(ticket, share)
        for ticket in self._tickets:
            if ticket.kind == leader.kind:
                batch.take(ticket, self._batch_tokens)
        self.tokens -= batch.tokens
        for ticket in batch.rows:
            if ticket.is_served:
                del self._tickets[ticket]
        return list(batch.rows.items())


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
