// Owns the norm of one vector, and scaling it to norm 1.
#include "engine/normalize.h"

#include <algorithm>
#include <cmath>

namespace ortembed {

double norm(std::span<const float> vector) {
  double sum = 0.0;
  for (const float value : vector) sum += static_cast<double>(value) * static_cast<double>(value);
  return std::sqrt(sum);
}

void normalize(std::span<float> vector, double norm) {
  const double factor = 1.0 / std::max(norm, 1e-12);
  for (float& value : vector) value = static_cast<float>(value * factor);
}

}  // namespace ortembed
