// Owns a dense layer over one vector: weight, bias, activation.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/matrix.h"
#include "engine/activation.h"

namespace ortembed {

class Dense {
 public:
  // weight: [outputs, inputs], as torch's Linear has it; bias: [outputs] or none, which is zero. Both are copied.
  // Throws Error(invalid_input) when the sizes differ or are zero, and for an unknown activation.
  Dense(const FloatMatrix& weight, std::optional<std::span<const float>> bias, std::string_view activation);

  std::int64_t inputs() const { return static_cast<std::int64_t>(inputs_); }
  std::int64_t outputs() const { return static_cast<std::int64_t>(bias_.size()); }
  // activation(weight · input + bias).
  void apply(std::span<const float> input, std::span<float> output) const;

 private:
  std::size_t inputs_;
  std::vector<float> weight_;  // [inputs, outputs]: sums over a row of it need no reduction, so they vectorise
  std::vector<float> bias_;
  Activation activation_;
};

}  // namespace ortembed
