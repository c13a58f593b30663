// Owns layer normalization of one vector.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace ortembed {

class LayerNorm {
 public:
  // scale: [width]; bias: [width] or none, which is zero. Both are copied.
  // Throws Error(invalid_input) when the sizes differ, or when epsilon is not a finite number above zero.
  LayerNorm(std::span<const float> scale, std::optional<std::span<const float>> bias, double epsilon);

  std::int64_t width() const { return static_cast<std::int64_t>(scale_.size()); }
  // (x - mean) / sqrt(variance + epsilon) * scale + bias in place, over `width` values; moments in double.
  void apply(std::span<float> vector) const;

 private:
  std::vector<float> scale_;
  std::vector<float> bias_;
  double epsilon_;
};

}  // namespace ortembed
