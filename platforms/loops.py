"""Owns the loops of a disassembly: objdump's text, GNU's or LLVM's, to instructions and innermost loops.

Pure functions over text: x86-64 in AT&T's order (what is written stands last), AArch64 in Arm's (it stands first).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LINE = re.compile(r"\s*([0-9a-f]+):\s+(\S.*)")
_COMMENT = re.compile(r"\s+(?:#\s|//|;\s|<).*")
_ENCODING = re.compile(r"\{\w+\}\s+")  # {vex}, {evex}
_SEPARATOR = re.compile(r",(?![^(\[{]*[)\]}])")  # commas outside brackets
_JUMP = re.compile(r"j[a-z]+|b(?:\.[a-z]+)?|cbn?z|tbn?z")
_ADDRESS = re.compile(r"(?:0x)?([0-9a-f]+)")
_RETURN = re.compile(r"ret[a-z]*|ud2|brk|udf")
_VECTOR = re.compile(r"\b([xyz]mm\d+|[vqdz]\d+)\b")
_MEMORY = re.compile(r"\(%(\w+)|\[(\w+)")
_PART = re.compile(r"e(\w\w)|(r\d+)d|w(\d+)")  # names of half a register
_READS_ALONE = ("cmp", "test", "push", "st")
_STACK_POINTERS = {"rsp", "sp"}
_LONGEST = 1_000  # instructions, of a loop that is looked at
_PROLOGUE = 400  # instructions before a loop that may have set a register for it


@dataclass(frozen=True)
class Instruction:
    """One line of a disassembly."""

    address: int
    mnemonic: str  # without the arrangement that Apple's syntax puts behind it: fmla, not fmla.4s
    operands: tuple[str, ...]

    @cached_property
    def vectors(self) -> list[str]:
        """The vector registers that it names, in order."""
        return _VECTOR.findall(", ".join(self.operands))

    @cached_property
    def base(self) -> str | None:
        """The register that its memory operand counts from; None where it has none."""
        found = _MEMORY.search(", ".join(self.operands))
        return found and (found[1] or found[2])

    @cached_property
    def written(self) -> set[str]:
        """The registers that it writes; those of memory operands are read."""
        if not self.operands or self.mnemonic.startswith(_READS_ALONE):
            return set()
        if self.mnemonic.startswith("ldp"):
            return {_whole(self.operands[0]), _whole(self.operands[1])}
        return {_whole(self.operands[-1 if "%" in "".join(self.operands) else 0])}

    @property
    def jump(self) -> int | None:
        """The address that it jumps to; None where it is no direct jump."""
        found = self.operands and _JUMP.fullmatch(self.mnemonic) and _ADDRESS.fullmatch(self.operands[-1])
        return int(found[1], 16) if found else None

    @property
    def is_return(self) -> bool:
        """Whether a function ends here."""
        return bool(_RETURN.fullmatch(self.mnemonic))

    def __str__(self) -> str:
        """As objdump writes it, about."""
        return f"{self.mnemonic} {', '.join(self.operands)}"


@dataclass(frozen=True)
class Loop:
    """An innermost loop, from the first instruction to the jump back to it."""

    body: Sequence[Instruction]
    before: Sequence[Instruction]  # of the function's way to it

    def stack_traffic(self) -> list[Instruction]:
        """Give the instructions that have a vector register and an operand on the stack."""
        return [one for one in self.body if one.vectors and one.base and self._points_to_stack(one.base)]

    def _points_to_stack(self, register: str) -> bool:
        """Tell whether a register is the stack pointer, or was last set from it: a frame pointer, a local array's."""
        if register in _STACK_POINTERS:
            return True
        setters = [one for one in (*self.body, *reversed(self.before)) if _sets(one, register)]
        return bool(setters) and _is_from_stack_pointer(setters[0])


def _whole(operand: str) -> str:
    """Give the whole register of an operand that names it, or half of it; other operands as they are."""
    name = operand.removeprefix("%")
    half = _PART.fullmatch(name)
    if half is None:
        return name
    return f"r{half[1]}" if half[1] else half[2] or f"x{half[3]}"


def _sets(one: Instruction, register: str) -> bool:
    """Tell whether an instruction gives a register a value that is not its old one moved on."""
    if register not in one.written or one.mnemonic.startswith(("inc", "dec")):
        return False
    if one.mnemonic.startswith("lea") and one.base == register:
        return False
    is_sum = one.mnemonic.startswith(("add", "sub"))
    return not (is_sum and (len(one.operands) == 2 or register in map(_whole, one.operands[1:])))  # noqa: PLR2004


def _is_from_stack_pointer(one: Instruction) -> bool:
    if one.base is not None:
        return one.mnemonic.startswith("lea") and one.base in _STACK_POINTERS
    return not one.mnemonic.startswith("pop") and any(_whole(operand) in _STACK_POINTERS for operand in one.operands)


def parse(text: str) -> list[Instruction]:
    """Read what ``objdump -d --no-show-raw-insn`` prints."""
    return list(_instructions(text))


def _instructions(text: str) -> Iterator[Instruction]:
    for line in text.splitlines():
        found = _LINE.fullmatch(line)
        words = _ENCODING.sub("", _COMMENT.sub("", found[2])).split(maxsplit=1) if found else []
        if words:
            mnemonic, _, arrangement = words[0].partition(".")
            if mnemonic == "b" and arrangement:  # a condition
                mnemonic = words[0]
            operands = tuple(part.strip() for part in _SEPARATOR.split(words[1])) if len(words) > 1 else ()
            yield Instruction(int(found[1], 16), mnemonic, operands)


def innermost_loops(code: Sequence[Instruction]) -> list[Loop]:
    """Give the innermost loops: from where a backward jump goes to that jump, without a return between."""
    places = {one.address: place for place, one in enumerate(code)}
    spans: list[tuple[int, int]] = []
    for end, one in enumerate(code):
        start = places.get(one.jump, end + 1) if one.jump is not None else end + 1
        if start > end or end - start > _LONGEST or any(inner.is_return for inner in code[start:end]):
            continue
        if not spans or spans[-1][0] < start:  # ends rise, so that a span inside this one is among the last
            spans.append((start, end))
    return [Loop(code[start : end + 1], _way_to(code, start)) for start, end in spans]


def _way_to(code: Sequence[Instruction], start: int) -> Sequence[Instruction]:
    """Give what lies before a loop in its function, as far as returns tell where that begins."""
    first = start
    while first > max(0, start - _PROLOGUE) and not code[first - 1].is_return:
        first -= 1
    return code[first:start]
