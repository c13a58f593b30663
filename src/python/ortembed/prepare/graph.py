"""Building an ONNX graph and writing it, with its large weights in a file beside it that can be mapped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import BinaryIO

    import numpy.typing as npt
    from typing_extensions import Self

GRAPH_NAME = "model.onnx"
WEIGHTS_NAME = "model.onnx.data"
MICROSOFT = "com.microsoft"  # the runtime's own fused operators
OWN = "ortembed"  # operators that ortembed brings along
QKV = "qkv"  # ends the names of queries, keys and values that are projected as one

# Below the runtime's floor (1.21 reads IR 10 and opset 22), so that every supported runtime reads the file.
IR_VERSION = 9
OPSETS = (helper.make_opsetid("", 20), helper.make_opsetid(MICROSOFT, 1))

EXTERNAL_FROM_BYTES = 16 * 1024
_ALIGNMENT = 64 * 1024  # what Windows maps at; other systems need less


class GraphBuilder:
    """Collects nodes and weights of one graph; weights go to disk as they come, so memory stays low.

    A context manager: leaving it closes the file of weights.
    """

    def __init__(self, folder: Path) -> None:
        """Write into an existing folder; finish() completes the files."""
        self.folder = folder
        self._data: BinaryIO = (folder / WEIGHTS_NAME).open("wb")
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: dict[str, onnx.TensorProto] = {}

    def __enter__(self) -> Self:
        """Give the builder itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file of weights."""
        self._data.close()

    def weight(self, name: str, array: npt.NDArray[np.generic], data_type: int | None = None) -> str:
        """Add a constant tensor; give its name. A name that is there already is left as it is.

        The type is the array's, unless one is given that numpy does not have: bfloat16, whose bits are uint16.
        """
        if name in self._initializers:
            return name
        array = np.asarray(array, order="C")  # ascontiguousarray would make a scalar a vector
        kind = helper.np_dtype_to_tensor_dtype(array.dtype) if data_type is None else data_type
        if array.nbytes < EXTERNAL_FROM_BYTES:
            tensor = numpy_helper.from_array(array, name)
            tensor.data_type = kind
            self._initializers[name] = tensor
            return name
        self._data.seek(-self._data.tell() % _ALIGNMENT, 1)
        tensor = TensorProto(name=name, dims=array.shape, data_type=kind, data_location=TensorProto.EXTERNAL)
        place = {"location": WEIGHTS_NAME, "offset": self._data.tell(), "length": array.nbytes}
        for key, value in place.items():
            tensor.external_data.add(key=key, value=str(value))
        self._data.write(array.data)
        self._initializers[name] = tensor
        return name

    @property
    def weights(self) -> list[onnx.TensorProto]:
        """The constant tensors so far, as a graph lists them."""
        return list(self._initializers.values())

    def integers(self, *values: int) -> str:
        """Add a constant int64 vector, such as a shape or the axes of an operator; give its name."""
        return self.weight(f"integers_{'_'.join(map(str, values))}", np.array(values, np.int64))

    def number(self, value: float) -> str:
        """Add a constant float32 scalar; give its name."""
        return self.weight(f"number_{value}", np.array(value, np.float32))

    def node(
        self, operator: str, inputs: Sequence[str], output: str, *, domain: str = "", **attributes: object
    ) -> str:
        """Add a node with one output; give the output's name, which names the node too."""
        return self.nodes(operator, inputs, [output], domain=domain, **attributes)[0]

    def nodes(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], *, domain: str = "", **attributes: object
    ) -> Sequence[str]:
        """Add a node with several outputs; give their names."""
        node = helper.make_node(operator, inputs, outputs, name=outputs[0], domain=domain)
        node.attribute.extend(helper.make_attribute(key, value) for key, value in attributes.items())
        self._nodes.append(node)
        return outputs

    def choose(self, condition: str, then: Callable[[], str], otherwise: Callable[[], str], output: str) -> str:
        """Add a float32 value that is computed in one of two ways, by a condition known when the graph runs.

        Each way adds nodes and gives the name of its value; it may use every value that is there already, and what
        it adds is not there afterwards but for its weights.
        """
        branches = {"then_branch": self._branch(then), "else_branch": self._branch(otherwise)}
        return self.node("If", [condition], output, **branches)

    def _branch(self, add: Callable[[], str]) -> onnx.GraphProto:
        outer, self._nodes = self._nodes, []
        try:
            output = add()
            value = helper.make_tensor_value_info(output, TensorProto.FLOAT, None)
            return helper.make_graph(self._nodes, output, [], [value])
        finally:
            self._nodes = outer

    def finish(self, inputs: Sequence[onnx.ValueInfoProto], output: onnx.ValueInfoProto) -> None:
        """Write the graph."""
        graph = helper.make_graph(self._nodes, "encoder", inputs, [output], self.weights)
        own = [helper.make_opsetid(OWN, 1)] if any(node.domain == OWN for node in self._nodes) else []
        model = helper.make_model(
            graph, opset_imports=[*OPSETS, *own], ir_version=IR_VERSION, producer_name="ortembed"
        )
        (self.folder / GRAPH_NAME).write_bytes(model.SerializeToString())
