// Owns the reading and packing of a linear's inputs: weight, scale, bias, input scale, channels in float and theirs.
#pragma once

#include <cstddef>

#include "ort/operators/node.h"
#include "ort/operators/operator_settings.h"

namespace ortembed::ort {

struct LinearShape {
  std::size_t inputs;
  std::size_t outputs;
};

// Of the weight, which is the first of the six.
LinearShape linear_shape(const Node& node, std::size_t weight);

// Throws Error(model_load) where the weight has another shape, or the others do not fit it.
PackedLinears::Linear read_linear(const Node& node, std::size_t weight, LinearShape shape,
                                  const OperatorSettings& settings);

}  // namespace ortembed::ort
