// Owns NEON's vectors of float, as the generic kernels ask for them.
//
// Everything here is in an unnamed namespace: each file that includes it is compiled for another instruction set, and
// nothing of one may end up in another.
#pragma once

#include <arm_neon.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/generic/unrolled.h"
#include "kernels/generic/vectors.h"

namespace ortembed::kernels {
namespace {

struct NeonVectors : CommonVectors<NeonVectors> {
  static constexpr std::size_t lanes = 4;
  using Float = float32x4_t;

  static Float zero() { return vdupq_n_f32(0); }
  static Float set(float x) { return vdupq_n_f32(x); }
  static Float load(const float* x) { return vld1q_f32(x); }
  // The first values of a vector, zero in the others.
  static Float load_part(const float* x, std::size_t count) {
    float values[lanes] = {};
    std::memcpy(values, x, count * sizeof(float));
    return vld1q_f32(values);
  }
  static void store(float* x, Float value) { vst1q_f32(x, value); }
  static void store_part(float* x, Float value, std::size_t count) {
    float values[lanes];
    vst1q_f32(values, value);
    std::memcpy(x, values, count * sizeof(float));
  }
  static Float to_float(const std::int32_t* x) { return vcvtq_f32_s32(vld1q_s32(x)); }

  static Float add(Float a, Float b) { return vaddq_f32(a, b); }
  static Float subtract(Float a, Float b) { return vsubq_f32(a, b); }
  static Float multiply(Float a, Float b) { return vmulq_f32(a, b); }
  static Float divide(Float a, Float b) { return vdivq_f32(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return vfmaq_f32(c, a, b); }
  // Where one is NaN: NaN.
  static Float max(Float a, Float b) { return vmaxq_f32(a, b); }
  static Float min(Float a, Float b) { return vminq_f32(a, b); }
  // The next lower whole number.
  static Float whole(Float x) { return vrndmq_f32(x); }
  // x * 2^whole by adding to the exponent: for x about 1, and results that are not subnormal. NaN for NaN.
  static Float scale(Float x, Float whole) {
    const int32x4_t exponents = vshlq_n_s32(vcvtq_s32_f32(whole), 23);
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), exponents));
  }
  // a in the first lanes, b in the others.
  static Float first(std::size_t count, Float a, Float b) { return vbslq_f32(below(count), a, b); }
  // a in the lanes from `from` to before `to`, b in the others.
  static Float part(std::size_t from, std::size_t to, Float a, Float b) {
    return vbslq_f32(vbicq_u32(below(to), below(from)), a, b);
  }

  static float reduce_add(Float x) { return vaddvq_f32(x); }
  static float reduce_max(Float x) { return vmaxvq_f32(x); }

  // 4 by 4: pairs and halves of rows change places with those of columns. Rows beyond the last are the last again.
  static void transpose_block(const std::byte* x, std::size_t stride, std::size_t rows, std::byte* out,
                              std::size_t out_stride) {
    uint32x4_t a[4];
    unrolled<4>([&](auto i) {
      a[i] = vld1q_u32(reinterpret_cast<const std::uint32_t*>(x + (i < rows ? i : rows - 1) * stride));
    });
    unrolled<2>([&](auto i) {
      const uint64x2_t even = vreinterpretq_u64_u32(i == 0 ? vtrn1q_u32(a[0], a[1]) : vtrn2q_u32(a[0], a[1]));
      const uint64x2_t odd = vreinterpretq_u64_u32(i == 0 ? vtrn1q_u32(a[2], a[3]) : vtrn2q_u32(a[2], a[3]));
      store_row(out + i * out_stride, vtrn1q_u64(even, odd));
      store_row(out + (i + 2) * out_stride, vtrn2q_u64(even, odd));
    });
  }

 private:
  static uint32x4_t below(std::size_t count) {
    static constexpr std::uint32_t indices[lanes] = {0, 1, 2, 3};
    return vcltq_u32(vld1q_u32(indices), vdupq_n_u32(static_cast<std::uint32_t>(count)));
  }

  static void store_row(std::byte* out, uint64x2_t row) {
    vst1q_u32(reinterpret_cast<std::uint32_t*>(out), vreinterpretq_u32_u64(row));
  }
};

}  // namespace
}  // namespace ortembed::kernels
