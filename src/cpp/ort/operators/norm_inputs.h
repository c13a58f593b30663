// Owns the reading of a layer norm's inputs.
#pragma once

#include <cstddef>

#include "kernels/encoder_layer.h"
#include "ort/operators/node.h"

namespace ortembed::ort {

// No norm where the weight is not given.
inline kernels::LayerNorm read_norm(const Node& node, std::size_t weight, std::size_t bias, std::size_t width,
                                    float epsilon) {
  const kernels::LayerNorm norm{node.floats(weight, {width}), node.floats(bias, {width}), epsilon};
  if (norm.weight == nullptr && norm.bias != nullptr) node.fail_input(bias, "is given without its weight");
  return norm;
}

}  // namespace ortembed::ort
