// Owns the view of a matrix of floats that lies in somebody else's memory.
#pragma once

#include <cstddef>

namespace ortembed {

// Row-major [rows, columns].
struct FloatMatrix {
  const float* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;

  const float* row(std::size_t index) const { return data + index * columns; }
};

}  // namespace ortembed
