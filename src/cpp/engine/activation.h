// Owns the activation functions of dense layers.
#pragma once

#include <span>
#include <string_view>

namespace ortembed {

enum class Activation { identity, tanh, relu, gelu, sigmoid, silu };

// By the names above. Throws Error(invalid_input) for any other.
Activation activation_from_name(std::string_view name);

// In place. gelu is the exact form, x / 2 * (1 + erf(x / sqrt(2))). A NaN stays one.
void activate(Activation activation, std::span<float> values);

}  // namespace ortembed
