"""From a float32 graph to an int8 one: weights rounded by column, activations with scales fixed by calibration.

Fixed scales make a vector independent of the texts beside it, and spare the pass over the values that finds their
range. A packed Attention becomes QAttention, a product MatMulIntegerToFloat; what cannot be quantized, or not well,
stays as it is.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from onnx import helper

from ortembed.errors import ModelLoadError
from ortembed.prepare.graph import GRAPH_NAME, MICROSOFT, GraphBuilder
from ortembed.prepare.int8.calibrate import calibrate
from ortembed.prepare.int8.embedding_rows import round_lookup
from ortembed.prepare.int8.float_graph import FloatGraph, inputs_of
from ortembed.prepare.int8.layers import Layer, codes, packed_attention, product
from ortembed.prepare.int8.rounding import round_weight
from ortembed.prepare.int8.smooth import choose

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt
    import onnx

    from ortembed.prepare.int8.float_graph import Linear
    from ortembed.prepare.int8.smooth import Statistics, Treatment

    Floats = npt.NDArray[np.float32]

_NORMS = ("LayerNormalization", "SimplifiedLayerNormalization")


def quantize(graph: Path, folder: Path, calibration: Sequence[npt.NDArray[np.int64]]) -> None:
    """Write a graph in int8: model.onnx and model.onnx.data.

    Args:
        graph: A float32 encoder that takes input_ids and attention_mask, int64 [batch, sequence]; its external
            weights lie beside it.
        folder: Another existing folder, gets the files.
        calibration: Token ids of texts like those that will be encoded, int64 [tokens] each, special tokens included.

    Raises:
        ModelLoadError: The graph cannot be read or run, or nothing in it can be quantized.
    """
    source = FloatGraph(graph)
    groups = source.linears()
    if not groups:
        raise ModelLoadError(f"{graph} has no float32 matrix product with constant weights, so nothing to quantize")
    with tempfile.TemporaryDirectory(prefix="calibrate-", dir=folder) as work, GraphBuilder(folder) as builder:
        statistics = calibrate(graph, list(groups), calibration, Path(work))
        rewriter = _Rewriter(source, builder)
        for name, linears in groups.items():
            rewriter.decide(name, linears, statistics)
        if not rewriter.treatments:
            raise ModelLoadError(f"{graph}: no layer keeps its values in int8; use dtype='float32'")
        model = rewriter.rewrite(groups, statistics)
    (folder / GRAPH_NAME).write_bytes(model.SerializeToString())


class _Rewriter:
    """Decides group by group, then writes the graph anew."""

    def __init__(self, source: FloatGraph, builder: GraphBuilder) -> None:
        self._source = source
        self._builder = builder
        self.treatments: dict[str, Treatment] = {}

    def decide(self, name: str, linears: Sequence[Linear], statistics: Callable[[str], Statistics]) -> None:
        weights = [self._source.floats(linear.weight) for linear in linears]
        treatment = choose(
            statistics(name),
            weights,
            free=self._norm(name, linears) is not None,
            # the one operator for projection and attention has no place for them
            outliers_allowed=all(self._source.nodes[linear.node].op_type == "MatMul" for linear in linears),
        )
        if treatment:
            self.treatments[name] = treatment

    def rewrite(self, groups: dict[str, list[Linear]], statistics: Callable[[str], Statistics]) -> onnx.ModelProto:
        source = self._source
        layers = {linear.node: (name, linear) for name in self.treatments for linear in groups[name]}
        gone = {linear.follower for _, linear in layers.values()}
        norms = {self._norm(name, groups[name]): name for name in self.treatments}
        quantized: set[str] = set()
        nodes: list[onnx.NodeProto] = []
        for index, node in enumerate(source.nodes):
            if index in layers:
                name, linear = layers[index]
                if name not in quantized:
                    quantized.add(name)
                    nodes += self._quantized_input(name, is_folded=self._norm(name, groups[name]) is not None)
                nodes += self._layer(name, linear, statistics(name))
            elif index in norms:
                nodes.append(self._folded_norm(node, self.treatments[norms[index]]))
            elif index not in gone:
                nodes += round_lookup(source, node, self._builder) or [node]
        return self._model(nodes)

    def _norm(self, name: str, linears: Sequence[Linear]) -> int | None:
        """Give the norm whose weights can take the factors of a group: nothing else uses what it gives."""
        index = self._source.producers.get(name)
        if index is None or self._source.nodes[index].op_type not in _NORMS:
            return None
        if sorted(self._source.consumers[name]) != sorted(linear.node for linear in linears):
            return None
        scales = self._source.nodes[index].input[1:]
        return index if all(self._source.is_constant(scale, 1) for scale in scales) else None

    def _folded_norm(self, node: onnx.NodeProto, treatment: Treatment) -> onnx.NodeProto:
        if treatment.factors is None:
            return node
        folded = type(node)()
        folded.CopyFrom(node)
        for index in range(1, len(node.input)):
            values = self._source.floats(node.input[index]) / treatment.factors
            folded.input[index] = self._builder.weight(f"{node.output[0]}.smooth_{index}", values)
        return folded

    def _quantized_input(self, name: str, *, is_folded: bool) -> list[onnx.NodeProto]:
        treatment, nodes, value = self.treatments[name], [], name
        if treatment.factors is not None and not is_folded:
            factors = self._builder.weight(f"{name}.factors", 1 / treatment.factors)
            nodes.append(helper.make_node("Mul", [name, factors], [value := f"{name}.smooth"], name=f"{name}.smooth"))
        output, scale, zero = codes(name)
        self._builder.weight(scale, np.array(treatment.scale.scale, np.float32))
        self._builder.weight(zero, np.array(treatment.scale.zero, np.uint8))
        return [*nodes, helper.make_node("QuantizeLinear", [value, scale, zero], [output], name=output)]

    def _layer(self, name: str, linear: Linear, statistics: Statistics) -> list[onnx.NodeProto]:
        source, node, treatment = self._source, self._source.nodes[linear.node], self.treatments[name]
        original = source.floats(linear.weight)
        after, weight = treatment.prepare(statistics, original)
        layer = Layer(
            input=name,
            output=linear.output,
            weight=round_weight(weight, treatment.scale, after.lowest, after.highest),
            bias=source.floats(linear.bias) if linear.bias else None,
            outliers=treatment.outliers,
            outlier_rows=original[treatment.outliers],
        )
        if node.op_type == "Attention":
            return packed_attention(layer, node, self._builder)
        nodes = product(layer, self._builder)
        if linear.follower is not None and source.nodes[linear.follower].op_type == "BiasGelu":
            active = source.nodes[linear.follower].output[0]
            nodes.append(helper.make_node("Gelu", [linear.output], [active], name=active, domain=MICROSOFT))
        return nodes

    def _model(self, nodes: Sequence[onnx.NodeProto]) -> onnx.ModelProto:
        """Put the nodes into a copy of the float graph, with the constants that they use."""
        source, builder = self._source, self._builder
        used = {name for node in nodes for name in inputs_of(node)}
        used |= {value.name for value in source.model.graph.output}
        for name in source.constants:
            if name in used:
                builder.weight(name, source.array(name))
        model = type(source.model)()
        model.CopyFrom(source.model)
        del model.graph.node[:], model.graph.initializer[:], model.graph.value_info[:]
        model.graph.node.extend(nodes)
        model.graph.initializer.extend(builder.weights)
        if MICROSOFT not in {opset.domain for opset in model.opset_import}:
            model.opset_import.append(helper.make_opsetid(MICROSOFT, 1))
        return model
