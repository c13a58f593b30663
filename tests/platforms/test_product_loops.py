"""The check of inner loops: of the built modules, of a tile that no machine has registers for, of planted faults."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from platforms import checks_loops
from platforms.checks_loops import LoopError, check_native_loops
from platforms.loops import innermost_loops, parse
from platforms.objdump import disassemble, native_objdump
from platforms.paths import ROOT
from platforms.product_loops import FAMILIES, TARGETS, compiled_isas, problems

from ortembed import _native

# A tile of 2 rows and 2 vectors, as each objdump and compiler writes it.
GNU = """
0000000000001000 <_init>:
    1000:\tret
    1001:\tlea    0x40(%rsp),%r9
    1006:\tnopw   0x0(%rax,%rax,1)
    1010:\tvmovdqu64 (%rdx),%zmm9
    1016:\tvmovdqu64 0x40(%rdx),%zmm8
    101d:\tvpbroadcastd (%r8,%rax,4),%zmm10
    1024:\tvpdpbusd %zmm9,%zmm10,%zmm3
    102a:\tvpdpbusd %zmm8,%zmm10,%zmm2
    1030:\tvpbroadcastd (%rcx,%rax,4),%zmm10
    1037:\tadd    $0x1,%rax
    103b:\tvpdpbusd %zmm9,%zmm10,%zmm1
    1041:\tvpdpbusd %zmm8,%zmm10,%zmm0
    1047:\tcmp    %rax,%rsi
    104a:\tjne    1010 <_init+0x10>
    1050:\tvmovdqu64 %zmm0,(%rsp)
"""
LLVM = GNU.replace(":\t", ":       \t").replace("jne    1010", "jne\t0x1010").replace(",%", ", %")
GENERIC = """
    1000:\tret
    1010:\tldp\tq4, q5, [x2], #32
    1014:\tldr\tq6, [x3], #0x10            // =16
    1018:\tsdot\tv0.4s, v4.16b, v6.4b[0]
    101c:\tsdot\tv1.4s, v5.16b, v6.4b[0]
    1020:\tsubs\tx8, x8, #0x1
    1024:\tb.ne\t0x1010 <.text+0x10>
