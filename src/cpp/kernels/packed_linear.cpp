// Owns the weights of one dense layer, packed for the kernels that will multiply by them.
#include "kernels/packed_linear.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"

namespace ortembed::kernels {
namespace {

void check_sizes(const OperandLayout& layout, const LinearWeights& weights) {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::model_load, message); };
  if (weights.inputs == 0 || weights.outputs == 0) fail("a linear layer has no inputs or no outputs");
  if (weights.inputs > layout.most_inputs) {
    fail("a linear layer has " + std::to_string(weights.inputs) + " inputs; int8 sums hold the products of " +
         std::to_string(layout.most_inputs));
  }
}

// [inputs, outputs] to panels, cells and columns; zero where a cell or panel is not full.
void pack(const OperandLayout& layout, const LinearWeights& weights, std::size_t panel_bytes, std::byte* panels) {
  const auto* source = static_cast<const std::byte*>(weights.weight);
  const std::size_t bytes = layout.weight_value_bytes;
  const std::size_t column_bytes = layout.values_per_cell * bytes;
  const std::size_t cell_bytes = layout.columns_per_panel * column_bytes;
  for (std::size_t input = 0; input < weights.inputs; ++input) {
    const std::byte* row = source + input * weights.outputs * bytes;
    const std::size_t place = input / layout.values_per_cell * cell_bytes + input % layout.values_per_cell * bytes;
    for (std::size_t column = 0; column < weights.outputs; ++column) {
      std::byte* target = panels + column / layout.columns_per_panel * panel_bytes + place +
                          column % layout.columns_per_panel * column_bytes;
      std::memcpy(target, row + column * bytes, bytes);
    }
  }
}

// What an offset of 1 in every value of x adds to each column.
void sum_columns(const LinearWeights& weights, float* sums) {
  const auto* source = static_cast<const std::int8_t*>(weights.weight);
  std::vector<std::int32_t> codes(weights.outputs, 0);
  for (std::size_t input = 0; input < weights.inputs; ++input) {
    for (std::size_t column = 0; column < weights.outputs; ++column) {
      codes[column] += source[input * weights.outputs + column];
    }
  }
  for (std::size_t column = 0; column < weights.outputs; ++column) {
    sums[column] = static_cast<float>(codes[column]) * weights.scale[column];
  }
}

}  // namespace

PackedLinear::PackedLinear(const KernelTable& kernels, const LinearWeights& weights) {
  const bool has_codes = weights.type == WeightType::int8;
  const OperandLayout& layout = has_codes ? kernels.int8 : kernels.bfloat16;
  check_sizes(layout, weights);
  const std::size_t panel_bytes = layout.panel_bytes(weights.inputs);
  const std::size_t size = layout.panels(weights.outputs) * panel_bytes;
  panels_ = aligned_bytes(size);
  std::memset(panels_.get(), 0, size);
  pack(layout, weights, panel_bytes, panels_.get());

  const std::size_t padded = layout.panels(weights.outputs) * layout.columns_per_panel;
  columns_.assign((has_codes ? 3 : 1) * padded + (weights.input_scale == nullptr ? 0 : weights.inputs), 0);
  float* bias = columns_.data();
  if (weights.bias != nullptr) std::copy_n(weights.bias, weights.outputs, bias);
  float* scale = has_codes ? bias + padded : nullptr;
  float* offset_sum = has_codes ? scale + padded : nullptr;
  if (has_codes) {
    std::copy_n(weights.scale, weights.outputs, scale);
    sum_columns(weights, offset_sum);
  }
  float* input_scale = weights.input_scale == nullptr ? nullptr : bias + (has_codes ? 3 : 1) * padded;
  if (input_scale != nullptr) std::copy_n(weights.input_scale, weights.inputs, input_scale);
  view_ = {weights.type, weights.inputs, weights.outputs, layout.cells(weights.inputs),
           panel_bytes,  panels_.get(),  scale,           offset_sum,
           bias,         input_scale};
}

}  // namespace ortembed::kernels
