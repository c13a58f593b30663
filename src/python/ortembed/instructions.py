"""Which of this CPU's instructions ortembed's own operators use."""

from __future__ import annotations

from ortembed import _native

PLAIN = "plain"  # what every CPU has
_WORDS = {
    "avx2": "AVX2",
    "avx512": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX-512 VNNI",
    "avx512_bf16": "AVX-512 VNNI and BF16",
    "neon_dot": "NEON dot products",
    "neon_i8mm": "NEON I8MM",
    PLAIN: "no vector instructions",
}


def instruction_set() -> str:
    """Give the one that ORTEMBED_ISA names, else the fastest that there are kernels for here, as it spells them.

    Raises:
        InvalidInputError: ORTEMBED_ISA names none that is available.
    """
    return _native.chosen_isa()


def in_words(name: str) -> str:
    """Name a set as its makers do."""
    return _WORDS.get(name, name)
