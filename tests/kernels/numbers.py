"""Numbers for the kernels' tests: bfloat16 in numpy, rows of every kind, the comparison within a derived bound."""

import numpy as np
import pytest
from _ortembed_testing import available_isas
from hypothesis import settings
from hypothesis import strategies as st

EACH_ISA = pytest.mark.parametrize("isa", available_isas())
# Each instruction set has examples of its own. Their first run may wait for a shared machine, so none has a deadline.
EXAMPLES = settings(deadline=None, max_examples=min(settings().max_examples, 40))

U = 2.0**-24  # half a unit in the last place of float32: a rounding changes a number by at most this part of it
TINY = 2.0**-126  # the least normal number; kernels may take smaller ones for zero
HALF_BFLOAT16 = 2.0**-8  # the same of bfloat16 as U of float32
LARGEST = float(np.finfo(np.float32).max)

WIDTHS = st.one_of(st.sampled_from([1, 2, 3, 15, 16, 17, 31, 33, 63, 64, 65, 127, 384]), st.integers(1, 200))
KINDS = ["normal", "shifted", "spread", "small", "denormal", "huge", "outlier", "equal", "zero", "signs"]


def to_bfloat16(values):
    """The bits of the nearest bfloat16, ties to even."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), (bits >> 16) | 0x40, rounded).astype(np.uint16)


def from_bfloat16(bits):
    return (np.asarray(bits, np.uint16).astype(np.uint32) << 16).view(np.float32)


def round_to_bfloat16(values):
    return from_bfloat16(to_bfloat16(np.asarray(values, np.float32)))


def flush(values):
    """Numbers with those that a kernel may take for zero made so."""
    return np.where(np.abs(values) < TINY, 0, values)


def _outlier(rng, shape):
    values = rng.standard_normal(shape)
    values[..., rng.integers(shape[-1])] = 1e4
    return values


MAKERS = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "shifted": lambda rng, shape: rng.standard_normal(shape) + 300,
    "spread": lambda rng, shape: rng.standard_normal(shape) * np.exp(rng.normal(0, 4, shape)),
    "small": lambda rng, shape: rng.standard_normal(shape) * 1e-20,
    "denormal": lambda rng, shape: rng.standard_normal(shape) * 1e-39,
    "huge": lambda rng, shape: rng.choice([-1e30, 1e30], shape),
    "outlier": _outlier,
    "equal": lambda rng, shape: np.broadcast_to(rng.standard_normal((*shape[:-1], 1)), shape),
    "zero": lambda rng, shape: np.zeros(shape),
    "signs": lambda rng, shape: rng.choice([-1.0, -0.0, 0.0, 1.0], shape),
}


def make(rng, shape, kind="normal"):
    return np.ascontiguousarray(MAKERS[kind](rng, shape), np.float32)


def rows_of_many_kinds(rng, count, columns):
    """float32 [count, columns], each row of a kind of its own."""
    if count == 0:
        return np.zeros((0, columns), np.float32)
    return np.concatenate([make(rng, (1, columns), rng.choice(KINDS)) for _ in range(count)])


RNGS = st.integers(0, 2**32 - 1).map(np.random.default_rng)


def assert_within(actual, expected, bound):
    """Each number within its bound of the expected one; beyond the largest float32, not finite will do."""
    actual, expected, bound = np.broadcast_arrays(np.asarray(actual, np.float64), expected, bound)
    too_large = ~(np.abs(expected) + bound < LARGEST) & ~np.isfinite(actual)
    with np.errstate(invalid="ignore"):
        good = (np.abs(actual - expected) <= bound) | too_large
    if good.all():
        return
    place = tuple(int(index) for index in np.argwhere(~good)[0])
    raise AssertionError(
        f"{(~good).sum()} of {good.size} are wrong, the first at {place}: {actual[place]!r}, "
        f"expected {expected[place]!r} within {bound[place]:.3g}"
    )


def same_bytes(first, second):
    return first.shape == second.shape and first.tobytes() == second.tobytes()
