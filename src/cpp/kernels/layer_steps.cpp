// Owns the steps of a layer's run: what is done to some of the rows, columns or heads, by one thread.
#include "kernels/layer_steps.h"

#include <cmath>

namespace ortembed::kernels {
namespace {

NormView view(const LayerNorm& norm) { return {norm.weight, norm.bias, norm.epsilon}; }
constexpr NormView no_norm{nullptr, nullptr, 0};

}  // namespace

// The rows of a block as an operand; as they lie in the buffers from the block's first row on.
OperandRows LayerSteps::operand(const PackedLinear& linear, const RowBuffers& buffers, std::size_t rows) const {
  const bool has_codes = linear.type() == WeightType::int8;
  const OperandLayout& layout = has_codes ? parts_.kernels->int8 : parts_.kernels->bfloat16;
  return {buffers.operand, layout.row_bytes(linear.inputs()), has_codes ? buffers.scales : nullptr, rows,
          buffers.float_values};
}

// Makes operands of some of the rows of x, which lie `stride` floats apart.
OperandRows LayerSteps::to_operand(const PackedLinear& linear, const float* x, std::size_t stride, Part rows,
                                   const RowBuffers& buffers) const {
  const OperandRows made = operand(linear, buffers, rows.end);
  std::byte* out = buffers.operand + rows.first * made.stride;
  const float* source = x + rows.first * stride;
  if (linear.type() == WeightType::int8) {
    parts_.kernels->quantize_rows(source, stride, rows.size(), linear.inputs(), linear.view().input_scale, out,
                                  made.stride, buffers.scales + rows.first);
  } else {
    parts_.kernels->round_rows(source, stride, rows.size(), linear.inputs(), out, made.stride);
  }
  const LinearView& view = linear.view();
  float* values = buffers.float_values + rows.first * view.float_channel_count;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t i = 0; i < view.float_channel_count; ++i)
      *values++ = source[row * stride + view.float_channels[i]];
  }
  return made;
}

std::size_t LayerSteps::panels(const PackedLinear& linear) const {
  const bool has_codes = linear.type() == WeightType::int8;
  return (has_codes ? parts_.kernels->int8 : parts_.kernels->bfloat16).panels(linear.outputs());
}

void LayerSteps::multiply(const PackedLinear& linear, const OperandRows& rows, Part panels, Activation activation,
                          float* out, std::size_t columns) const {
  const LinearOutput target{reinterpret_cast<std::byte*>(out), columns * sizeof(float), false};
  parts_.kernels->linear(rows, linear.view(), panels.first, panels.end, activation, target);
}

void LayerSteps::multiply_for_attention(const OperandRows& rows, Part panels, std::size_t first_row) const {
  const std::size_t stride = 3 * parts_.attended_width() * parts_.kernels->attention_value_bytes;
  const LinearOutput target{attention_values_ + first_row * stride, stride, true};
  parts_.kernels->linear(rows, parts_.linears->query_key_value->view(), panels.first, panels.end, Activation::none,
                         target);
}

// What attention's projections read: the hidden states, or where norms come first those, normed.
const float* LayerSteps::attention_input(Part rows, const RowBuffers& buffers) const {
  const LayerSettings& settings = *parts_.settings;
  const float* hidden = hidden_ + rows.first * settings.width;
  if (!settings.norms_first || settings.attention_norm.weight == nullptr) return hidden;
  parts_.kernels->norm_rows(hidden, nullptr, rows.size(), settings.width, view(settings.attention_norm),
                            buffers.normed);
  return buffers.normed;
}

// From the attention's output to the feed-forward's input, for rows whose `attended` and buffers begin at the first.
void LayerSteps::norm_attention(Part rows, float* attended, const RowBuffers& buffers) const {
  const LayerSettings& settings = *parts_.settings;
  const auto& norm_rows = parts_.kernels->norm_rows;
  const float* hidden = hidden_ + rows.first * settings.width;
  if (!settings.norms_first) {
    norm_rows(attended, hidden, rows.size(), settings.width, view(settings.attention_norm), buffers.normed);
    return;
  }
  norm_rows(attended, hidden, rows.size(), settings.width, no_norm, buffers.summed);
  norm_rows(buffers.summed, nullptr, rows.size(), settings.width, view(settings.output_norm), buffers.normed);
}

void LayerSteps::gate(std::size_t rows, float* inner) const {
  if (!parts_.settings->is_gated) return;
  parts_.kernels->gate_rows(inner, parts_.inner_columns(), rows, parts_.inner_width(), parts_.settings->activation);
}

// From the feed-forward's output to the layer's, in place.
void LayerSteps::norm_output(Part rows, float* out, const RowBuffers& buffers) const {
  const LayerSettings& settings = *parts_.settings;
  const float* residual = settings.norms_first ? buffers.summed : buffers.normed;
  const NormView norm = settings.norms_first ? no_norm : view(settings.output_norm);
  parts_.kernels->norm_rows(out, residual, rows.size(), settings.width, norm, out);
}

// Heads, counted text by text.
void LayerSteps::attend(Part heads, std::byte* scratch) const {
  for (std::size_t i = heads.first; i < heads.end; ++i) {
    attend(i / parts_.settings->heads, i % parts_.settings->heads, scratch);
  }
}

void LayerSteps::attend(std::size_t text, std::size_t head, std::byte* scratch) const {
  const LayerSettings& settings = *parts_.settings;
  const std::size_t value_bytes = parts_.kernels->attention_value_bytes;
  const std::size_t stride = 3 * parts_.attended_width() * value_bytes;
  const std::size_t first = texts_.start(text);
  const std::byte* query = attention_values_ + first * stride + head * settings.head_width * value_bytes;
  const std::size_t biases = 2 * static_cast<std::size_t>(settings.most_distance) + 1;
  HeadTask task{};
  task.query = query;
  task.key = query + parts_.attended_width() * value_bytes;
  task.value = query + 2 * parts_.attended_width() * value_bytes;
  task.stride = stride;
  task.tokens = texts_.length(text);
  task.head_width = settings.head_width;
  task.scale = 1 / std::sqrt(static_cast<float>(settings.head_width));
  task.reach = settings.reach;
  if (settings.relative_bias != nullptr) {
    task.relative_bias = settings.relative_bias + head * biases + static_cast<std::size_t>(settings.most_distance);
  }
  task.cosines = settings.cosines;
  task.sines = settings.sines;
  task.output = context_ + first * parts_.attended_width() + head * settings.head_width;
  task.output_stride = parts_.attended_width();
  task.scratch = scratch;
  parts_.kernels->attend(task);
}

}  // namespace ortembed::kernels
