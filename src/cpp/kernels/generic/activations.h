// Owns the activations of a feed-forward over vectors.
#pragma once

#include "kernels/activation.h"
#include "kernels/generic/math.h"

namespace ortembed::kernels {

template <class T, Activation activation>
ORTEMBED_INLINE typename T::Float activate(typename T::Float x) {
  if constexpr (activation == Activation::gelu) {
    return gelu<T>(x);
  } else if constexpr (activation == Activation::gelu_tanh) {
    // 0.5 x (1 + tanh(u)) is x * sigmoid(2u), with u = sqrt(2 / pi) (x + 0.044715 x^3).
    const typename T::Float cube = T::multiply(T::multiply(x, x), x);
    const typename T::Float u = T::multiply_add(cube, T::set(0.044715F), x);
    return T::multiply(x, sigmoid<T>(T::multiply(u, T::set(1.59576912F))));
  } else if constexpr (activation == Activation::relu) {
    return T::max(T::zero(), x);
  } else if constexpr (activation == Activation::silu) {
    return T::multiply(x, sigmoid<T>(x));
  } else {
    return x;
  }
}

// Calls visit(std::integral_constant<Activation, activation>{}).
template <class Visit>
ORTEMBED_INLINE void with_activation(Activation activation, const Visit& visit) {
  switch (activation) {
    case Activation::none:
      return visit(std::integral_constant<Activation, Activation::none>{});
    case Activation::gelu:
      return visit(std::integral_constant<Activation, Activation::gelu>{});
    case Activation::gelu_tanh:
      return visit(std::integral_constant<Activation, Activation::gelu_tanh>{});
    case Activation::relu:
      return visit(std::integral_constant<Activation, Activation::relu>{});
    case Activation::silu:
      return visit(std::integral_constant<Activation, Activation::silu>{});
  }
}

}  // namespace ortembed::kernels
