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

  // Of int8: inputs whose values are multiplied in float, since they dwarf the others. Their input_scale and their
  // codes are 0, so that they take no part in the rest.
  const std::int64_t* float_channels = nullptr;  // [float_channel_count], each below `inputs`
  std::size_t float_channel_count = 0;
  const float* float_weight = nullptr;  // [float_channel_count, outputs]
};

}  // namespace ortembed::kernels
