"""Which form of graph a model gets, and why: one decision, its reason in words for users."""

from __future__ import annotations

from typing import NamedTuple

from ortembed.errors import InvalidInputError, ModelLoadError, ProviderUnavailableError
from ortembed.instructions import PLAIN, in_words
from ortembed.providers import CPU

FLOAT32, BFLOAT16, INT8 = DTYPES = ("float32", "bfloat16", "int8")
PADDED, COREML, PACKED = FORMS = ("cpu", "coreml", "packed")
_IMPOSSIBLE = ((BFLOAT16, PADDED), (FLOAT32, PACKED), (BFLOAT16, COREML), (INT8, COREML))


class FormChoice(NamedTuple):
    """A form, and why it is that one."""

    form: str
    reason: str


def choose_form(
    dtype: str, *, provider: str = CPU, isa: str = PLAIN, obstacle: str | None = None, asked: str | None = None
) -> FormChoice:
    """Decide on the form.

    Args:
        dtype: One of DTYPES.
        provider: ONNX Runtime's name of what runs the model.
        isa: The instructions that ortembed's own operators use here.
        obstacle: Why these operators cannot run the model, such as its architecture; None where they can.
        asked: The form that the caller wants, one of FORMS; None for the best.

    Raises:
        InvalidInputError: The form that was asked for does not go with the dtype.
        ProviderUnavailableError: The provider cannot run the dtype or the form.
        ModelLoadError: The model cannot have the dtype or the form.
    """
    if (dtype, asked) in _IMPOSSIBLE:
        raise InvalidInputError(f"form={asked!r} has no {dtype}; leave the form out, or choose another dtype")
    if asked == COREML:
        return FormChoice(COREML, "coreml: float32 in fixed shapes, which CoreML compiles")
    must_be_packed = dtype == BFLOAT16 or asked == PACKED
    against = _against_packed(dtype, provider, obstacle, asked)
    if against and must_be_packed:
        what = f"dtype={BFLOAT16!r}" if dtype == BFLOAT16 else f"form={PACKED!r}"
        here = "" if provider == CPU else "providers='cpu', or "
        instead = f"use {here}dtype='float32' or 'int8'" if dtype == BFLOAT16 else "leave the form out"
        kind = ModelLoadError if provider == CPU else ProviderUnavailableError
        raise kind(f"{what} is for ortembed's own operators, but {against}; {instead}")
    if against is None and isa == PLAIN and not must_be_packed:
        against = "ortembed's own operators have no fast instructions on this CPU"
    if against:
        return FormChoice(PADDED, f"padded: {against}")
    return FormChoice(PACKED, f"packed: ortembed's own operators, {in_words(isa)}")


def _against_packed(dtype: str, provider: str, obstacle: str | None, asked: str | None) -> str | None:
    if provider != CPU:
        return f"{provider} runs the runtime's operators"
    if asked == PADDED:
        return "asked for"
    if dtype == FLOAT32:
        return "float32 runs on the runtime's operators"
    return obstacle
