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

// x times that share, as a quadratic for each quarter of |x| up to 4, where a target looks up in tables of 16: a
// third of the operations. With e(t) = t (share - 0.5), which is even, it is 0.5 x + e(|x|); the last e is 0.5 t but
// for a share that is gone at 4. An error of at most 6.3e-5, 1.3e-4 about 4, and 1.5e-6 beyond 5; of 3e-4 |x| where
// less.
template <class T>
ORTEMBED_INLINE typename T::Float gelu_by_quarters(typename T::Float x) {
  alignas(64) static constexpr float constant[16] = {0.0F,          -0.0034098844F, -0.0242820531F, -0.0782942846F,
                                                     -0.167556182F, -0.274491847F,  -0.368977904F,  -0.423238277F,
                                                     -0.424445927F, -0.378195167F,  -0.302798092F,  -0.219621077F,
                                                     -0.145188197F, -0.0878947377F, -0.0489066951F, 0.0F};
  alignas(64) static constexpr float linear[16] = {0.0F,         0.0259731617F, 0.108062387F, 0.251622796F,
                                                   0.430490047F, 0.60242784F,   0.729378521F, 0.792204797F,
                                                   0.793939829F, 0.753067255F,  0.692781806F, 0.632212162F,
                                                   0.582480609F, 0.547125041F,  0.524775684F, 0.498866796F};
  alignas(64) static constexpr float quadratic[16] = {
      0.395528555F,   0.344792664F,    0.263688415F,    0.168078646F,   0.0783579573F,  0.00918926205F,
      -0.0334755071F, -0.0516665652F,  -0.0522325784F,  -0.043200735F,  -0.0311476514F, -0.0201190524F,
      -0.0118109789F, -0.00635590963F, -0.00315272738F, 0.000283300004F};
  constexpr float below_4 = 3.99999976F;
  const typename T::Float t = T::magnitude(x);
  const typename T::Float held = T::min(t, T::set(below_4));
  const auto place = T::quarters(held);
  const typename T::Float slope = T::multiply_add(T::look_up(quadratic, place), held, T::look_up(linear, place));
  return T::multiply_add(x, T::set(0.5F), T::multiply_add(slope, t, T::look_up(constant, place)));
}

// Hendrycks and Gimpel 2016, arXiv:1606.08415: x times the share of a normal distribution that lies below x.
template <class T>
ORTEMBED_INLINE typename T::Float gelu(typename T::Float x) {
  if constexpr (requires { T::quarters(x); }) {
    return gelu_by_quarters<T>(x);
  } else {
    return T::multiply(x, normal_share<T>(x));
  }
}

// 1 / (1 + e^-x) with a relative error of at most 4e-7.
template <class T>
ORTEMBED_INLINE typename T::Float sigmoid(typename T::Float x) {
  const typename T::Float one = T::set(1.0F);
  return T::divide(one, T::add(one, exp2<T>(T::multiply(x, T::set(-1.44269504F)))));
}

}  // namespace ortembed::kernels
