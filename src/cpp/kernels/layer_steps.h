// Owns the steps of a layer's run: what is done to some of the rows, columns or heads, by one thread.
#pragma once

#include <cstddef>

#include "kernels/division.h"
#include "kernels/encoder_layer.h"

namespace ortembed::kernels {

struct LayerParts {
  const KernelTable* kernels;
  const LayerSettings* settings;
  const LayerLinears* linears;

  std::size_t attended_width() const { return settings->heads * settings->head_width; }
  std::size_t inner_width() const { return linears->outer->inputs(); }
  std::size_t inner_columns() const { return linears->inner->outputs(); }  // twice the inner width where it is gated
};

// What one product reads and writes: a block's, where rows are divided, or all rows'.
struct RowBuffers {
  float* normed = nullptr;  // [rows, width]: the feed-forward's input
  float* summed = nullptr;  // [rows, width]: the attention's output with its residual, where norms come first
  float* inner = nullptr;   // [rows, inner columns]
  std::byte* operand = nullptr;
  RowScale* scales = nullptr;
  float* float_values = nullptr;  // of the channels that are multiplied in float
};

class LayerSteps {
 public:
  LayerSteps(LayerParts parts, const PackedTexts& texts, const float* hidden)
      : parts_(parts), texts_(texts), hidden_(hidden) {}

  // [tokens, 3 * attended width] in the type that attention reads, and [tokens, attended width].
  void set_memory(std::byte* attention_values, float* context) {
    attention_values_ = attention_values;
    context_ = context;
  }

  OperandRows to_operand(const PackedLinear& linear, const float* x, std::size_t stride, Part rows,
                         const RowBuffers& buffers) const;
  OperandRows operand(const PackedLinear& linear, const RowBuffers& buffers, std::size_t rows) const;
  std::size_t panels(const PackedLinear& linear) const;
  void multiply(const PackedLinear& linear, const OperandRows& rows, Part panels, Activation activation, float* out,
                std::size_t columns) const;
  void multiply_for_attention(const OperandRows& rows, Part panels, std::size_t first_row) const;

  const float* attention_input(Part rows, const RowBuffers& buffers) const;
  void norm_attention(Part rows, float* attended, const RowBuffers& buffers) const;
  void gate(std::size_t rows, float* inner) const;
  void norm_output(Part rows, float* out, const RowBuffers& buffers) const;
  void attend(Part heads, std::byte* scratch) const;

 private:
  void attend(std::size_t text, std::size_t head, std::byte* scratch) const;

  LayerParts parts_;
  const PackedTexts& texts_;
  const float* hidden_;
  std::byte* attention_values_ = nullptr;
  float* context_ = nullptr;
};

}  // namespace ortembed::kernels
