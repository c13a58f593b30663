// Owns layer normalization of one vector.
#include "engine/layer_norm.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace ortembed {

LayerNorm::LayerNorm(std::span<const float> scale, std::optional<std::span<const float>> bias, double epsilon)
    : scale_(scale.begin(), scale.end()), bias_(scale.size()), epsilon_(epsilon) {
  const auto fail = [](const std::string& message) { throw Error(ErrorCode::invalid_input, message); };
  if (scale_.empty()) fail("scale is empty");
  if (bias && bias->size() != scale.size()) {
    fail("bias has " + std::to_string(bias->size()) + " values and scale has " + std::to_string(scale.size()));
  }
  if (bias) std::ranges::copy(*bias, bias_.begin());
  if (!std::isfinite(epsilon) || epsilon <= 0) {
    fail("epsilon is " + std::to_string(epsilon) + ", not a finite number above zero");
  }
}

void LayerNorm::apply(std::span<float> vector) const {
  double sum = 0.0;
  for (const float value : vector) sum += static_cast<double>(value);
  const double mean = sum / static_cast<double>(vector.size());
  double squares = 0.0;
  for (const float value : vector) squares += (value - mean) * (value - mean);
  const double factor = 1.0 / std::sqrt(squares / static_cast<double>(vector.size()) + epsilon_);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    vector[i] = static_cast<float>((vector[i] - mean) * factor) * scale_[i] + bias_[i];
  }
}

}  // namespace ortembed
