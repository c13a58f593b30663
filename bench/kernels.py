"""How near the kernels' products come to what each instruction set can do at most: both measured, on one core.

Run by ``python -m bench.kernels [--isa NAME...] [--json FILE]``, half a minute. It ends with 1 where a product of 15
rows or more reaches less than 80% of its peak: a compiler that keeps sums on the stack halves it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import EngineError
from bench.report import rows_of
from bench.roofline import BUILT, SOURCES, NoCompilerError, measure

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.roofline import Dot

ROWS = (4, 15, 48, 96)
LEAST_ROWS = 15  # from which the least part is asked for: with fewer, weights are read for too few products
LEAST_PART = 0.8
DTYPES = ("int8", "bfloat16")


@dataclass(frozen=True)
class Instructions:
    """What the products of an instruction set are made of.

    Attributes:
        flags: With which compilers use just these.
        dots: By DTYPES, the roofline's dot whose rate is the peak.
    """

    flags: tuple[str, ...]
    dots: tuple[str, str]


_AVX2 = ("-mavx2", "-mfma", "-mf16c")
_AVX512 = (*_AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl")
_AVX512_VNNI = (*_AVX512, "-mavx512vnni")
# By the names of ORTEMBED_ISA. A new set is a line here.
INSTRUCTIONS = {
    "avx2": Instructions(_AVX2, ("int8", "float32")),
    "avx512": Instructions(_AVX512, ("int8", "float32")),
    "avx_vnni": Instructions((*_AVX2, "-mavxvnni"), ("int8", "float32")),
    "avx512_vnni": Instructions(_AVX512_VNNI, ("int8", "float32")),
    "avx512_bf16": Instructions((*_AVX512_VNNI, "-mavx512bf16"), ("int8", "bfloat16")),
    "neon_dot": Instructions(("-march=armv8.2-a+dotprod",), ("int8", "float32")),
    "neon_i8mm": Instructions(("-march=armv8.2-a+dotprod+i8mm+bf16",), ("int8", "bfloat16")),
}


@dataclass(frozen=True)
class Product:
    """A dense layer of so many rows; ``rate`` in 1e9 operations a second, ``part`` of the peak."""

    isa: str
    dtype: str
    inputs: int
    outputs: int
    rows: int
    rate: float
    part: float

    @property
    def is_slow(self) -> bool:
        """Whether it is below what is asked."""
        return self.rows >= LEAST_ROWS and self.part < LEAST_PART


def main() -> None:
    """Print the table; exit with 1 where a product is slow."""
    parser = argparse.ArgumentParser(prog="bench.kernels", description=__doc__.splitlines()[0])
    parser.add_argument("--isa", nargs="+", choices=list(INSTRUCTIONS), help="(default: all that this machine has)")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    options = parser.parse_args()
    try:
        products, peaks = measure_products(options.isa)
    except EngineError as error:
        sys.exit(str(error))
    print(table(products, peaks))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in products], indent=1) + "\n", "utf-8")
    slow = [one for one in products if one.is_slow]
    if slow:
        sys.exit(f"{len(slow)} products of {LEAST_ROWS} rows or more are below {LEAST_PART:.0%} of their peak")


def measure_products(isas: Sequence[str] | None) -> tuple[list[Product], dict[tuple[str, str], Dot]]:
    """Measure the products by the instruction sets that this machine has, and each one's peaks before and after.

    Raises:
        EngineError: There is no compiler, or none of these sets is to be had.
    """
    program = build_products()
    products: list[Product] = []
    peaks: dict[tuple[str, str], Dot] = {}
    for isa in run_products(program, ["--list"]):
        if isas is None or isa in isas:
            before = measure_peaks(isa)
            found = run_products(program, [isa, *map(str, ROWS)])
            after = measure_peaks(isa)
            best = {dtype: max(before[dtype], after[dtype], key=lambda dot: dot.rate.one) for dtype in DTYPES}
            products += [Product(**one, part=one["rate"] / best[one["dtype"]].rate.one) for one in found]
            peaks |= {(isa, dtype): dot for dtype, dot in best.items()}
    if not products:
        raise EngineError(f"there are no kernels for {', '.join(isas or ['this machine'])}")
    return products, peaks


def measure_peaks(isa: str) -> dict[str, Dot]:
    """Measure what an instruction set's dot products in registers reach, by DTYPES."""
    instructions = INSTRUCTIONS[isa]
    dots = measure(1, (), instructions.flags).dots
    return {dtype: dots[name] for dtype, name in zip(DTYPES, instructions.dots, strict=True)}


def run_products(program: Path, arguments: Sequence[str]) -> list:
    """Run the measurement and read what it prints."""
    return json.loads(subprocess.run([program, *arguments], capture_output=True, text=True, check=True).stdout)


def build_products() -> Path:
    """Compile the measurement, the kernels with the flags that they have in the package.

    Raises:
        NoCompilerError: There is no CMake or compiler, or it fails.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    cmake = shutil.which("cmake", path=path)
    if cmake is None:
        raise NoCompilerError("the kernels' products need CMake: ./dev build installs it, or pip install cmake")
    folder = BUILT / "products"
    generator = ["-G", "Ninja"] if shutil.which("ninja", path=path) else []
    for arguments in (
        ["-S", SOURCES, "-B", folder, "-DCMAKE_BUILD_TYPE=Release", *generator],
        ["--build", folder, "--config", "Release"],
    ):
        done = subprocess.run(
            [cmake, *arguments], capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
        )
        if done.returncode:
            raise NoCompilerError(f"the kernels' products cannot be built:\n{(done.stdout + done.stderr)[-2000:]}")
    return folder / "products"


def table(products: Iterable[Product], peaks: dict[tuple[str, str], Dot]) -> str:
    """Format as a Markdown table: a line a layer, with the rate and its part of the peak by number of rows."""
    layers: dict[tuple[str, str, int, int], list[Product]] = {}
    for one in products:
        layers.setdefault((one.isa, one.dtype, one.inputs, one.outputs), []).append(one)
    lines = []
    for (isa, dtype, inputs, outputs), found in layers.items():
        peak = peaks[isa, dtype]
        cells = [f"{one.rate:.0f} ({one.part:.0%}){' SLOW' if one.is_slow else ''}" for one in found]
        lines.append([isa, dtype, f"{inputs} to {outputs}", *cells, f"{peak.rate.one:.0f} ({peak.instruction})"])
    header = ("instructions", "dtype", "layer", *(f"{rows} rows" for rows in ROWS), "peak (GOP/s)")
    return rows_of(header, lines)


if __name__ == "__main__":
    main()
