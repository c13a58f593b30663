// Owns a dense layer over one vector: weight, bias, activation.
#include "engine/dense.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace ortembed {
namespace {

std::vector<float> transposed(const FloatMatrix& matrix) {
  std::vector<float> result(matrix.rows * matrix.columns);
  for (std::size_t r = 0; r < matrix.rows; ++r) {
    for (std::size_t c = 0; c < matrix.columns; ++c) {
      result[c * matrix.rows + r] = matrix.data[r * matrix.columns + c];
    }
  }
  return result;
}

}  // namespace

Dense::Dense(const FloatMatrix& weight, std::optional<std::span<const float>> bias, std::string_view activation)
    : inputs_(weight.columns), bias_(weight.rows), activation_(activation_from_name(activation)) {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::invalid_input, message); };
  if (weight.rows == 0 || weight.columns == 0) fail("weight is empty");
  if (bias && bias->size() != weight.rows) {
    fail("bias has " + std::to_string(bias->size()) + " values and weight has " + std::to_string(weight.rows) +
         " rows");
  }
  if (bias) std::ranges::copy(*bias, bias_.begin());
  weight_ = transposed(weight);
}

void Dense::apply(std::span<const float> input, std::span<float> output) const {
  std::ranges::copy(bias_, output.begin());
  const std::size_t outputs = output.size();
  for (std::size_t i = 0; i < inputs_; ++i) {
    const float value = input[i];
    const float* row = weight_.data() + i * outputs;
    for (std::size_t o = 0; o < outputs; ++o) output[o] += value * row[o];
  }
  activate(activation_, output);
}

}  // namespace ortembed
