// Owns what one instruction set's kernels look like from outside: a table of functions, and the shapes they work in.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/activation.h"
#include "kernels/isa.h"
#include "kernels/linear_weights.h"

namespace ortembed::kernels {

// A row of x as it was quantized: x is about scale * code + offset.
struct RowScale {
  float scale;
  float offset;
};

// How the left and right operands of a product lie in memory. Values along the inner dimension are taken in cells of
// so many at a time. Weights: panel by panel of columns, in a panel cell by cell, in a cell column by column.
struct OperandLayout {
  std::size_t values_per_cell;
  std::size_t columns_per_panel;
  std::size_t row_value_bytes;     // of a value of x
  std::size_t weight_value_bytes;  // of a weight
  std::size_t most_inputs;         // beyond which a sum could overflow

  std::size_t cells(std::size_t inputs) const { return (inputs + values_per_cell - 1) / values_per_cell; }
  std::size_t row_bytes(std::size_t inputs) const {
    return (cells(inputs) * values_per_cell * row_value_bytes + 63) / 64 * 64;
  }
  std::size_t panels(std::size_t outputs) const { return (outputs + columns_per_panel - 1) / columns_per_panel; }
  std::size_t panel_bytes(std::size_t inputs) const {
    return cells(inputs) * values_per_cell * columns_per_panel * weight_value_bytes;
  }
};

// A packed dense layer; columns beyond the outputs are zero up to the panel's end.
struct LinearView {
  WeightType type;
  std::size_t inputs;
  std::size_t outputs;
  std::size_t cells;
  std::size_t panel_bytes;
  const std::byte* panels;
  const float* scale;        // [panels * columns_per_panel]: what a code of each column is worth; null for bfloat16
  const float* offset_sum;   // of the same length: what an offset of 1 in every value of x adds; null for bfloat16
  const float* bias;         // of the same length, zero where there is none
  const float* input_scale;  // [inputs] or null
  const std::size_t* float_channels;  // inputs that are multiplied in float
  std::size_t float_channel_count;
  const float* float_weight;  // [float_channel_count, panels * columns_per_panel]
};

// Rows of x, ready to be multiplied.
struct OperandRows {
  const std::byte* data;
  std::size_t stride;      // bytes
  const RowScale* scales;  // null for bfloat16
  std::size_t count;
  const float* float_values = nullptr;  // [count, the linear's float_channel_count]
};

// Where a linear's rows go: float, or the type that attention reads.
struct LinearOutput {
  std::byte* data;
  std::size_t stride;  // bytes
  bool for_attention;
};

struct NormView {
  const float* weight;  // null for no norm
  const float* bias;    // or null
  float epsilon;
};

// Attention of one head in one text.
struct HeadTask {
  const std::byte* query;  // of the text's first token, in the type that attention reads
  const std::byte* key;
  const std::byte* value;
  std::size_t stride;  // bytes from token to token, of all three
  std::size_t tokens;
  std::size_t head_width;
  float scale;                 // of the scores
  std::int64_t reach;          // -1 for all
  const float* relative_bias;  // at distance 0, or null
  const float* cosines;        // [tokens or more, head_width / 2], or null
  const float* sines;
  float* output;              // of the text's first token
  std::size_t output_stride;  // floats
  std::byte* scratch;         // attention_scratch(tokens, head_width) bytes, aligned
};

struct KernelTable {
  Isa isa;
  OperandLayout int8;
  OperandLayout bfloat16;
  std::size_t attention_value_bytes;

  // Of each function below, columns and widths are at least 1.

  // Rows of float [count, columns], `stride` floats apart, to operands of a product; the scales are written too.
  void (*quantize_rows)(const float* x, std::size_t stride, std::size_t count, std::size_t columns,
                        const float* input_scale, std::byte* out, std::size_t out_stride, RowScale* scales);
  void (*round_rows)(const float* x, std::size_t stride, std::size_t count, std::size_t columns, std::byte* out,
                     std::size_t out_stride);
  // The columns of panels [first, end), bias added, activated.
  void (*linear)(const OperandRows& rows, const LinearView& linear, std::size_t first, std::size_t end,
                 Activation activation, const LinearOutput& output);
  // out = norm(x + residual); the residual may be null. In place of either too.
  void (*norm_rows)(const float* x, const float* residual, std::size_t count, std::size_t width, const NormView& norm,
                    float* out);
  // x[:, j] = activation(x[:, j]) * x[:, columns + j], for j below columns; rows are `stride` floats apart.
  void (*gate_rows)(float* x, std::size_t stride, std::size_t count, std::size_t columns, Activation activation);
  void (*attend)(const HeadTask& task);
  std::size_t (*attention_scratch)(std::size_t tokens, std::size_t head_width);
};

// The kernels of an instruction set that is available.
const KernelTable& kernels_of(Isa isa);

}  // namespace ortembed::kernels
