"""The table of operators, from profiler events whose sums are known."""

from __future__ import annotations

import pytest
from bench.operators import WARM_UP, Shape, summarize, table

SHAPE = Shape("two texts", 2, 4, 1)


def node(name, operator, start, duration, inputs, outputs):
    arguments = {
        "op_name": operator,
        "input_type_shape": [{"float": inputs}],
        "output_type_shape": [{"float": outputs}],
        "activation_size": "100",
        "output_size": "300",
    }
    return {"name": f"{name}_kernel_time", "ts": start, "dur": duration, "args": arguments}


def run_of(start, product, addition, whole):
    """The events of one run: as the profiler writes them, the whole run ends last."""
    at = start + 1  # each begins where the one before ends
    return [
        {"name": "model_run", "ts": start, "dur": whole, "args": {}},
        node("up", "MatMul", at, product, [2, 4, 8], [2, 4, 16]),
        node("down", "MatMul", at + product, product, [2, 4, 16], [2, 4, 8]),
        node("residual", "Add", at + 2 * product, addition, [2, 4, 8], [2, 4, 8]),
        node("choice", "If", at, 2 * product, [1], [2, 4, 8]),  # around the first two
        node("attention", "Attention", at + 2 * product + addition, 10, [2, 4, 8], [2, 4, 8]),
    ]


def events():
    """Ten runs of 1,000 µs after the first few, of which one is fast."""
    times = [(90, 50, 900)] * WARM_UP + [(40, 20, 500)] * 9 + [(4, 2, 30)]
    return [
        event for index, (one, other, whole) in enumerate(times) for event in run_of(1000 * index, one, other, whole)
    ]


def test_operators_are_summed_over_their_fastest_runs():
    profile = summarize(events(), "float32", SHAPE)
    found = {row.operator: row for row in profile.operators}
    assert {name: (row.nodes, row.microseconds) for name, row in found.items()} == {
        "Attention": (1, 10),
        "MatMul 8→16": (1, 4),
        "MatMul 16→8": (1, 4),
        "Add": (1, 2),
    }
    assert profile.operators[0].operator == "Attention"
    assert sum(row.share for row in profile.operators) == pytest.approx(1)
    assert profile.outside_microseconds == pytest.approx(30 - 20)
    assert profile.run_microseconds == pytest.approx(30)


def test_rates_come_from_shapes_and_sizes():
    found = {row.operator: row for row in summarize(events(), "float32", SHAPE).operators}
    assert found["MatMul 8→16"].gflops == pytest.approx(2 * 8 * 8 * 16 / 4 / 1e3)
    assert found["Attention"].gflops == pytest.approx((2 * 8 * 8 * 24 + 4 * 8 * 4 * 8) / 10 / 1e3)
    assert found["Add"].gflops == 0
    assert found["Add"].gigabytes == pytest.approx(400 / 2 / 1e3)


def test_the_table_has_a_row_an_operator():
    text = table(summarize(events(), "float32", SHAPE))
    assert "30 µs a run, 10 µs of it outside operators" in text
    assert "| Add | 1 | 2 | 10.0% |  | 0.2 |" in text
