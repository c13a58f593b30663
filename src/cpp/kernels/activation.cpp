// Owns the list of activations that a feed-forward may have.
#include "kernels/activation.h"

#include <string>

#include "base/error.h"

namespace ortembed::kernels {

Activation activation_from_name(std::string_view name) {
  if (name == "gelu") return Activation::gelu;
  if (name == "gelu_tanh") return Activation::gelu_tanh;
  if (name == "relu") return Activation::relu;
  if (name == "silu") return Activation::silu;
  throw Error(ErrorCode::model_load,
              "activation '" + std::string(name) + "' is none of gelu, gelu_tanh, relu and silu");
}

}  // namespace ortembed::kernels
