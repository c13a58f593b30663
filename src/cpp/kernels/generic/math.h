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
  constexpr float coefficients[] = {1.0F, 0.693146944F, 0.240221202F, 0.0555071346F, 0.00967554189F, 0.00132764666F};
  x = T::max(T::set(-126.0F), T::min(T::set(128.0F), x));
  const typename T::Float whole = T::round(x);
  return T::scale(polynomial<T>(T::subtract(x, whole), coefficients), whole);
}

// The same for x that is not above 0, with a relative error of at most 3e-6: for softmax. 2^-125 for smaller results:
// none is subnormal, which costs some processors a hundred cycles.
template <class T>
ORTEMBED_INLINE typename T::Float exp2_of_negative(typename T::Float x) {
  constexpr float coefficients[] = {0.999999285F, 0.693121791F, 0.240247443F, 0.0559178628F, 0.00957009662F};
  x = T::max(T::set(-125.0F), x);
  const typename T::Float whole = T::round(x);
  return T::scale(polynomial<T>(T::subtract(x, whole), coefficients), whole);
}

// erf(x / sqrt(2)) with an absolute error of at most 3e-5, and 4e-6 beyond 4.384, where it is constant. NaN for NaN.
template <class T>
ORTEMBED_INLINE typename T::Float erf_of_root(typename T::Float x) {
  constexpr float coefficients[] = {0.797602415F,    -0.132265031F,    0.0193451513F,
                                    -0.00212571281F, 0.00017096044F,   -9.66184325e-06F,
                                    3.59268057e-07F, -7.82232679e-09F, 7.5103708e-11F};
  x = T::max(T::set(-4.3840620F), T::min(T::set(4.3840620F), x));
  return T::multiply(polynomial<T>(T::multiply(x, x), coefficients), x);
}

// 1 / (1 + e^-x) with a relative error of at most 4e-7.
template <class T>
ORTEMBED_INLINE typename T::Float sigmoid(typename T::Float x) {
  const typename T::Float one = T::set(1.0F);
  return T::divide(one, T::add(one, exp2<T>(T::multiply(x, T::set(-1.44269504F)))));
}

}  // namespace ortembed::kernels
