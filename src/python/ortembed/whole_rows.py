"""A text's tokens made whole again from the pieces that the tokenizer's truncation cut it into."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import tokenizers


class Token(NamedTuple):
    """One token of a text.

    Attributes:
        id: Its place in the vocabulary.
        text: The characters that it stands for, or a special token's name.
        special: Whether the tokenizer added it, so that it stands for none of the text.
        start: The first of its characters in the text; None for a special token.
        stop: The character after its last one; None for a special token.
    """

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class _Row(NamedTuple):
    ids: list[int]
    names: list[str]
    offsets: list[tuple[int, int]]
    head: int  # special tokens before the text's own
    tail: int  # and after them


def whole_tokens(encoding: tokenizers.Encoding, text: str, side: str) -> list[Token]:
    """Give all tokens of a text; ``side`` is the one where the tokenizer cuts."""
    row = _whole(encoding, side)
    last = len(row.ids) - row.tail
    return [
        Token(row.ids[i], text[start:stop], False, start, stop)  # noqa: FBT003 - a field of the token
        if row.head <= i < last
        else Token(row.ids[i], row.names[i], True, None, None)  # noqa: FBT003 - the same
        for i, (start, stop) in enumerate(row.offsets)
    ]


def cut_ids(encoding: tokenizers.Encoding, side: str, longest: int, cut: str) -> list[int]:
    """Give the ids of a text that is cut at another side than the tokenizer's, its special tokens kept."""
    row = _whole(encoding, side)
    surplus = len(row.ids) - longest
    if surplus <= 0:
        return row.ids
    last = len(row.ids) - row.tail
    if cut == "left":
        return row.ids[: row.head] + row.ids[row.head + surplus :]
    return row.ids[: last - surplus] + row.ids[last:]


def _whole(encoding: tokenizers.Encoding, side: str) -> _Row:
    """Join the pieces, each of which has special tokens of its own."""
    rest = encoding.overflowing
    pieces = [encoding, *rest] if side == "right" else [*reversed(rest), encoding]
    ids: list[int] = []
    names: list[str] = []
    offsets: list[tuple[int, int]] = []
    heads, tails = zip(*(_specials(piece) for piece in pieces), strict=True)
    for number, piece in enumerate(pieces):
        start = heads[number] if number else 0
        stop = len(piece.ids) - (tails[number] if number < len(pieces) - 1 else 0)
        ids += piece.ids[start:stop]
        names += piece.tokens[start:stop]
        offsets += piece.offsets[start:stop]
    return _Row(ids, names, offsets, heads[0], tails[-1])


def _specials(piece: tokenizers.Encoding) -> tuple[int, int]:
    """Count the special tokens at both ends of a piece; one of nothing else has them all at its beginning."""
    mask = piece.special_tokens_mask
    own = [i for i, special in enumerate(mask) if not special]
    return (own[0], len(mask) - 1 - own[-1]) if own else (len(mask), 0)
