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

struct KnownInput {
  std::string_view name;
  InputRole role;
};
constexpr std::array known_inputs{
    KnownInput{"input_ids", InputRole::input_ids},
    KnownInput{"attention_mask", InputRole::attention_mask},
    KnownInput{"token_type_ids", InputRole::token_type_ids},
};

[[noreturn]] void fail(const std::string& message) { throw Error(ErrorCode::model_load, message); }

std::string names(std::span<const GraphValue> values) {
  std::string result;
  for (const GraphValue& value : values) result += (result.empty() ? "" : ", ") + value.name;
  return result;
}

GraphInput read_input(const GraphValue& value) {
  const auto known = std::ranges::find(known_inputs, value.name, &KnownInput::name);
  if (known == known_inputs.end()) {
    fail("the graph has an unknown input '" + value.name +
         "'; ortembed feeds input_ids, attention_mask and token_type_ids");
  }
  if (value.shape.type != ElementType::int64 || value.shape.dimensions.size() != 2) {
    fail("the graph's input '" + value.name + "' must be int64 of shape [batch, sequence]");
  }
  if (std::ranges::any_of(value.shape.dimensions, [](std::int64_t size) { return size >= 0; })) {
    fail("the graph's input '" + value.name + "' has a fixed shape; batch and sequence must be open");
  }
  return {value.name, known->role};
}

void require(std::span<const GraphInput> inputs, InputRole role, const std::string& name) {
  if (std::ranges::find(inputs, role, &GraphInput::role) == inputs.end()) {
    fail("the graph has no input '" + name + "'");
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

GraphSignature read_signature(std::span<const GraphValue> inputs, std::span<const GraphValue> outputs) {
  GraphSignature signature;
  for (const GraphValue& input : inputs) signature.inputs.push_back(read_input(input));
  require(signature.inputs, InputRole::input_ids, "input_ids");
  require(signature.inputs, InputRole::attention_mask, "attention_mask");
  const GraphValue& output = choose_output(outputs);
  signature.output = output.name;
  signature.is_pooled = output.shape.dimensions.size() == 2;
  if (output.shape.dimensions.back() > 0) signature.dimension = output.shape.dimensions.back();
  return signature;
}

}  // namespace ortembed
