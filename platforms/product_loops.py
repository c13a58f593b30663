"""Owns what is asked of the inner loops of products in a built module: every sum in a register of its own.

``multiply`` in src/cpp/kernels/generic/product.h is written so that compilers can do that. Where one keeps sums on
the stack all the same, or copies them to and fro, products are right, at half the speed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from platforms.loops import innermost_loops, parse
from platforms.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from platforms.loops import Instruction, Loop

TARGETS = ROOT / "src/cpp/kernels/targets"
# What a loop of products does beside them: it moves operands, widens them, clears sums.
_MOVES = re.compile(r"v?p?mov\w*|v?p?broadcast\w+|vpslld|v?p?xor[dq]?|v?xorps|ld\w+|st\w+|u?shll2?|[su]xtl2?|dup|ins")
_FUSED = re.compile(r"(?<=^vfmadd)\d+")  # 132, 213, 231: which operand is the sum


@dataclass(frozen=True)
class Family:
    """A dot product in one kind of register, and how many sums its largest tile has."""

    product: str  # its instruction
    register: str  # how the names of its vector registers begin
    sums: int  # registers of them
    adds: str | None = None  # the instruction that adds to a sum, where the product does not
    is_rare: bool = True  # whether nothing but products uses the instruction

    def products(self, loop: Loop) -> list[Instruction]:
        """Give the products in a loop; none of a loop that computes something else."""
        found = [one for one in loop.body if self._is_of(self.product, one)]
        others = (one for one in loop.body if one.vectors and one not in found and not _MOVES.fullmatch(one.mnemonic))
        return found if self.is_rare or not any(others) else []

    def registers_of_sums(self, loop: Loop) -> int:
        """Give how many registers a loop adds to."""
        return len({name for one in loop.body if self._is_of(self.adds or self.product, one) for name in one.written})

    def _is_of(self, name: str, one: Instruction) -> bool:
        same = one.mnemonic == name or _FUSED.sub("231", one.mnemonic) == name
        return same and any(vector.startswith(self.register) for vector in one.vectors)


_AVX2_FLOAT = Family("vfmadd231ps", "ymm", 12, is_rare=False)
_AVX512_FLOAT = Family("vfmadd231ps", "zmm", 24, is_rare=False)
_AVX512_INT8 = Family("vpdpbusd", "zmm", 24)
# A new instruction set is a line here: its name in ORTEMBED_ISA, which is its file's in src/cpp/kernels/targets.
FAMILIES = {
    "avx2": (Family("vpmaddubsw", "ymm", 10, adds="vpaddd"), _AVX2_FLOAT),
    "avx512": (Family("vpmaddubsw", "zmm", 20, adds="vpaddd"), _AVX512_FLOAT),
    "avx_vnni": (Family("vpdpbusd", "ymm", 12), _AVX2_FLOAT),
    "avx512_vnni": (_AVX512_INT8, _AVX512_FLOAT),
    "avx512_bf16": (_AVX512_INT8, Family("vdpbf16ps", "zmm", 24)),
    "neon_dot": (Family("sdot", "v", 20), Family("fmla", "v", 20, is_rare=False)),
    "neon_i8mm": (Family("usmmla", "v", 24), Family("bfmmla", "v", 24), Family("bfdot", "v", 16)),
}
# By processor, as CMake or Python name it, how the names of its instruction sets begin.
_PREFIXES = {"x86_64": "avx", "amd64": "avx", "aarch64": "neon", "arm64": "neon"}


def compiled_isas(processor: str) -> list[str]:
    """Give the instruction sets that are compiled in for a processor, without the plain one that each has."""
    prefix = _PREFIXES.get(processor.lower())
    return [path.stem for path in sorted(TARGETS.glob(f"{prefix}*.cpp"))] if prefix else []


def problems(disassembly: str, isas: Iterable[str]) -> list[str]:
    """Give what is wrong with the product loops of a module that was built for these instruction sets."""
    isas = list(isas)
    unknown = [f"platforms/product_loops.py does not say what products of {isa} look like" for isa in isas
               if isa not in FAMILIES]  # fmt: skip
    sets: dict[Family, list[str]] = {}
    for isa in isas:
        for family in FAMILIES.get(isa, ()):
            sets.setdefault(family, []).append(isa)
    loops = innermost_loops(parse(disassembly))
    return [
        *unknown,
        *(problem for family, names in sets.items() for problem in _problems_of(family, " and ".join(names), loops)),
    ]


def _problems_of(family: Family, isas: str, loops: Sequence[Loop]) -> list[str]:
    found = [loop for loop in loops if family.products(loop)]
    wrong = [_on_stack(family, loop) for loop in found if loop.stack_traffic()]
    sums = max((family.registers_of_sums(loop) for loop in found), default=0)
    if sums < family.sums:
        wrong.append(
            f"no loop of {family.product} ({isas}) has its {family.sums} sums in {family.register} registers of "
            f"their own; the most are {sums}, in {len(found)} loops"
        )
    return wrong


def _on_stack(family: Family, loop: Loop) -> str:
    traffic = loop.stack_traffic()
    return (
        f"the loop at {loop.body[0].address:#x} with {len(family.products(loop))} {family.product} keeps vectors on "
        f"the stack: {len(traffic)} loads and stores, the first is {traffic[0]}"
    )
