// Owns AVX-512's vectors of float, as the generic kernels ask for them.
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

struct Avx512Vectors : CommonVectors<Avx512Vectors> {
  static constexpr std::size_t lanes = 16;
  using Float = __m512;

  static __mmask16 mask(std::size_t count) { return static_cast<__mmask16>((1U << count) - 1U); }

  static Float zero() { return _mm512_setzero_ps(); }
  static Float set(float x) { return _mm512_set1_ps(x); }
  static Float load(const float* x) { return _mm512_loadu_ps(x); }
  // The first values of a vector, zero in the others.
  static Float load_part(const float* x, std::size_t count) { return _mm512_maskz_loadu_ps(mask(count), x); }
  static void store(float* x, Float value) { _mm512_storeu_ps(x, value); }
  static void store_part(float* x, Float value, std::size_t count) { _mm512_mask_storeu_ps(x, mask(count), value); }
  static Float to_float(const std::int32_t* x) { return _mm512_cvtepi32_ps(_mm512_loadu_si512(x)); }

  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float subtract(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float multiply(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float divide(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float multiply_add(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }
  // Where one is NaN: b.
  static Float max(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float min(Float a, Float b) { return _mm512_min_ps(a, b); }
  // x, or what has its sign and that magnitude where that is less. Of NaN: anything.
  static Float clamp(Float x, float magnitude) {
    constexpr int smaller_magnitude_sign_of_x = 2;
    return _mm512_range_ps(x, _mm512_set1_ps(magnitude), smaller_magnitude_sign_of_x);
  }
  static Float magnitude(Float x) { return _mm512_abs_ps(x); }
  // How many whole quarters x has, from 0 to below 4, as look_up() takes it: the last bits of what it is rounded to
  // beside a number whose last bit is worth a quarter.
  static __m512i quarters(Float x) {
    const Float large = _mm512_set1_ps(0x1p21F);
    return _mm512_castps_si512(_mm512_add_round_ps(x, large, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC));
  }
  static Float look_up(const float (&table)[16], __m512i place) {
    return _mm512_permutexvar_ps(place, _mm512_load_ps(table));
  }
  // What is above the next lower whole number.
  static Float fraction(Float x) { return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC); }
  // The next lower whole number, as scale() takes it: that rounds down by itself.
  static Float whole(Float x) { return x; }
  // x * 2^whole.
  static Float scale(Float x, Float whole) { return _mm512_scalef_ps(x, whole); }
  // a in the first lanes, b in the others.
  static Float first(std::size_t count, Float a, Float b) { return _mm512_mask_blend_ps(mask(count), b, a); }
  // a in the lanes from `from` to before `to`, b in the others.
  static Float part(std::size_t from, std::size_t to, Float a, Float b) {
    return _mm512_mask_blend_ps(static_cast<__mmask16>(mask(to) & ~mask(from)), b, a);
  }

  // Of each of `count` vectors that lie end to end; read and written are whole eights of them.
  static void reduce_add_rows(const float* x, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; i += rows_reduced_together) {
      reduce_rows(x + i * lanes, out + i, [](Float a, Float b) { return add(a, b); });
    }
  }
  static void reduce_max_rows(const float* x, std::size_t count, float* out) {
    for (std::size_t i = 0; i < count; i += rows_reduced_together) {
      reduce_rows(x + i * lanes, out + i, [](Float a, Float b) { return max(a, b); });
    }
  }
  // A cell of 4 bytes in each lane.
  static __m512i spread_cell(const std::byte* x) {
    std::int32_t cell;
    std::memcpy(&cell, x, sizeof cell);
    return _mm512_set1_epi32(cell);
  }

  // 16 by 16: pairs, fours, eights and sixteens of rows change places with those of columns. Rows beyond the last are
  // the last again.
  static void transpose_block(const std::byte* x, std::size_t stride, std::size_t rows, std::byte* out,
                              std::size_t out_stride) {
    __m512i a[16];
    __m512i b[16];
    unrolled<16>([&](auto i) { a[i] = _mm512_loadu_si512(x + (i < rows ? i : rows - 1) * stride); });
    unrolled<8>([&](auto i) {
      b[2 * i] = _mm512_unpacklo_epi32(a[2 * i], a[2 * i + 1]);
      b[2 * i + 1] = _mm512_unpackhi_epi32(a[2 * i], a[2 * i + 1]);
    });
    unrolled<4>([&](auto i) {
      a[4 * i] = _mm512_unpacklo_epi64(b[4 * i], b[4 * i + 2]);
      a[4 * i + 1] = _mm512_unpackhi_epi64(b[4 * i], b[4 * i + 2]);
      a[4 * i + 2] = _mm512_unpacklo_epi64(b[4 * i + 1], b[4 * i + 3]);
      a[4 * i + 3] = _mm512_unpackhi_epi64(b[4 * i + 1], b[4 * i + 3]);
    });
    unrolled<4>([&](auto i) {
      b[i] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
      b[i + 4] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xdd);
      b[i + 8] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
      b[i + 12] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xdd);
    });
    unrolled<8>([&](auto i) {
      _mm512_storeu_si512(out + i * out_stride, _mm512_shuffle_i32x4(b[i], b[i + 8], 0x88));
      _mm512_storeu_si512(out + (i + 8) * out_stride, _mm512_shuffle_i32x4(b[i], b[i + 8], 0xdd));
    });
  }

 private:
  // Of 8 vectors: rows change places with columns as they are joined, so that one join serves several rows.
  template <class Join>
  static void reduce_rows(const float* x, float* out, const Join& join) {
    Float pairs[4];
    Float fours[2];
    unrolled<4>([&](auto i) {
      const Float a = load(x + 2 * i * lanes);
      const Float b = load(x + (2 * i + 1) * lanes);
      pairs[i] = join(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    });
    unrolled<2>([&](auto i) {
      const __m512d a = _mm512_castps_pd(pairs[2 * i]);
      const __m512d b = _mm512_castps_pd(pairs[2 * i + 1]);
      fours[i] = join(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    });
    const Float halves =
        join(_mm512_shuffle_f32x4(fours[0], fours[1], 0x44), _mm512_shuffle_f32x4(fours[0], fours[1], 0xee));
    const Float all = join(halves, _mm512_shuffle_f32x4(halves, halves, 0xb1));
    _mm_storeu_ps(out, _mm512_castps512_ps128(all));
    _mm_storeu_ps(out + 4, _mm512_extractf32x4_ps(all, 2));
  }
};

}  // namespace
}  // namespace ortembed::kernels
