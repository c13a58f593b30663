// Owns the decision which of a graph's inputs to feed and which output to read.
#include "engine/graph_signature.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"

namespace ortembed {
namespace {

using ort::ElementType;
using ort::GraphValue;

constexpr std::int64_t batch = -1;     // the graph leaves this dimension open, or has the batch's rows,
constexpr std::int64_t sequence = -2;  // or its sequence length
constexpr std::int64_t packed = -3;    // the graph leaves this dimension open
constexpr std::int64_t anything = 0;   // open, or of any size

struct KnownInput {
  std::string_view name;
  InputRole role;
  ElementType type;
  std::size_t rank;
  std::array<std::int64_t, 4> shape;  // the first `rank` of these
  std::string_view form;
};
constexpr std::array<std::int64_t, 4> batch_sequence{batch, sequence};
constexpr std::string_view ids_form = "int64 of shape [batch, sequence]";
constexpr std::array known_inputs{
    KnownInput{"input_ids", InputRole::input_ids, ElementType::int64, 2, batch_sequence, ids_form},
    KnownInput{"attention_mask", InputRole::attention_mask, ElementType::int64, 2, batch_sequence, ids_form},
    KnownInput{"token_type_ids", InputRole::token_type_ids, ElementType::int64, 2, batch_sequence, ids_form},
    KnownInput{"ids", InputRole::ids, ElementType::int64, 1, {packed}, "int64 of shape [tokens]"},
    KnownInput{"offsets", InputRole::offsets, ElementType::int64, 1, {packed}, "int64 of shape [texts + 1]"},
    KnownInput{"hidden",
               InputRole::hidden,
               ElementType::float32,
               3,
               {batch, sequence, anything},
               "float32 of shape [batch, sequence, width]"},
    KnownInput{"mask",
               InputRole::mask,
               ElementType::float32,
               4,
               {batch, 1, 1, sequence},
               "float32 of shape [batch, 1, 1, sequence]"},
};

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::model_load, message); }

std::string names(std::span<const GraphValue> values) {
  std::string result;
  for (const GraphValue& value : values) result += (result.empty() ? "" : ", ") + value.name;
  return result;
}

bool fits(std::int64_t size, std::int64_t wanted, const std::optional<BatchShape>& shape) {
  if (wanted == anything) return true;
  if (wanted > 0) return size == wanted;
  if (size < 0) return true;
  return shape && wanted != packed && size == (wanted == batch ? shape->rows : shape->sequence_length);
}

GraphInput read_input(const GraphValue& value, const std::optional<BatchShape>& shape) {
  const auto known = std::ranges::find(known_inputs, value.name, &KnownInput::name);
  if (known == known_inputs.end()) {
    fail("the graph has an unknown input '" + value.name +
         "'; ortembed feeds input_ids, attention_mask and token_type_ids, or hidden and mask, or ids and offsets");
  }
  const auto& dimensions = value.shape.dimensions;
  bool is_right = value.shape.type == known->type && dimensions.size() == known->rank;
  for (std::size_t i = 0; is_right && i < dimensions.size(); ++i) {
    is_right = fits(dimensions[i], known->shape[i], shape);
    if (!is_right && known->shape[i] < 0) {
      fail("the graph's input '" + value.name + "' has a fixed shape; it must be " + std::string(known->form) +
           ", whose named sizes are open");
    }
  }
  if (!is_right) fail("the graph's input '" + value.name + "' must be " + std::string(known->form));
  return {value.name, known->role};
}

bool has(std::span<const GraphInput> inputs, InputRole role) {
  return std::ranges::find(inputs, role, &GraphInput::role) != inputs.end();
}

void require(std::span<const GraphInput> inputs, InputRole role, const std::string& name) {
  if (!has(inputs, role)) fail("the graph has no input '" + name + "'");
}

// Two inputs that stand for all others.
void require_pair(std::span<const GraphInput> inputs, const GraphInput& first, const GraphInput& second) {
  require(inputs, first.role, first.name);
  require(inputs, second.role, second.name);
  if (inputs.size() > 2) {
    fail("the graph takes " + first.name + " and " + second.name + ", and other inputs beside them");
  }
}

