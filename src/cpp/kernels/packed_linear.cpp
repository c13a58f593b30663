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
  if (weights.type != WeightType::int8 && weights.float_channel_count > 0) {
    fail("float channels are of int8 layers; this one is bfloat16");
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

std::vector<std::size_t> checked_channels(const LinearWeights& weights) {
  std::vector<std::size_t> channels;
  for (std::size_t i = 0; i < weights.float_channel_count; ++i) {
    const std::int64_t channel = weights.float_channels[i];
    if (channel < 0 || static_cast<std::uint64_t>(channel) >= weights.inputs) {
      throw Error(ErrorCode::model_load, "float channel " + std::to_string(channel) + " is none of the layer's " +
                                             std::to_string(weights.inputs) + " inputs");
    }
    channels.push_back(static_cast<std::size_t>(channel));
  }
  return channels;
}

// Hands out parts of one vector of floats, each of its values copied or zero.
class Columns {
 public:
  explicit Columns(std::vector<float>& values) : values_(values) {}

  const float* add(const float* source, std::size_t count, std::size_t padded) {
    float* target = values_.data() + used_;
    if (source != nullptr) std::copy_n(source, count, target);
    used_ += padded;
    return target;
  }

 private:
  std::vector<float>& values_;
  std::size_t used_ = 0;
};

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
  view_ = {};
  view_.type = weights.type;
  view_.inputs = weights.inputs;
  view_.outputs = weights.outputs;
  view_.cells = layout.cells(weights.inputs);
  view_.panel_bytes = panel_bytes;
  view_.panels = panels_.get();
  pack_columns(weights, layout.panels(weights.outputs) * layout.columns_per_panel);
}

// What belongs to columns, `padded` long each, and to inputs.
void PackedLinear::pack_columns(const LinearWeights& weights, std::size_t padded) {
  const bool has_codes = weights.type == WeightType::int8;
  float_channels_ = checked_channels(weights);
  const std::size_t rows = (has_codes ? 3 : 1) + float_channels_.size();
  columns_.assign(rows * padded + (weights.input_scale == nullptr ? 0 : weights.inputs), 0);
  Columns columns(columns_);
  view_.bias = columns.add(weights.bias, weights.outputs, padded);
  if (has_codes) {
    view_.scale = columns.add(weights.scale, weights.outputs, padded);
    std::vector<float> sums(weights.outputs);
    sum_columns(weights, sums.data());
    view_.offset_sum = columns.add(sums.data(), weights.outputs, padded);
  }
  view_.float_channels = float_channels_.data();
  view_.float_channel_count = float_channels_.size();
  for (std::size_t i = 0; i < float_channels_.size(); ++i) {
    const float* row = columns.add(weights.float_weight + i * weights.outputs, weights.outputs, padded);
    if (i == 0) view_.float_weight = row;
  }
  if (weights.input_scale != nullptr) {
    view_.input_scale = columns.add(weights.input_scale, weights.inputs, weights.inputs);
  }
}

}  // namespace ortembed::kernels
