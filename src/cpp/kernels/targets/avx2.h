// Owns AVX2's vectors of float, as the generic kernels ask for them.
//
// Everything here is in an unnamed namespace: each file that includes it is compiled for another instruction set, and
// nothing of one may end up in another.
#pragma once

#include <immintrin.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/generic/unrolled.h"
#include "kernels/generic/vectors.h"

namespace ortembed::kernels {
namespace {

struct Avx2Vectors : CommonVectors<Avx2Vectors> {
  static constexpr std::size_t lanes = 8;
  using Float = __m256;

  // The sign set in the first lanes.
  static __m256i mask(std::size_t count) {
    alignas(32) static constexpr std::int32_t signs[2 * lanes] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(signs + lanes - count));
  }

  static Float zero() { return _mm256_setzero_ps(); }
  static Float set(float x) { return _mm256_set1_ps(x); }
  static Float load(const float* x) { return _mm256_loadu_ps(x); }
  // The first values of a vector, zero in the others.
  static Float load_part(const float* x, std::size_t count) { return _mm256_maskload_ps(x, mask(count)); }
  static void store(float* x, Float value) { _mm256_storeu_ps(x, value); }
  static void store_part(float* x, Float value, std::size_t count) { _mm256_maskstore_ps(x, mask(count), value); }
  static Float to_float(const std::int32_t* x) {
    return _mm256_cvtepi32_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
  }

  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float subtract(Float a, Float b) { return _mm256_sub_ps(a, b); }
  static Float multiply(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float divide(Float a, Float b) { return _mm256_div_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }
  // Where one is NaN: b.
  static Float max(Float a, Float b) { return _mm256_max_ps(a, b); }
  static Float min(Float a, Float b) { return _mm256_min_ps(a, b); }
  // The next lower whole number.
  static Float whole(Float x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  // x * 2^whole by adding to the exponent: for x about 1, and results that are not subnormal. NaN for NaN.
  static Float scale(Float x, Float whole) {
    const __m256i exponents = _mm256_slli_epi32(_mm256_cvtps_epi32(whole), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), exponents));
  }
  // a in the first lanes, b in the others.
  static Float first(std::size_t count, Float a, Float b) {
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(mask(count)));
  }
  // a in the lanes from `from` to before `to`, b in the others.
  static Float part(std::size_t from, std::size_t to, Float a, Float b) {
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(_mm256_andnot_si256(mask(from), mask(to))));
  }

  static float reduce_add(Float x) {
    const __m128 fours = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 pairs = _mm_add_ps(fours, _mm_movehl_ps(fours, fours));
    return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
  }
  static float reduce_max(Float x) {
    const __m128 fours = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    const __m128 pairs = _mm_max_ps(fours, _mm_movehl_ps(fours, fours));
    return _mm_cvtss_f32(_mm_max_ss(pairs, _mm_movehdup_ps(pairs)));
  }

  // 8 by 8: pairs, fours and halves of rows change places with those of columns. Rows beyond the last are the last
  // again.
  static void transpose_block(const std::byte* x, std::size_t stride, std::size_t rows, std::byte* out,
                              std::size_t out_stride) {
    __m256 a[8];
    __m256 b[8];
    unrolled<8>([&](auto i) {
      a[i] = _mm256_loadu_ps(reinterpret_cast<const float*>(x + (i < rows ? i : rows - 1) * stride));
    });
    unrolled<4>([&](auto i) {
      b[2 * i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]);
      b[2 * i + 1] = _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);
    });
    unrolled<2>([&](auto i) {
      a[4 * i] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0x44);
      a[4 * i + 1] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0xee);
      a[4 * i + 2] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0x44);
      a[4 * i + 3] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0xee);
    });
    unrolled<4>([&](auto i) {
      store_row(out + i * out_stride, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
      store_row(out + (i + 4) * out_stride, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
    });
  }

 private:
  static void store_row(std::byte* out, __m256 row) { _mm256_storeu_ps(reinterpret_cast<float*>(out), row); }
};

}  // namespace
}  // namespace ortembed::kernels
