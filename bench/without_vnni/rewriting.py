"""Makes a copy of a library in which questions about the processor, and what an older one lacks, are illegal.

One byte changes of each instruction, the first. Instructions are found by disassembling, so that data and the middle
of other instructions stay as they are. A cpuid that was missed leads to instructions that end the process; what was
taken for an instruction and is none shows in the answers, which are compared before anything is timed.
"""

from __future__ import annotations

import re
import struct
import subprocess
from typing import TYPE_CHECKING

from bench.errors import EngineError
from bench.without_vnni.older import CPUID

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from bench.without_vnni.older import Processor

ASKS, LACKS = 0x06, 0x07  # as in hidden_cpuid.c: push es and pop es, which 64-bit code cannot have
_LINE = re.compile(r" *([0-9a-f]+):\t([0-9a-f]{2}) [0-9a-f ]*\t(.+)")
_LOADED = 1  # PT_LOAD


def write_copy(library: Path, target: Path, processor: Processor, objdump: str) -> int:
    """Write the copy for a pretended processor; give how many instructions differ.

    Raises:
        EngineError: objdump's listing has no cpuid, or does not fit the file.
    """
    content = bytearray(library.read_bytes())
    segments = list(loaded_segments(content))
    command = [objdump, "--disassemble", "--wide", str(library)]
    changed, asked = 0, 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listing:
        for address, first_byte, new in changes(listing.stdout, processor):
            place = file_offset(segments, address)
            if content[place] != first_byte:
                raise EngineError(
                    f"{library}: {content[place]:02x} at {address:x}, where {command} sees {first_byte:02x}"
                )
            content[place] = new
            changed += 1
            asked += new == ASKS
    if listing.returncode or not asked:
        raise EngineError(f"{command} ended with {listing.returncode} and found {asked} cpuid")
    target.write_bytes(content)
    return changed


def changes(listing: Iterable[str], processor: Processor) -> Iterator[tuple[int, int, int]]:
    """Read a listing; give each changed instruction's address, its first byte and the one to put there."""
    for line in listing:
        # A look at the whole line first: there are millions, and few match.
        if "\t62 " not in line and CPUID not in line and "dp" not in line:
            continue
        if found := _LINE.match(line):
            address, first_byte, instruction = found.groups()
            if instruction.strip() == CPUID:
                yield int(address, 16), int(first_byte, 16), ASKS
            elif processor.lacks(first_byte, instruction):
                yield int(address, 16), int(first_byte, 16), LACKS


def loaded_segments(content: bytes | bytearray) -> Iterator[tuple[int, int, int]]:
    """Read an ELF file's program headers (64-bit, little-endian); give address, offset and size of what is loaded."""
    (start,) = struct.unpack_from("<Q", content, 0x20)
    size, count = struct.unpack_from("<HH", content, 0x36)
    for header in range(start, start + size * count, size):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", content, header)
        if kind == _LOADED:
            yield address, offset, length


def file_offset(segments: Iterable[tuple[int, int, int]], address: int) -> int:
    """Give where in the file an address is loaded from.

    Raises:
        EngineError: From nowhere.
    """
    for begin, offset, length in segments:
        if begin <= address < begin + length:
            return address - begin + offset
    raise EngineError(f"no segment of the library has the address {address:x}")
