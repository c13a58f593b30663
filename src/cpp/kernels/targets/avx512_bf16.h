// Owns AVX-512's products of bfloat16.
#pragma once

#include "kernels/bfloat16.h"
#include "kernels/targets/avx512.h"

namespace ortembed::kernels {
namespace {

// bfloat16 in pairs: vdpbf16ps.
struct Avx512Bfloat16Dot {
  static constexpr bool has_codes = false;
  static constexpr std::size_t lanes = 16;
  static constexpr std::size_t vector_bytes = 64;
  static constexpr std::size_t values_per_cell = 2;
  static constexpr std::size_t cell_bytes = 4;
  static constexpr std::size_t row_value_bytes = 2;
  static constexpr std::size_t weight_value_bytes = 2;
  static constexpr std::size_t tile_rows = 6;
  static constexpr std::size_t tile_vectors = 4;
  static constexpr std::size_t most_inputs = static_cast<std::size_t>(-1);
  using Sum = __m512;
  using Weight = __m512i;
  using Row = __m512i;
  using Value = float;

  static Sum zero() { return _mm512_setzero_ps(); }
  static Weight load(const std::byte* x) { return _mm512_loadu_si512(x); }
  static Row broadcast(const std::byte* x) { return Avx512Vectors::spread_cell(x); }
  static Sum add(Sum sum, Row row, Weight weight) {
#if defined(__GNUC__)
    asm("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(row), "v"(weight));
    return sum;
#else
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh&>(row), reinterpret_cast<__m512bh&>(weight));
#endif
  }
  static void store(Value* out, Sum sum) { _mm512_storeu_ps(out, sum); }

  static __m256i rounded(__m512 x) {
    const __m256bh result = _mm512_cvtneps_pbh(x);
    __m256i bits;
    std::memcpy(&bits, &result, sizeof bits);
    return bits;
  }
  static void store_values(std::byte* x, std::size_t i, __m512 value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(x + 2 * i), rounded(value));
  }
  static void store_values_part(std::byte* x, std::size_t i, __m512 value, std::size_t count) {
    _mm256_mask_storeu_epi16(x + 2 * i, Avx512Vectors::mask(count), rounded(value));
  }
  static float value(const std::byte* x, std::size_t i) {
    std::uint16_t bits;
    std::memcpy(&bits, x + 2 * i, sizeof bits);
    return float_of_bfloat16(bits);
  }
  static void set_value(std::byte* x, std::size_t i, float value) {
    const std::uint16_t bits = bfloat16_of(value);
    std::memcpy(x + 2 * i, &bits, sizeof bits);
  }
  // A cell for each column: a value of each of two rows, `stride` bytes apart, or of one and zero.
  static void interleave(const std::byte* rows, std::size_t stride, std::size_t count, std::size_t columns,
                         std::byte* out) {
    for (std::size_t j = 0; j < columns; j += lanes) {
      const __m512i low = wide(rows + 2 * j);
      const __m512i high = count == 2 ? _mm512_slli_epi32(wide(rows + stride + 2 * j), 16) : _mm512_setzero_si512();
      _mm512_storeu_si512(out + j * cell_bytes, _mm512_or_si512(low, high));
    }
  }

 private:
  static __m512i wide(const std::byte* x) {
    return _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
  }
};

}  // namespace
}  // namespace ortembed::kernels
