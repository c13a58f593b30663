// Owns vectorised elementary functions, each a polynomial without branches.
//
// Coefficients were fitted by iteratively reweighted least squares, for the smallest largest error in float32.
#pragma once

#include "kernels/generic/unrolled.h"

namespace ortembed::kernels {

// sum of coefficients[k] * x^k, by Horner's rule.
template <class T, std::size_t count>
ORTEMBED_INLINE typename T::Float polynomial(typename T::Float x, const float (&coefficients)[count]) {
  typename T::Float sum = T::set(coefficients[count - 1]);
  unrolled<count - 1>([&](auto k) { sum = T::multiply_add(sum, x, T::set(coefficients[count - 2 - k])); });
  return sum;
}

// 2^x with a relative error of at most 2e-7; 2^-126 for smaller results, and infinity from 128 on. NaN for NaN.
template <class T>
ORTEMBED_INLINE typename T::Float exp2(typename T::Float x) {
  constexpr float coefficients[] = {1.0F, 0.693151312F, 0.240164445F, 0.0557999324F, 0.0090170034F, 0.00186714278F};
  x = T::max(T::set(-126.0F), T::min(T::set(128.0F), x));
  return T::scale(polynomial<T>(T::fraction(x), coefficients), T::whole(x));
}

// The same for x below 128, with a relative error of at most 3e-6: for softmax. 2^-125 for smaller results: none is
// subnormal, which costs some processors a hundred cycles.
template <class T>
ORTEMBED_INLINE typename T::Float exp2_of_negative(typename T::Float x) {
  constexpr float coefficients[] = {1.00000259F, 0.693003868F, 0.241442672F, 0.0520115178F, 0.0135341703F};
  x = T::max(T::set(-125.0F), x);
  return T::scale(polynomial<T>(T::fraction(x), coefficients), T::whole(x));
}

// The share of a normal distribution that lies below x, with an absolute error of at most 6.8e-5, and 1e-6 beyond
// 5 either way. Constant beyond 3.82.
template <class T>
ORTEMBED_INLINE typename T::Float normal_share(typename T::Float x) {
  constexpr float coefficients[] = {0.398664031F,    -0.0656903291F,   0.00929767358F, -0.000926423777F,
                                    6.00223274e-05F, -2.23186007e-06F, 3.57103466e-08F};
  x = T::clamp(x, 3.82F);
  return T::multiply_add(polynomial<T>(T::multiply(x, x), coefficients), x, T::set(0.5F));
}

// 1 / (1 + e^-x) with a relative error of at most 4e-7.
template <class T>
ORTEMBED_INLINE typename T::Float sigmoid(typename T::Float x) {
  const typename T::Float one = T::set(1.0F);
  return T::divide(one, T::add(one, exp2<T>(T::multiply(x, T::set(-1.44269504F)))));
}

}  // namespace ortembed::kernels