"""
APPLE = GENERIC.replace("sdot\tv0.4s, v4.16b, v6.4b[0]", "sdot.4s\tv0, v4, v6[0]").replace(
    "sdot\tv1.4s, v5.16b, v6.4b[0]", "sdot.4s\tv1, v5, v6[0]"
)
MOVES = {  # how a loop reads its operands, by register
    "zmm": {
        "load": "vmovdqu64 0x{}(%rdx),%zmm31",
        "row": "vpbroadcastd (%rcx,%r{},1),%zmm27",
        "operands": "%zmm31,%zmm27,%zmm{}",
        "spare": 28,
        "jump": "jne   ",
    },
    "ymm": {
        "load": "vmovdqu 0x{}(%rdx),%ymm15",
        "row": "vpbroadcastd (%rcx,%r{},1),%ymm13",
        "operands": "%ymm15,%ymm13,%ymm{}",
        "spare": 12,
        "jump": "jne   ",
    },
    "v": {
        "load": "ldr\tq31, [x2, #0x{}]",
        "row": "ld1r\t{{v27.4s}}, [x{}]",
        "operands": "v{}.4s, v31.16b, v27.4b[0]",
        "jump": "b.ne\t",
    },
}
SPILLS = {"v": "str q1, [sp, #0x20]\nldr q1, [sp, #0x20]"}
X86_SPILL = "vmovdqa -0x20(%rsp),%ymm0\nvmovdqa %ymm0,-0x20(%rsp)"
INT8 = FAMILIES["avx512_bf16"][0]


def product_loop(text):
    (loop,) = innermost_loops(parse(text))
    return loop


def tile(family, *, extra="", start=0x1000):
    """A family's largest tile as compilers write its loop, with more between its last product and its end."""
    moves = MOVES[family.register]
    width = next(width for width in (4, 2) if family.sums % width == 0)
    lines = [moves["load"].format(v) for v in range(width)]
    for number in range(family.sums):
        lines += [moves["row"].format(number // width)] if number % width == 0 else []
        if family.adds:
            spare, total = moves["spare"], f"%{family.register}{number}"
            lines += [f"{family.product} {moves['operands'].format(spare)}"]
            lines += [f"{family.adds} %{family.register}{spare},{total},{total}"]
        else:
            lines += [f"{family.product} {moves['operands'].format(number)}"]
    lines += [*extra.splitlines(), f"{moves['jump']} {start:x} <multiply>", "ret"]
    return "\n".join(f"    {start + 8 * i:x}:\t{line}" for i, line in enumerate(lines)) + "\n"


def made(isa, **faults):
    """The largest tile of each of an instruction set's families."""
    return "".join(tile(family, start=0x1000 * (i + 1), **faults) for i, family in enumerate(FAMILIES[isa]))


@pytest.mark.parametrize("text", [GNU, LLVM])
def test_a_loop_is_read_as_either_objdump_writes_it(text):
    loop = product_loop(text)
    assert [one.mnemonic for one in loop.body].count("vpdpbusd") == 4
    assert loop.body[0].address == 0x1010
    assert len(loop.before) == 2
    assert loop.stack_traffic() == []


@pytest.mark.parametrize("text", [GENERIC, APPLE])
def test_a_loop_of_aarch64_is_read_in_either_syntax(text):
    loop = product_loop(text)
    assert [(one.mnemonic, one.written) for one in loop.body if one.mnemonic == "sdot"] == [
        ("sdot", {one.operands[0]}) for one in loop.body if one.mnemonic == "sdot"
    ]
    assert loop.stack_traffic() == []


@pytest.mark.parametrize(
    ("line", "on_stack"),
    [
        ("vmovdqa64 %zmm3,-0x40(%rsp)", True),
        ("vmovdqa64 0x80(%rsp),%zmm3", True),
        ("vpdpbusd 0x80(%rsp),%zmm10,%zmm3", True),
        ("vmovdqa64 0x80(%r9,%rax,1),%zmm3", True),  # r9 was made of rsp before the loop
        ("vmovdqa64 0x80(%r8),%zmm3", False),
        ("vmovdqa64 0x80(%rbp),%zmm3", False),  # rbp is a register like any other here
        ("mov    0x8(%rsp),%rdi", False),  # no vector
        ("vmovdqa64 %zmm3,%zmm4", False),
    ],
)
def test_vectors_on_the_stack_are_found(line, on_stack):
    loop = product_loop(GNU.replace("add    $0x1,%rax", line))
    assert bool(loop.stack_traffic()) is on_stack


@pytest.mark.parametrize(
    ("before", "on_stack"),
    [
        ("mov    %rsp,%rbp", True),
        ("lea    0x8(%rsp),%rbp", True),
        ("mov    0x8(%rsp),%rbp", False),
        ("xor    %ebp,%ebp", False),
        ("pop    %rbp", False),
    ],
)
def test_a_frame_pointer_is_told_from_another_use_of_its_register(before, on_stack):
    text = GNU.replace("lea    0x40(%rsp),%r9", before).replace("add    $0x1,%rax", "vmovdqa64 0x80(%rbp),%zmm3")
    assert bool(product_loop(text).stack_traffic()) is on_stack
    moved_on = text.replace("cmp    %rax,%rsi", "add    $0x40,%rbp")
    assert bool(product_loop(moved_on).stack_traffic()) is on_stack
    set_anew = text.replace("cmp    %rax,%rsi", "mov    %rdx,%rbp")
    assert product_loop(set_anew).stack_traffic() == []


@pytest.mark.parametrize(
    ("line", "on_stack"),
    [
        ("stp\tq0, q1, [sp, #0x20]", True),
        ("ldur\tq7, [x29, #-0x20]", True),
        ("ldr\tq7, [x9], #0x10", True),
        ("ldr\tq7, [x10, #0x10]", False),
        ("ldr\tx7, [sp, #0x10]", False),
    ],
)
def test_vectors_on_the_stack_of_aarch64_are_found(line, on_stack):
    before = "ret\n     f00:\tmov\tx29, sp\n     f04:\tadd\tx9, sp, #0x40\n     f08:\tadd\tx10, x2, #0x40\n"
    text = GENERIC.replace("ret\n", before).replace("subs\tx8, x8, #0x1", line)
    assert bool(product_loop(text).stack_traffic()) is on_stack


def test_only_loops_within_a_function_and_innermost_ones_count():
    assert innermost_loops(parse(GNU.replace("cmp    %rax,%rsi", "ret"))) == []
    around = GNU.replace("1050:\tvmovdqu64 %zmm0,(%rsp)", "1050:\tjmp    1001 <_init+0x1>")
    assert len(innermost_loops(parse(around))) == 1
    assert product_loop(around).body[0].address == 0x1010


@pytest.mark.parametrize("isa", FAMILIES)
def test_tiles_with_their_sums_in_registers_pass(isa):
    assert problems(made(isa), [isa]) == []


@pytest.mark.parametrize("isa", FAMILIES)
def test_a_spilling_tile_is_found_with_its_address(isa):
    family = FAMILIES[isa][0]
    spill = SPILLS.get(family.register, X86_SPILL)
    found = problems(made(isa, extra=spill), [isa])
    assert len(found) == len(FAMILIES[isa])
    assert f"the loop at 0x1000 with {family.sums} {family.product} keeps vectors on the stack: 2 loads" in found[0]
    assert f"the first is {spill.splitlines()[0].replace(',%', ', %')}" in found[0]


def test_a_missing_family_is_found():
    found = problems(tile(INT8), ["avx512_bf16"])
    assert found == [
        "no loop of vdpbf16ps (avx512_bf16) has its 24 sums in zmm registers of their own; the most are 0, in 0 loops"
    ]
    (found,) = problems(made("avx_vnni"), ["avx512_bf16", "avx512_vnni"])[:1]
    assert found.startswith("no loop of vpdpbusd (avx512_bf16 and avx512_vnni) has its 24 sums in zmm")


def test_sums_that_are_copied_to_and_fro_are_found():
    copied = re.sub(r"%zmm27,%zmm\d+", "%zmm27,%zmm26", tile(INT8))
    (found, _) = problems(copied, ["avx512_bf16"])
    assert "no loop of vpdpbusd (avx512_bf16) has its 24 sums" in found
    assert "the most are 1, in 1 loops" in found


def test_other_arithmetic_with_the_instruction_of_products_may_use_the_stack():
    polynomial = tile(FAMILIES["avx2"][1], extra="vmulps %ymm0,%ymm1,%ymm2\nvmovups %ymm2,-0x20(%rsp)")
    assert "keeps vectors on the stack" not in str(problems(polynomial, ["avx2"]))


def test_a_set_that_nothing_is_known_of_is_named():
    assert problems("", ["neon_new"]) == [
        "platforms/product_loops.py does not say what products of neon_new look like"
    ]


def test_every_set_that_is_compiled_in_is_known():
    assert {"avx512_bf16", "avx512_vnni"} <= set(compiled_isas("AMD64"))
    compiled = {*compiled_isas("x86_64"), *compiled_isas("arm64")}
    assert compiled | {"plain"} == {path.stem for path in TARGETS.glob("*.cpp")}
    assert compiled <= set(FAMILIES)
    assert compiled_isas("riscv64") == []


@pytest.fixture
def objdump():
    return native_objdump() or pytest.skip("NOT CHECKED: there is no objdump")


def test_the_built_module_has_its_sums_in_registers(objdump):
    found = problems(disassemble(objdump, Path(_native.__file__)), compiled_isas(platform.machine()))
    assert found == []


@pytest.mark.skipif(platform.machine() != "x86_64" or not shutil.which("c++"), reason="compiles for x86-64")
@pytest.mark.parametrize(("rows", "spills"), [(6, False), (12, True)])
def test_a_tile_that_is_too_large_for_the_registers_is_found(objdump, tmp_path, rows, spills):
    source = tmp_path / "tile.cpp"
    source.write_text(
        '#include "kernels/generic/product.h"\n#include "kernels/targets/avx512_float.h"\n'
        "using namespace ortembed::kernels;\n"
        f"void run(const Tile& tile) {{ multiply<Avx512FloatDot, {rows}, 4>(tile); }}\n",
        "utf-8",
    )
    flags = ["-O3", "-std=c++20", "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mfma", "-mavx512vnni"]
    module = tmp_path / "tile.o"
    subprocess.run(["c++", *flags, f"-I{ROOT / 'src/cpp'}", "-c", source, "-o", module], check=True)
    found = [one for one in problems(disassemble(objdump, module), ["avx512_vnni"]) if "vfmadd231ps" in one]
    assert any("keeps vectors on the stack" in one for one in found) is spills
    assert bool(found) is spills


class TestOfAWheel:
    @pytest.fixture
    def wheel(self, tmp_path):
        path = tmp_path / "ortembed-0.1.0-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.write(_native.__file__, f"ortembed/{Path(_native.__file__).name}")
            archive.writestr("ortembed/_native.pyi", "")
        return path

    def test_the_module_in_it_is_checked(self, objdump, wheel, monkeypatch):
        monkeypatch.setattr(checks_loops, "compiled_isas", lambda _: [])
        check_native_loops(wheel)
        monkeypatch.setattr(checks_loops, "compiled_isas", lambda _: ["neon_new"])
        with pytest.raises(LoopError, match=r"any\.whl:\n  platforms/product_loops\.py does not say"):
            check_native_loops(wheel)

    def test_without_an_objdump_that_is_said(self, wheel, monkeypatch, capsys):
        monkeypatch.setenv("PATH", "")
        check_native_loops(wheel)
        assert "NOT CHECKED: the inner loops, for which there is no objdump" in capsys.readouterr().err
