// Owns the range of values of each dimension, which int8 and uint8 codes divide into 255 steps.
#include "engine/value_ranges.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace ortembed {

ValueRanges::ValueRanges(FloatMatrix ranges) {
  if (ranges.rows != 2) {
    throw Error(ErrorCode::invalid_input,
                "ranges must have 2 rows, smallest and largest values, not " + std::to_string(ranges.rows));
  }
  for (std::size_t i = 0; i < ranges.columns; ++i) {
    const float smallest = ranges.row(0)[i];
    const float width = ranges.row(1)[i] - smallest;
    if (!(width >= 0) || !std::isfinite(width)) {
      throw Error(ErrorCode::invalid_input, "ranges of dimension " + std::to_string(i) + " are " +
                                                std::to_string(smallest) + " to " + std::to_string(ranges.row(1)[i]) +
                                                ", not a finite smallest and largest value");
    }
    const float step = width / 255;
    starts_.push_back(smallest);
    steps_.push_back(step == 0 ? 1 : step);
  }
}

void find_ranges(FloatMatrix vectors, float* ranges) {
  if (vectors.rows == 0) throw Error(ErrorCode::invalid_input, "no vectors to take ranges from");
  float* smallest = ranges;
  float* largest = ranges + vectors.columns;
  std::copy_n(vectors.row(0), vectors.columns, smallest);
  std::copy_n(vectors.row(0), vectors.columns, largest);
  for (std::size_t row = 0; row < vectors.rows; ++row) {
    const std::span values(vectors.row(row), vectors.columns);
    bool is_finite = true;
    for (std::size_t i = 0; i < values.size(); ++i) {
      is_finite &= std::isfinite(values[i]);
      smallest[i] = std::min(smallest[i], values[i]);
      largest[i] = std::max(largest[i], values[i]);
    }
    if (!is_finite) {
      throw Error(ErrorCode::invalid_input, "vectors[" + std::to_string(row) + "] has a value that is not finite");
    }
  }
}

}  // namespace ortembed
