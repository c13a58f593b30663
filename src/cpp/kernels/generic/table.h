// Owns making a table of kernels from a target: its vectors, and its products of int8, bfloat16 and attention.
#pragma once

#include "kernels/generic/attention.h"
#include "kernels/generic/linear.h"
#include "kernels/generic/rows.h"
#include "kernels/kernel_table.h"

namespace ortembed::kernels {

template <class T>
void linear(const OperandRows& rows, const LinearView& view, std::size_t first, std::size_t end,
            Activation activation, const LinearOutput& output) {
  if (view.type == WeightType::int8) {
    linear_rows<T, typename T::Int8Dot>(rows, view, first, end, activation, output);
  } else {
    linear_rows<T, typename T::Bfloat16Dot>(rows, view, first, end, activation, output);
  }
}

template <class T>
std::size_t attention_scratch(std::size_t tokens, std::size_t head_width) {
  return Attention<T>::scratch_bytes(tokens, head_width);
}

template <class T>
constexpr KernelTable make_table(Isa isa) {
  return {isa,
          layout_of<typename T::Int8Dot>(),
          layout_of<typename T::Bfloat16Dot>(),
          T::AttentionDot::row_value_bytes,
          &quantize_rows<T, typename T::Int8Dot>,
          &round_rows<T, typename T::Bfloat16Dot>,
          &linear<T>,
          &norm_rows<T>,
          &gate_rows<T>,
          &attend<T>,
          &attention_scratch<T>};
}

}  // namespace ortembed::kernels
