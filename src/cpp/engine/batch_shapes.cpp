// Owns the sizes of batch that an encoder runs: any, or those of a closed list.
#include "engine/batch_shapes.h"

#include <string>
#include <utility>

#include "base/error.h"

namespace ortembed {

BatchShapes::BatchShapes(std::vector<BatchShape> fixed) : fixed_(std::move(fixed)) {
  for (auto shape = fixed_.begin(); shape != fixed_.end(); ++shape) {
    const std::string size = std::to_string(shape->rows) + " x " + std::to_string(shape->sequence_length);
    if (shape->rows < 1 || shape->sequence_length < 1) {
      throw Error(ErrorCode::invalid_input, "a bucket is " + size + "; rows and sequence length are 1 or more");
    }
    if (std::find(fixed_.begin(), shape, *shape) != shape) {
      throw Error(ErrorCode::invalid_input, "bucket " + size + " is given twice");
    }
  }
}

}  // namespace ortembed
