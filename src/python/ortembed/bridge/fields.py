"""The fields of a request, taken one by one with a check of each one's type; null is as good as absent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_TYPES = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
_MOST_SHOWN = 60  # characters of a caller's own in a message


class Fields:
    """What a request has beside its method and id. What was taken is gone, and the end is that nothing is left."""

    def __init__(self, values: dict[str, object]) -> None:
        """Take the values over."""
        self._values = values
        self._known: list[str] = []

    def texts(self, name: str, most: int) -> list[str]:
        """Take a list of at most so many strings, which has to be there."""
        values = self._take(name)
        if not isinstance(values, list):
            raise InvalidInputError(f"{name} is {json_type(values)}, not a list of strings")
        if len(values) > most:
            raise InvalidInputError(f"{name} has {len(values)} texts; this bridge takes up to {most} in a request")
        for index, value in enumerate(values):
            if not isinstance(value, str):
                raise InvalidInputError(f"{name}[{index}] is {json_type(value)}, not a string")
        return values

    def text(self, name: str) -> str | None:
        """Take a string."""
        value = self._take(name)
        if value is not None and not isinstance(value, str):
            raise InvalidInputError(f"{name} is {json_type(value)}, not a string")
        return value

    def required_text(self, name: str) -> str:
        """Take a string, which has to be there and not empty."""
        value = self.text(name)
        if not value:
            raise InvalidInputError(f"{name} is missing")
        return value

    def flag(self, name: str, *, default: bool | None) -> bool | None:
        """Take a boolean."""
        value = self._take(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise InvalidInputError(f"{name} is {json_type(value)}, not a boolean")
        return value

    def count(self, name: str) -> int | None:
        """Take a positive integer."""
        value = self._take(name)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InvalidInputError(f"{name} is not a positive integer")
        return value

    def choice(self, name: str, choices: Sequence[str]) -> str | None:
        """Take one of some strings."""
        value = self.text(name)
        if value is not None and value not in choices:
            raise InvalidInputError(f"{name} is {shown(value)}, none of {', '.join(choices)}")
        return value

    def end(self) -> None:
        """Refuse what was not taken: a misspelt option would otherwise give other vectors than were meant."""
        for name in self._values:
            raise InvalidInputError(f"unknown field {shown(name)}; known here: {', '.join(self._known)}")

    def _take(self, name: str) -> object:
        self._known.append(name)
        return self._values.pop(name, None)


def json_type(value: object) -> str:
    """Name the type of a value of JSON's."""
    return _TYPES.get(type(value), "a number")


def shown(value: object) -> str:
    """Show a value of JSON's, cut where it is long."""
    try:
        text = json.dumps(value)
    except RecursionError:
        return f"{json_type(value)}, nested too deeply"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def is_unicode(text: str) -> bool:
    """Tell whether a string has no half of a surrogate pair, which no encoding of Unicode allows."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
