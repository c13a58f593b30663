// Owns the norm of one vector, and scaling it to norm 1.
#pragma once

#include <span>

namespace ortembed {

// The Euclidean norm, summed in double. Not finite exactly when a value of the vector is not.
double norm(std::span<const float> vector);

// Scales the vector to norm 1. One with a norm below 1e-12 is divided by 1e-12 instead, as torch's
// functional.normalize does, so that zeros stay zeros.
void normalize(std::span<float> vector, double norm);

}  // namespace ortembed
