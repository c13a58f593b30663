// Owns the weights of one dense layer as a model's file holds them, before they are packed for an instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ortembed::kernels {

enum class WeightType { int8, bfloat16 };

// y = x W + b. Borrowed: only looked at while it is packed.
struct LinearWeights {
  WeightType type = WeightType::int8;
  std::size_t inputs = 0;
  std::size_t outputs = 0;
  const void* weight = nullptr;        // row-major [inputs, outputs]: int8 codes, or the bits of bfloat16
  const float* scale = nullptr;        // [outputs], what a code of each column is worth; null for bfloat16
  const float* bias = nullptr;         // [outputs], or null
  const float* input_scale = nullptr;  // [inputs], by which x is multiplied before it is quantized; or null
};

}  // namespace ortembed::kernels
