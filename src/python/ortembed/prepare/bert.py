"""The BERT family from safetensors to ONNX, in the form that runs fastest on CPU.

Layers as in Devlin et al. 2018 (arXiv:1810.04805), with weights named as transformers' BertModel names them.
The operators are the runtime's fused ones, Attention, BiasGelu and EmbedLayerNormalization; Add and
LayerNormalization stay apart, since the fused SkipLayerNormalization is slower on CPU.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import TensorProto

from ortembed.errors import ModelLoadError
from ortembed.prepare.graph import MICROSOFT, GraphBuilder
from ortembed.prepare.weights import Weights, open_weights

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

OUTPUT = "last_hidden_state"


@dataclass(frozen=True)
class BertConfig:
    """The entries of config.json that shape the graph."""

    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int
    layer_norm_eps: float


def read_bert_config(config: dict[str, Any]) -> BertConfig:
    """Check a parsed config.json.

    Raises:
        ModelLoadError: An entry is missing, or switches on something that the exporter does not do.
    """
    supported = {
        "hidden_act": "gelu",
        "position_embedding_type": "absolute",
        "is_decoder": False,
        "add_cross_attention": False,
    }
    for key, value in supported.items():
        if config.get(key, value) != value:
            raise ModelLoadError(f"config.json: {key} is {config[key]!r}; the BERT exporter does only {value!r}")
    for name in BertConfig.__dataclass_fields__:
        value = config.get(name)
        if not isinstance(value, float if name == "layer_norm_eps" else int) or value <= 0:
            raise ModelLoadError(f"config.json: {name} is {value!r}, not a positive number")
    read = BertConfig(**{name: config[name] for name in BertConfig.__dataclass_fields__})
    if read.hidden_size % read.num_attention_heads:
        raise ModelLoadError(
            f"config.json: hidden_size {read.hidden_size} is no multiple of "
            f"num_attention_heads {read.num_attention_heads}"
        )
    return read


def export_bert(config: dict[str, Any], weights_path: Path, folder: Path) -> None:
    """Write the graph of a BERT encoder into a folder.

    Inputs input_ids and attention_mask (1 for tokens, then 0 for padding), int64 [batch, sequence]; output
    last_hidden_state, float32 [batch, sequence, hidden_size]. There are no token types: a single text is all
    type 0, whose embedding is added to the positions' here.
    """
    shape = read_bert_config(config)
    with open_weights(weights_path) as weights, GraphBuilder(folder) as graph:
        _Exporter(shape, weights, graph).export()


class _Exporter:
    def __init__(self, config: BertConfig, weights: Weights, graph: GraphBuilder) -> None:
        self._config = config
        self._weights = weights
        self._graph = graph

    def export(self) -> None:
        hidden, lengths = self._embeddings()
        for index in range(self._config.num_hidden_layers):
            hidden = self._layer(f"encoder.layer.{index}.", hidden, lengths)
        self._graph.node("Identity", [hidden], OUTPUT)
        self._graph.finish(["input_ids", "attention_mask"], OUTPUT, self._config.hidden_size)

    def _embeddings(self) -> tuple[str, str]:
        """Give the names of the hidden states and of the texts' lengths, int32 [batch]."""
        config, prefix = self._config, "embeddings."
        width = config.hidden_size
        word = self._weights.get(f"{prefix}word_embeddings.weight", (config.vocab_size, width))
        position = self._weights.get(f"{prefix}position_embeddings.weight", (config.max_position_embeddings, width))
        token_type = self._weights.get(f"{prefix}token_type_embeddings.weight", (config.type_vocab_size, width))
        ids = self._graph.node("Cast", ["input_ids"], "input_ids_int32", to=TensorProto.INT32)
        mask = self._graph.node("Cast", ["attention_mask"], "attention_mask_int32", to=TensorProto.INT32)
        inputs = [
            ids,
            "",  # token types, folded into the positions
            self._graph.weight(f"{prefix}word", word),
            self._graph.weight(f"{prefix}position_and_type", position + token_type[0]),
            "",
            *self._layer_norm_weights(f"{prefix}LayerNorm"),
            mask,
        ]
        hidden, lengths = self._graph.nodes(
            "EmbedLayerNormalization",
            inputs,
            [f"{prefix}output", "lengths"],
            domain=MICROSOFT,
            epsilon=config.layer_norm_eps,
        )
        return hidden, lengths

    def _layer(self, prefix: str, hidden: str, lengths: str) -> str:
        config = self._config
        attended = self._attention(f"{prefix}attention.", hidden, lengths)
        inner_size = (config.hidden_size, config.intermediate_size)
        inner = self._matmul(f"{prefix}intermediate.dense", attended, inner_size)
        bias = self._bias(f"{prefix}intermediate.dense", config.intermediate_size)
        active = self._graph.node("BiasGelu", [inner, bias], f"{prefix}intermediate.gelu", domain=MICROSOFT)
        return self._output(f"{prefix}output", active, attended, config.intermediate_size)

    def _attention(self, prefix: str, hidden: str, lengths: str) -> str:
        width = self._config.hidden_size
        parts = [f"{prefix}self.{part}" for part in ("query", "key", "value")]
        weight = np.concatenate([self._weights.get(f"{part}.weight", (width, width)).T for part in parts], axis=1)
        bias = np.concatenate([self._weights.get(f"{part}.bias", (width,)) for part in parts])
        inputs = [
            hidden,
            self._graph.weight(f"{prefix}qkv.weight", weight),
            self._graph.weight(f"{prefix}qkv.bias", bias),
            lengths,
        ]
        heads = self._config.num_attention_heads
        context = self._graph.node("Attention", inputs, f"{prefix}context", domain=MICROSOFT, num_heads=heads)
        return self._output(f"{prefix}output", context, hidden, width)

    def _output(self, prefix: str, inner: str, residual: str, inner_width: int) -> str:
        """Close a block: dense, residual, LayerNorm."""
        width = self._config.hidden_size
        product = self._matmul(f"{prefix}.dense", inner, (inner_width, width))
        dense = self._graph.node("Add", [product, self._bias(f"{prefix}.dense", width)], f"{prefix}.dense")
        total = self._graph.node("Add", [dense, residual], f"{prefix}.residual")
        return self._graph.node(
            "LayerNormalization",
            [total, *self._layer_norm_weights(f"{prefix}.LayerNorm")],
            f"{prefix}.output",
            epsilon=self._config.layer_norm_eps,
        )

    def _matmul(self, name: str, value: str, size: tuple[int, int]) -> str:
        inputs, outputs = size
        weight: npt.NDArray[np.float32] = self._weights.get(f"{name}.weight", (outputs, inputs)).T
        return self._graph.node("MatMul", [value, self._graph.weight(f"{name}.weight", weight)], f"{name}.product")

    def _bias(self, name: str, size: int) -> str:
        return self._graph.weight(f"{name}.bias", self._weights.get(f"{name}.bias", (size,)))

    def _layer_norm_weights(self, name: str) -> tuple[str, str]:
        width = self._config.hidden_size
        scale, bias = (f"{name}.{part}" for part in ("weight", "bias"))
        return (
            self._graph.weight(scale, self._weights.get(scale, (width,))),
            self._graph.weight(bias, self._weights.get(bias, (width,))),
        )
