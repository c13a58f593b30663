// Owns random linears and their operands, as the checks of several files need them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "check.h"
#include "kernels/packed_linear.h"

namespace ortembed::selftest {

struct Shape {
  explicit Shape(Random& random)
      : count(random.between(1, 20)), inputs(random.between(1, 200)), outputs(random.between(1, 150)) {}
  std::size_t count;
  std::size_t inputs;
  std::size_t outputs;
};

// An int8 linear with a scale for each input, some of which are multiplied in float.
struct Int8Weights {
  Int8Weights(Random& random, const Shape& shape);
  kernels::PackedLinear packed(const kernels::KernelTable& table) const;
  std::vector<float> float_values(const std::vector<float>& x) const;  // [rows of x, channels]

  std::size_t inputs;
  std::size_t outputs;
  std::vector<std::int8_t> codes;
  std::vector<float> scale;
  std::vector<float> bias;
  std::vector<float> input_scale;
  std::vector<std::int64_t> channels;
  std::vector<float> float_weight;
};

struct QuantizedRows {
  QuantizedRows(const kernels::KernelTable& table, const std::vector<float>& x, std::size_t columns,
                const float* input_scale);
  std::vector<kernels::RowScale> scales;
  std::size_t stride;
  Bytes data;
};

// In two calls, the panels from some cut on first.
std::vector<float> multiply(const kernels::OperandRows& rows, const kernels::KernelTable& table,
                            const kernels::LinearView& view, kernels::Activation activation, std::size_t cut);

}  // namespace ortembed::selftest
