// Owns the ways in which encoders take the texts of a batch.
#pragma once

#include <variant>

#include "engine/batch_shapes.h"

namespace ortembed {

// Texts end to end, without padding, and offsets that say where each begins.
struct Packed {};

// Or each text in a row of its own, padded to a shape.
using BatchLayout = std::variant<BatchShapes, Packed>;

}  // namespace ortembed
