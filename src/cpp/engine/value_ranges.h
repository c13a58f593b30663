// Owns the range of values of each dimension, which int8 and uint8 codes divide into 255 steps.
#pragma once

#include <span>
#include <vector>

#include "base/matrix.h"

namespace ortembed {

class ValueRanges {
 public:
  // ranges: [2, columns], the smallest and the largest value of each dimension. Throws Error(invalid_input) naming
  // the first dimension whose values are not finite or in the wrong order.
  explicit ValueRanges(FloatMatrix ranges);

  std::size_t columns() const { return starts_.size(); }
  std::span<const float> starts() const { return starts_; }
  // Width of a code; 1 where a dimension has a single value, as in sentence-transformers.
  std::span<const float> steps() const { return steps_; }

 private:
  std::vector<float> starts_;
  std::vector<float> steps_;
};

// Writes the smallest value of each column, then the largest of each: [2, columns]. Throws Error(invalid_input)
// when there is no row, or naming the first row with a value that is not finite.
void find_ranges(FloatMatrix vectors, float* ranges);

}  // namespace ortembed