void check_together(const GraphSignature& signature) {
  if (signature.is_packed) {
    require_pair(signature.inputs, {"ids", InputRole::ids}, {"offsets", InputRole::offsets});
  } else if (signature.takes_embeddings) {
    require_pair(signature.inputs, {"hidden", InputRole::hidden}, {"mask", InputRole::mask});
  } else {
    require(signature.inputs, InputRole::input_ids, "input_ids");
    require(signature.inputs, InputRole::attention_mask, "attention_mask");
  }
}

bool is_float_of_rank(const GraphValue& value, std::size_t rank) {
  return value.shape.type == ElementType::float32 && value.shape.dimensions.size() == rank;
}

const GraphValue* find_named(std::span<const GraphValue> outputs, std::string_view name, std::size_t rank) {
  const auto found = std::ranges::find(outputs, name, &GraphValue::name);
  if (found == outputs.end()) return nullptr;
  if (!is_float_of_rank(*found, rank)) {
    fail("the graph's output '" + found->name + "' must be float32 of rank " + std::to_string(rank));
  }
  return &*found;
}

const GraphValue* find_only(std::span<const GraphValue> outputs, std::size_t rank) {
  const auto fits = [&](const GraphValue& value) { return is_float_of_rank(value, rank); };
  return std::ranges::count_if(outputs, fits) == 1 ? &*std::ranges::find_if(outputs, fits) : nullptr;
}

const GraphValue& choose_packed_output(std::span<const GraphValue> outputs) {
  if (const auto* value = find_named(outputs, "last_hidden_state", 2)) return *value;
  fail("the graph takes ids and offsets, and none of its outputs (" + names(outputs) + ") is last_hidden_state");
}

const GraphValue& choose_output(std::span<const GraphValue> outputs) {
  if (const auto* value = find_named(outputs, "last_hidden_state", 3)) return *value;
  if (const auto* value = find_named(outputs, "token_embeddings", 3)) return *value;
  if (const auto* value = find_named(outputs, "sentence_embedding", 2)) return *value;
  if (const auto* value = find_only(outputs, 3)) return *value;
  // Beside several of rank 3, one of rank 2 is most likely a pooler's output, which no pooling config means.
  const bool has_rank_3 = std::ranges::any_of(outputs, [](const auto& value) { return is_float_of_rank(value, 3); });
  if (const auto* value = has_rank_3 ? nullptr : find_only(outputs, 2)) return *value;
  fail(
      "none of the graph's outputs (" + names(outputs) +
      ") is last_hidden_state, token_embeddings or sentence_embedding, and none is the only float32 one of its rank");
}

}  // namespace

GraphSignature read_signature(std::span<const GraphValue> inputs, std::span<const GraphValue> outputs,
                              const std::optional<BatchShape>& shape) {
  GraphSignature signature;
  for (const GraphValue& input : inputs) signature.inputs.push_back(read_input(input, shape));
  signature.is_packed = has(signature.inputs, InputRole::ids) || has(signature.inputs, InputRole::offsets);
  signature.takes_embeddings = has(signature.inputs, InputRole::hidden) || has(signature.inputs, InputRole::mask);
  check_together(signature);
  if (signature.is_packed && shape) fail("the graph takes ids and offsets, so it has no batches of fixed shapes");
  const auto hidden = std::ranges::find(inputs, "hidden", &GraphValue::name);
  if (hidden != inputs.end() && hidden->shape.dimensions.back() >= 0)
    signature.width = hidden->shape.dimensions.back();
  const GraphValue& output = signature.is_packed ? choose_packed_output(outputs) : choose_output(outputs);
  signature.output = output.name;
  signature.is_pooled = !signature.is_packed && output.shape.dimensions.size() == 2;
  if (output.shape.dimensions.back() > 0) signature.dimension = output.shape.dimensions.back();
  return signature;
}

}  // namespace ortembed
