"""Owns what a module for macOS is checked for: that dyld of the oldest system loads it into any Python."""

from __future__ import annotations

import hashlib
import struct
from typing import TYPE_CHECKING

import lief

from platforms.limited_api import is_pythons, outside_stable_abi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from platforms.targets import Target

SYSTEM_FOLDERS = ("/usr/lib/", "/System/Library/")
# How a symbol is looked for when it is bound: in the library with this number, or where anything defines it.
FLAT_LOOKUP = -2
CODE_DIRECTORY = 0xFADE0C02
PAGE = 4096  # bytes; what a hash of the signature is over


def problems(path: Path, target: Target) -> Iterator[str]:
    """Give what is wrong with a module."""
    module = _read(path)
    if module is None:
        yield "the module is no Mach-O file of one architecture"
        return
    yield from _header_problems(module, target)
    yield from _signature_problems(module, path.read_bytes())
    yield from _library_problems(module)
    yield from _symbol_problems(module)


def _read(path: Path) -> lief.MachO.Binary | None:
    fat = lief.MachO.parse(str(path)) if lief.is_macho(str(path)) else None
    return fat.at(0) if fat is not None and fat.size == 1 else None


def _header_problems(module: lief.MachO.Binary, target: Target) -> Iterator[str]:
    if module.header.cpu_type != lief.MachO.Header.CPU_TYPE.ARM64:
        yield f"the module is for {module.header.cpu_type.name}"
    if module.header.file_type != lief.MachO.Header.FILE_TYPE.BUNDLE:
        yield f"the module is a {module.header.file_type.name}, not a bundle"
    oldest = tuple(map(int, target.platform_tag.split("_")[1:3]))
    version = module.build_version
    if version is None or version.platform != lief.MachO.BuildVersion.PLATFORMS.MACOS:
        yield "the module does not say that it is for macOS"
    elif tuple(version.minos[:2]) != oldest:
        yield f"the module is for macOS {'.'.join(map(str, version.minos))} and later, the tag says {oldest}"


def _signature_problems(module: lief.MachO.Binary, content: bytes) -> Iterator[str]:
    if not module.has_code_signature or module.code_signature.data_size == 0:
        yield "the module has no code signature, without which arm64 Macs load nothing"
        return
    start = module.code_signature.data_offset
    # The signature begins with a list of parts; the first is the directory of the pages' hashes.
    directory = start + struct.unpack_from(">I", content, start + 16)[0]
    magic, _, _, _, hashes, _, _, count, limit = struct.unpack_from(">9I", content, directory)
    if magic != CODE_DIRECTORY or limit != start:
        yield "the module's code signature is not of all that is before it"
        return
    for page in range(count):
        stored = content[directory + hashes + 32 * page :][:32]
        if hashlib.sha256(content[page * PAGE : min((page + 1) * PAGE, limit)]).digest() != stored:
            yield f"the module was changed at {page * PAGE:#x}, after it was signed"


def _library_problems(module: lief.MachO.Binary) -> Iterator[str]:
    for library in module.libraries:
        if not library.name.startswith(SYSTEM_FOLDERS):
            yield f"the module loads {library.name}, which is not the system's"
    paths = [command.path for command in module.rpaths]
    if paths:
        yield f"the module looks for libraries in {', '.join(paths)}"


def _symbol_problems(module: lief.MachO.Binary) -> Iterator[str]:
    exported = sorted(symbol.name for symbol in module.exported_symbols)
    if exported != ["_PyInit__native"]:
        yield f"the module exports {', '.join(exported) or 'nothing'}"
    # In C a symbol of Mach-O has one underscore less.
    bound = {binding.symbol.name.removeprefix("_"): binding.library_ordinal for binding in module.bindings}
    unpromised = outside_stable_abi(bound)
    if unpromised:
        yield f"the module uses {', '.join(unpromised)}, outside the stable ABI"
    for name, library in sorted(bound.items()):
        if not is_pythons(name) and library == FLAT_LOOKUP:
            yield f"the module uses {name}, which neither Python nor the system has"
        if is_pythons(name) and library != FLAT_LOOKUP:
            yield f"the module expects {name} in a library, where each Python has it elsewhere"
