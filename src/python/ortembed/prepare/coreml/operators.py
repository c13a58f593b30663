"""The operators that ONNX Runtime's CoreML provider holds in an ML program, and in which form: one table.

Read from the runtime's own documents and sources about 1.30. Rows are those that an encoder can need;
an operator that the provider has and that is not wanted here has no row, and REFUSED says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from onnx import TensorProto

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

MAX_RANK = 5
MAX_DIMENSION = 16384  # as MAX_RANK and the refusal of zeros: builders/helper.cc, IsInputSupported
OPSETS = range(20, 24)  # Gelu came with 20; the provider's builders end at 23

_DOCUMENT = "tools/ci_build/github/apple/coreml_supported_mlprogram_ops.md"
_BUILDERS = "onnxruntime/core/providers/coreml/builders/impl"

_FLOAT = (TensorProto.FLOAT,)
_INTEGERS = (TensorProto.INT32, TensorProto.INT64)


@dataclass(frozen=True)
class Value:
    """An input or output of a node: its element type, its shape where it is known whole, its content where constant.

    Attributes:
        name: Its name in the graph.
        dtype: ONNX's number of the element type, 0 where it is not known.
        shape: None where a dimension is not known.
        is_constant: Whether it is an initializer.
        content: A constant's values, where they are few.
    """

    name: str
    dtype: int
    shape: tuple[int, ...] | None
    is_constant: bool = False
    content: npt.NDArray[np.generic] | None = None


@dataclass(frozen=True)
class Node:
    """A node with what is known of its values; an optional input that is left out is None."""

    operator: str
    inputs: Sequence[Value | None]
    outputs: Sequence[Value]
    attributes: dict[str, Any]

    def input(self, index: int) -> Value | None:
        """Give an input, None where there is none."""
        return self.inputs[index] if index < len(self.inputs) else None

    def shape(self, index: int) -> tuple[int, ...]:
        """Give the shape of an input, which is known: that is checked of every node first."""
        value = self.input(index)
        return value.shape or () if value else ()


@dataclass(frozen=True)
class Rule:
    """One operator: where its row comes from, its inputs' types, which must be constant, and its other conditions.

    Attributes:
        source: The file that says so.
        dtypes: Element types of inputs by position; float32 where nothing is said.
        constants: Positions of the inputs that must be initializers.
        form: Gives what else is wrong with a node, None for nothing.
    """

    source: str
    dtypes: dict[int, tuple[int, ...]] = field(default_factory=dict)
    constants: tuple[int, ...] = ()
    form: Callable[[Node], str | None] = lambda _: None


def _gemm(node: Node) -> str | None:
    for name, wanted in (("transA", 0), ("alpha", 1.0), ("beta", 1.0)):
        if node.attributes.get(name, wanted) != wanted:
            return f"{name} is {node.attributes[name]}, not {wanted}"
    outputs = node.shape(1)[0 if node.attributes.get("transB", 0) else 1]
    if node.input(2) and node.shape(2) not in ((), (1,), (outputs,), (1, outputs)):
        return f"bias has shape {list(node.shape(2))}, not [{outputs}]"
    return None


def _layer_norm(node: Node) -> str | None:
    # Where the attribute is missing, ONNX means -1 and the provider's builder takes 1.
    if node.attributes.get("axis") not in (-1, len(node.shape(0)) - 1):
        return f"axis is {node.attributes.get('axis')}, not -1"
    if node.attributes.get("stash_type", 1) != 1:
        return f"stash_type is {node.attributes['stash_type']}, not 1"
    return None if len(node.outputs) == 1 else "has more than one output"


def _gelu(node: Node) -> str | None:
    approximate = node.attributes.get("approximate", b"none")
    return None if approximate in (b"none", b"tanh") else f"approximate is {approximate!r}, neither none nor tanh"


def _reshape(node: Node) -> str | None:
    shape = node.inputs[1]
    wanted = shape.content if shape else None
    if wanted is None or wanted.size == 0 or not node.shape(0):
        return "input or new shape is empty"
    if node.attributes.get("allowzero", 0) and (wanted == 0).any():
        return "allowzero is 1 with a zero in the new shape"
    return None


def _split(node: Node) -> str | None:
    size = node.shape(0)[node.attributes.get("axis", 0)]
    sizes = node.input(1)
    if len(node.outputs) < 2:  # noqa: PLR2004
        return "gives fewer than 2 outputs"
    if sizes is None:
        count = node.attributes.get("num_outputs")
        fits = count == len(node.outputs) and count <= size
        return None if fits else f"num_outputs is {count} for {len(node.outputs)} outputs of a dimension of {size}"
    parts = [] if sizes.content is None else sizes.content.tolist()
    return None if sum(parts) == size and all(parts) else f"sizes are {parts} of a dimension of {size}"


def _concat(node: Node) -> str | None:
    return None if len(node.inputs) > 1 else "has fewer than 2 inputs"


def _reduce(node: Node) -> str | None:
    return None if node.input(1) else "reduces over all axes"


def _cast(node: Node) -> str | None:
    to = node.attributes.get("to")
    names = (TensorProto.FLOAT, TensorProto.INT32, TensorProto.BOOL)
    return None if to in names else f"casts to {TensorProto.DataType.Name(to)}"


def _rule(builder: str, **conditions: Any) -> Rule:  # noqa: ANN401 - the fields of Rule
    return Rule(f"{_BUILDERS}/{builder}_op_builder.cc", **conditions)


def _listed() -> Rule:
    return Rule(_DOCUMENT)


_AXES = {"dtypes": {1: (TensorProto.INT64,)}, "constants": (1,)}
_ANY = (*_FLOAT, *_INTEGERS, TensorProto.BOOL)

RULES = {
    **{name: _listed() for name in ("Add", "Sub", "Mul", "Div", "Pow", "Max")},
    **{name: _listed() for name in ("Erf", "Sqrt", "Relu", "Sigmoid", "Tanh")},
    **{name: _listed() for name in ("MatMul", "Softmax", "Transpose")},
    "Gemm": _rule("gemm", constants=(1, 2), form=_gemm),
    "LayerNormalization": _rule("normalization", constants=(1, 2), form=_layer_norm),
    "Gelu": _rule("activation", form=_gelu),
    "Reshape": _rule("reshape", form=_reshape, **_AXES),
    "Slice": _rule("slice", dtypes=dict.fromkeys(range(1, 5), _INTEGERS), constants=(1, 2, 3, 4)),
    "Split": _rule("split", form=_split, **_AXES),
    "Concat": _rule("concat", form=_concat),
    "Squeeze": _rule("squeeze", **_AXES),
    "Unsqueeze": _rule("squeeze", **_AXES),
    **{name: _rule("reduction", form=_reduce, **_AXES) for name in ("ReduceMean", "ReduceSum", "ReduceMax")},
    "Where": _rule("where", dtypes={0: (TensorProto.BOOL,)}),
    "Gather": _rule("gather", dtypes={1: _INTEGERS}),
    "And": _rule("logical", dtypes={0: (TensorProto.BOOL,), 1: (TensorProto.BOOL,)}),
    "Cast": _rule("cast", dtypes={0: _ANY}, form=_cast),
}

REFUSED = {
    "Reciprocal": f"CoreML's inverse adds 1e-4 ({_BUILDERS}/unary_op_builder.cc)",
    "Range": "CoreML's provider of 1.30 has no such operator; fixed dimensions should have folded it",
    "Shape": "fixed dimensions should have folded it",
}


def refusal(node: Node) -> str | None:
    """Give the reason why the provider leaves a node to the CPU, None when it takes it."""
    rule = RULES.get(node.operator)
    if rule is None:
        return REFUSED.get(node.operator, "CoreML's provider has no such operator")
    for value in (*node.inputs, *node.outputs):
        if value is not None and (reason := _misshapen(value)):
            return reason
    for index, value in enumerate(node.inputs):
        if value is None:
            continue
        if value.dtype not in rule.dtypes.get(index, _FLOAT):
            name = TensorProto.DataType.Name(value.dtype)
            return f"input {index} ({value.name}) has element type {name}"
        if index in rule.constants and not value.is_constant:
            return f"input {index} ({value.name}) is not constant"
    return rule.form(node)


def _misshapen(value: Value) -> str | None:
    if value.shape is None:
        return f"{value.name} has a dimension that is not fixed"
    if len(value.shape) > MAX_RANK:
        return f"{value.name} has {len(value.shape)} dimensions; CoreML takes {MAX_RANK}"
    if 0 in value.shape:
        return f"{value.name} has shape {list(value.shape)}; CoreML takes no zero"
    if max(value.shape, default=0) > MAX_DIMENSION:
        return f"{value.name} has shape {list(value.shape)}; CoreML takes dimensions to {MAX_DIMENSION}"
    return None
