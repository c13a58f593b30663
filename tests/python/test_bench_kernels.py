"""The measurement of the kernels' products: what it calls slow, its table, and that it builds and answers."""

from __future__ import annotations

import shutil

import pytest
from bench import kernels
from bench.errors import EngineError
from bench.kernels import INSTRUCTIONS, Product, build_products, measure_products, run_products, table
from bench.roofline import Dot, NoCompilerError, Rate

PEAKS = {("avx2", "int8"): Dot("vpmaddwd", Rate(100.0, 100.0))}

needs_compiler = pytest.mark.skipif(not shutil.which("c++"), reason="there is no compiler")


def product(rows, rate):
    return Product("avx2", "int8", 384, 1152, rows, rate, rate / 100)


@pytest.mark.parametrize(("rows", "rate", "is_slow"), [(15, 79.9, True), (15, 80.0, False), (4, 10.0, False)])
def test_a_product_of_enough_rows_is_slow_below_four_fifths(rows, rate, is_slow):
    assert product(rows, rate).is_slow is is_slow


def test_the_table_has_a_line_a_layer_and_marks_what_is_slow():
    header, _, line = table(
        [product(rows, rate) for rows, rate in ((4, 50), (15, 90), (48, 60), (96, 95))], PEAKS
    ).split("\n")
    assert [cell.strip() for cell in header.strip("|").split("|")][3:7] == ["4 rows", "15 rows", "48 rows", "96 rows"]
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [
        "avx2",
        "int8",
        "384 to 1152",
        "50 (50%)",
        "90 (90%)",
        "60 (60%) SLOW",
        "95 (95%)",
        "100 (vpmaddwd)",
    ]


@pytest.mark.parametrize(("rate", "ends"), [(90.0, None), (50.0, "1 products of 15 rows or more are below 80%")])
def test_it_ends_with_an_error_where_one_is_slow(monkeypatch, capsys, rate, ends):
    monkeypatch.setattr("sys.argv", ["kernels"])
    found = [product(rows, rate if rows == 48 else 99.0) for rows in kernels.ROWS]
    monkeypatch.setattr(kernels, "measure_products", lambda _: (found, PEAKS))
    if ends:
        with pytest.raises(SystemExit, match=ends):
            kernels.main()
    else:
        kernels.main()
    assert "384 to 1152" in capsys.readouterr().out


@needs_compiler
def test_every_set_that_this_machine_has_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(kernels, "BUILT", tmp_path)
    monkeypatch.setattr(kernels, "ROWS", (4, 15))
    isas = run_products(build_products(), ["--list"])
    assert set(isas) <= set(INSTRUCTIONS)
    if isas:
        products, peaks = measure_products(isas[:1])
        assert {(one.isa, one.dtype) for one in products} == {(isas[0], "int8"), (isas[0], "bfloat16")} == set(peaks)
        assert len(products) == 2 * 4 * 2
        assert all(0.01 < one.rate < 100_000 for one in products)
    with pytest.raises(EngineError, match="there are no kernels for none"):
        measure_products(["none"])


def test_without_cmake_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(NoCompilerError, match="pip install cmake"):
        build_products()
