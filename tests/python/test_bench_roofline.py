"""The arithmetic of the roofline, on round figures, and that its measurement compiles and answers."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict

import pytest
from bench import roofline
from bench.errors import EngineError
from bench.roofline import NoCompilerError, arithmetic_seconds, measure, middle, query_seconds, read_peaks
from bench.workload import workload

# 1,000 weights that the products read: one layer, width 10, inner width 30.
CONFIG = {"hidden_size": 10, "intermediate_size": 30, "num_hidden_layers": 1}
PRINTED = {
    "threads": 2,
    "float32": {"one": 50.0, "all": 100.0, "instruction": "fma"},
    "int8": {"one": 200.0, "all": 400.0, "instruction": "dot"},
    "read": [{"bytes": 1000, "one": 30.0, "all": 60.0}, {"bytes": 4000, "one": 10.0, "all": 30.0}],
}
PEAKS = read_peaks(PRINTED)
FASTER = read_peaks({**PRINTED, "bfloat16": {"one": 100.0, "all": 200.0, "instruction": "bf16 dot"}})


def test_float32_arithmetic_runs_at_its_peak():
    load = workload([4, 8], CONFIG)  # 12 tokens of 2,000 operations, and 4 * 10 * (16 + 64) in attention
    assert arithmetic_seconds(load, PEAKS, "float32") == pytest.approx((24_000 + 3_200) / 100e9)


def test_int8_products_run_at_their_own_peak_and_attention_in_the_fastest_float():
    load = workload([4, 8], CONFIG)
    assert arithmetic_seconds(load, PEAKS, "int8") == pytest.approx(24_000 / 400e9 + 3_200 / 100e9)
    assert arithmetic_seconds(load, FASTER, "int8") == pytest.approx(24_000 / 400e9 + 3_200 / 200e9)
    assert arithmetic_seconds(load, FASTER, "float32") == arithmetic_seconds(load, PEAKS, "float32")


def test_bfloat16_products_and_attention_run_at_its_peak_where_there_is_one():
    load = workload([4, 8], CONFIG)
    assert arithmetic_seconds(load, FASTER, "bfloat16") == pytest.approx((24_000 + 3_200) / 200e9)
    assert arithmetic_seconds(load, PEAKS, "bfloat16") == arithmetic_seconds(load, PEAKS, "float32")
    assert query_seconds(workload([1], CONFIG), PEAKS, "bfloat16") == pytest.approx(2000 / 50e9)


def test_a_short_query_waits_for_its_weights_and_a_long_one_for_arithmetic():
    assert query_seconds(workload([1], CONFIG), PEAKS, "float32") == pytest.approx(4000 / 30e9)
    assert query_seconds(workload([1, 1], CONFIG), PEAKS, "int8") == pytest.approx(1000 / 60e9)
    long = workload([100, 100], CONFIG)
    assert query_seconds(long, PEAKS, "float32") == pytest.approx(arithmetic_seconds(long, PEAKS, "float32") / 2)


@pytest.mark.parametrize(("size", "rate"), [(1, 60.0), (1000, 60.0), (2500, 45.0), (4000, 30.0), (10**9, 30.0)])
def test_reading_is_interpolated_between_measured_sizes(size, rate):
    assert PEAKS.read_rate(size) == pytest.approx(rate)


def test_peaks_survive_json():
    assert read_peaks(json.loads(json.dumps(asdict(FASTER)))) == FASTER


def test_of_several_measurements_each_rate_is_the_middle_one():
    others = [
        read_peaks({**PRINTED, "float32": {**PRINTED["float32"], "all": rate}, "read": reading})
        for rate, reading in (
            (70.0, PRINTED["read"]),
            (120.0, [PRINTED["read"][0], {**PRINTED["read"][1], "one": 20.0, "all": 45.0}]),
            (90.0, [PRINTED["read"][0], {**PRINTED["read"][1], "one": 30.0, "all": 50.0}]),
        )
    ]
    found = middle(others)
    assert found.dots["float32"].rate == roofline.Rate(50.0, 90.0)
    assert found.dots["int8"] == PEAKS.dots["int8"]
    assert found.reading == (PEAKS.reading[0], roofline.Reading(4000, roofline.Rate(20.0, 45.0)))
    assert middle([PEAKS]) == PEAKS


@pytest.mark.skipif(not shutil.which("c++"), reason="there is no compiler")
def test_the_measurement_gives_rates_that_a_core_can_have(monkeypatch, tmp_path):
    monkeypatch.setattr(roofline, "BUILT", tmp_path)
    peaks = measure(1, [1 << 16])
    assert {"float32", "int8"} <= peaks.dots.keys()
    for rate in [*(dot.rate for dot in peaks.dots.values()), peaks.reading[0].rate]:
        assert 0.01 < rate.one == rate.all < 100_000
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name == "nt", reason="it is a script for a shell")
def test_a_measurement_that_fails_says_so(monkeypatch, tmp_path):
    failing = tmp_path / "roofline"
    failing.write_text("#!/bin/sh\nkill -9 $$\n", "utf-8")
    failing.chmod(0o755)
    monkeypatch.setattr(roofline, "_build", lambda _: failing)
    with pytest.raises(EngineError, match="measurement failed: .*SIGKILL"):
        measure(1)


@pytest.mark.skipif(os.name == "nt", reason="a compiler is not found by PATH alone")
def test_without_a_compiler_the_message_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr(roofline, "BUILT", tmp_path)
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoCompilerError, match=r"install g\+\+"):
        measure(1)
    monkeypatch.setenv("CXX", "/bin/false")
    with pytest.raises(NoCompilerError, match="cannot compile"):
        measure(1)
