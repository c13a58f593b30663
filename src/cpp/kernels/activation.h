// Owns the list of activations that a feed-forward may have.
#pragma once

#include <string_view>

namespace ortembed::kernels {

enum class Activation { none, gelu, gelu_tanh, relu, silu };

// "gelu" (exact), "gelu_tanh", "relu", "silu". Throws Error(model_load) for any other name.
Activation activation_from_name(std::string_view name);

}  // namespace ortembed::kernels
