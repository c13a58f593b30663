// Owns the place where finished vectors and hidden states go, in the caller's memory.
#pragma once

#include <cstddef>
#include <span>

#include "engine/precision.h"

namespace ortembed {

// Row-major [rows, row_columns(precision, dimensions)].
struct OutputRows {
  std::byte* data = nullptr;  // aligned to its numbers
  std::size_t rows = 0;
  std::size_t dimensions = 0;  // of a vector, at most the engine's; fewer truncates, before normalization
  Precision precision = Precision::float32;
  const ValueRanges* ranges = nullptr;  // of as many columns as dimensions, where the precision takes them

  std::byte* row(std::size_t index) const { return data + index * row_bytes(precision, dimensions); }
  // Where the float32 vector of a row is made: in its place where that is float32, else in the buffer.
  std::span<float> vector(std::size_t index, float* buffer) const {
    return {precision == Precision::float32 ? reinterpret_cast<float*>(row(index)) : buffer, dimensions};
  }
};

// Row-major [tokens, dimension], a row for each token of the call in the order of its ids.
struct TokenRows {
  float* data = nullptr;
  std::size_t tokens = 0;
  std::size_t dimension = 0;

  std::span<float> rows(std::size_t first, std::size_t count) const {
    return {data + first * dimension, count * dimension};
  }
};

}  // namespace ortembed
