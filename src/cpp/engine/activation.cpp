// Owns the activation functions of dense layers.
#include "engine/activation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"

namespace ortembed {
namespace {

struct NamedActivation {
  std::string_view name;
  Activation activation;
};
constexpr std::array named_activations{
    NamedActivation{"identity", Activation::identity}, NamedActivation{"tanh", Activation::tanh},
    NamedActivation{"relu", Activation::relu},         NamedActivation{"gelu", Activation::gelu},
    NamedActivation{"sigmoid", Activation::sigmoid},   NamedActivation{"silu", Activation::silu},
};

float relu(float x) { return x < 0.0F ? 0.0F : x; }  // not std::max, which would drop a NaN
float gelu(float x) { return 0.5F * x * (1.0F + std::erf(x / std::numbers::sqrt2_v<float>)); }
float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }
float silu(float x) { return x * sigmoid(x); }

template <class Function>
void apply(std::span<float> values, Function function) {
  for (float& value : values) value = function(value);
}

}  // namespace

Activation activation_from_name(std::string_view name) {
  const auto found = std::ranges::find(named_activations, name, &NamedActivation::name);
  if (found != named_activations.end()) return found->activation;
  std::string known;
  for (const auto& row : named_activations) known += (known.empty() ? "" : ", ") + std::string(row.name);
  throw Error(ErrorCode::invalid_input, "unknown activation '" + std::string(name) + "'; known are " + known);
}

void activate(Activation activation, std::span<float> values) {
  switch (activation) {
    case Activation::identity:
      return;
    case Activation::tanh:
      return apply(values, [](float x) { return std::tanh(x); });
    case Activation::relu:
      return apply(values, relu);
    case Activation::gelu:
      return apply(values, gelu);
    case Activation::sigmoid:
      return apply(values, sigmoid);
    case Activation::silu:
      return apply(values, silu);
  }
}

}  // namespace ortembed
