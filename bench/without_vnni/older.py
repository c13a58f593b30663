"""The processors that are pretended: what each has, and which instructions it lacks."""

from __future__ import annotations

from dataclasses import dataclass

CPUID = "cpuid"
_EVEX = "62"  # the first byte of AVX-512's encoding, which nothing else has in 64-bit code
_NEWER = ("vpdp", "{vex} vpdp", "tdp", "vdpbf16ps")  # VNNI in either encoding, AMX, BF16


@dataclass(frozen=True)
class Processor:
    """One without VNNI.

    Attributes:
        name: Of files.
        words: Of the table.
        macros: With which the handler is compiled.
        has_avx512: Whether it has AVX-512's first part.
    """

    name: str
    words: str
    macros: tuple[str, ...]
    has_avx512: bool

    def lacks(self, first_byte: str, instruction: str) -> bool:
        """Tell whether it cannot run an instruction, as objdump writes both."""
        return instruction.startswith(_NEWER) or (first_byte == _EVEX and not self.has_avx512)


AVX2 = Processor("avx2", "AVX2", (), has_avx512=False)
AVX512 = Processor("avx512", "AVX-512 without VNNI", ("-DKEEP_AVX512",), has_avx512=True)
