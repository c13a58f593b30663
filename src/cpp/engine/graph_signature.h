// Owns the decision which of a graph's inputs to feed and which output to read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/batch_shapes.h"
#include "ort/session.h"

namespace ortembed {

enum class InputRole { input_ids, attention_mask, token_type_ids, ids, offsets, hidden, mask };

struct GraphInput {
  std::string name;
  InputRole role;
};

struct GraphSignature {
  std::vector<GraphInput> inputs;
  bool takes_embeddings = false;      // hidden and mask, instead of ids: the engine looks the embeddings up
  std::optional<std::int64_t> width;  // of those embeddings; empty when the graph leaves it open
  std::string output;
  bool is_packed = false;                 // texts lie end to end, and the output is [tokens, dimension]
  bool is_pooled = false;                 // the output is [batch, dimension] instead of [batch, sequence, dimension]
  std::optional<std::int64_t> dimension;  // empty when the graph leaves it open
};

// Inputs go by name. Either input_ids, attention_mask and, optionally, token_type_ids, all int64 [batch, sequence];
// or hidden, float32 [batch, sequence, width], and mask, float32 [batch, 1, 1, sequence], which is added to attention
// scores; or ids, int64 [tokens], and offsets, int64 [texts + 1], for which there is no shape to be given. All sizes
// but the width are open, or of the shape that is given. Outputs are float32: last_hidden_state or
// token_embeddings, else sentence_embedding, else the only output of rank 3, else, where there is none of rank 3, the
// only output of rank 2; for ids and offsets, last_hidden_state of rank 2. Throws Error(model_load) naming what does
// not fit.
GraphSignature read_signature(std::span<const ort::GraphValue> inputs, std::span<const ort::GraphValue> outputs,
                              const std::optional<BatchShape>& shape = std::nullopt);

}  // namespace ortembed
